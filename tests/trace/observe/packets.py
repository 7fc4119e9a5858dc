"""UDP, ICMP and fragments as frames."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from pathlib import Path

import polars as pl

from netemu.agents.datagrams import HEADER
from netemu.agents.payload import Payload
from netemu.trace import analyze
from tests.trace.build import MS, Record, ethernet, ip_header, write_pcap

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "fd00::1", "fd00::2"


def record(t_ms: float, packet: bytes) -> Record:
    """A frame captured whole at ``t_ms``."""
    data = ethernet(packet)
    return round(t_ms * MS), data, len(data)


def udp(
    t_ms: float, payload: bytes, *, source: str = A, destination: str = B, ports: tuple[int, int] = (4000, 5001)
) -> Record:
    """One datagram."""
    body = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    return record(t_ms, ip_header(source, destination, 17, len(body)) + body)


def numbered(t_ms: float, number: int, *, sent_ms: float = 0.0, size: int = 100, **place: str) -> Record:
    """One datagram as netemu's agents send it."""
    payload = HEADER.pack(number, round(sent_ms * MS)) + Payload(size).expected(HEADER.size, size - HEADER.size)
    return udp(t_ms, payload, **place)


def echo(t_ms: float, number: int, *, reply: bool = False, source: str = A, destination: str = B) -> Record:
    """An echo request or reply of either version."""
    six = ip_address(source).version == 6
    kind = (129 if reply else 128) if six else (0 if reply else 8)
    body = struct.pack("!BBHHH", kind, 0, 0, 77, number) + bytes(56)
    return record(t_ms, ip_header(source, destination, 58 if six else 1, len(body)) + body)


def fragments(t_ms: float, ip_id: int, sizes: list[int], *, six: bool = False) -> list[Record]:
    """A UDP datagram in fragments that carry these bytes of it each."""
    datagram = struct.pack("!HHHH", 4000, 5001, sum(sizes), 0) + bytes(sum(sizes) - 8)
    made, offset = [], 0
    for number, size in enumerate(sizes):
        more = number < len(sizes) - 1
        part = datagram[offset : offset + size]
        if six:
            extension = struct.pack("!BBHI", 17, 0, offset | more, ip_id)
            packet = ip_header(A6, B6, 44, 8 + size) + extension + part
        else:
            header = bytearray(ip_header(A, B, 17, size, ip_id=ip_id, df=False))
            header[6:8] = struct.pack("!H", (0x2000 if more else 0) | offset // 8)
            packet = bytes(header) + part
        made.append(record(t_ms + number / 1000, packet))
        offset += size
    return made


def table(directory: Path, records: list[Record], name: str) -> pl.DataFrame:
    """One table of the analysis of these packets."""
    return analyze([write_pcap(directory / "packets.pcap", records)], relative=False).tables[name]
