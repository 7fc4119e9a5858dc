"""Captures made by hand: conversations written as a person would tell them, frames and file headers by ``struct``."""
# ruff: noqa: PLR0917 (a packet is told by position: time, side, seq, ack, payload, flags)

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from netemu.trace import Analysis, analyze

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MS = 1_000_000
Record = tuple[int, bytes, int]
"""Time in nanoseconds, captured bytes, length on the wire."""


def tcp_options(
    *,
    mss: int | None = None,
    sack_ok: bool = False,
    stamps: tuple[int, int] | None = None,
    wscale: int | None = None,
    sack: Sequence[tuple[int, int]] = (),
) -> bytes:
    """Options in Linux's order, padded to words."""
    text = b""
    if mss is not None:
        text += struct.pack("!BBH", 2, 4, mss)
    if sack_ok:
        text += b"\4\2"
    if stamps is not None:
        text += b"\1\1" * (not sack_ok) + struct.pack("!BBII", 8, 10, *stamps)
    if wscale is not None:
        text += struct.pack("!BBBB", 1, 3, 3, wscale)
    if sack:
        text += struct.pack("!BBBB", 1, 1, 5, 2 + 8 * len(sack))
        text += b"".join(struct.pack("!II", *(edge & 0xFFFFFFFF for edge in block)) for block in sack)
    return text + b"\1" * (-len(text) % 4)


def ip_header(source: str, destination: str, protocol: int, payload: int, *, ip_id: int = 0, df: bool = True) -> bytes:
    """An IPv4 or IPv6 header, by the kind of address; checksums are left zero."""
    a, b = ip_address(source), ip_address(destination)
    if a.version == 4:
        fixed = struct.pack("!BBHHHBBH", 0x45, 0, 20 + payload, ip_id, 0x4000 * df, 64, protocol, 0)
        return fixed + a.packed + b.packed
    return struct.pack("!IHBB", 6 << 28, payload, protocol, 64) + a.packed + b.packed


def ethernet(packet: bytes) -> bytes:
    """A frame around an IP packet."""
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    return b"\2\0\0\0\0\2\2\0\0\0\0\1" + struct.pack("!H", kind) + packet


def write_pcap(
    path: Path, records: Iterable[Record], *, link: int = 1, nano: bool = True, order: str = "<", snap: int = 65535
) -> Path:
    """A pcap file in either byte order and precision."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)]
    for t_ns, data, wire in records:
        fraction = t_ns % 10**9 // (1 if nano else 1000)
        parts += (struct.pack(order + "IIII", t_ns // 10**9, fraction, len(data), wire), data)
    path.write_bytes(b"".join(parts))
    return path


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(code: int, value: bytes, order: str = "<") -> bytes:
    """A pcapng option, padded."""
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<", options: bytes = b"") -> bytes:
    """A section header block."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def interface(name: str = "", *, link: int = 1, resolution: int | None = 9, order: str = "<", snap: int = 0) -> bytes:
    """An interface description block; ``resolution`` is the byte of if_tsresol, None leaves it out."""
    options = option(2, name.encode(), order) if name else b""
    if resolution is not None:
        options += option(9, bytes([resolution]), order)
    return block(1, struct.pack(order + "HHI", link, 0, snap) + options + option(0, b"", order), order)


def enhanced(stamp: int, data: bytes, wire: int | None = None, *, number: int = 0, order: str = "<") -> bytes:
    """An enhanced packet block with a raw timestamp."""
    head = struct.pack(order + "IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, len(data), wire or len(data))
    return block(6, head + data + bytes(-len(data) % 4), order)


@dataclass
class Talk:
    """A TCP conversation of ``a`` (client) and ``b``; offsets are relative to each side's initial sequence number."""

    client: str = "10.0.0.1"
    server: str = "10.0.0.2"
    ports: tuple[int, int] = (40000, 80)
    isn: dict[str, int] = field(default_factory=lambda: {"a": 1000, "b": 5000})
    records: list[Record] = field(default_factory=list)
    ip_ids: dict[str, int] = field(default_factory=lambda: {"a": 100, "b": 7000})
    stamps: bool = True
    sack: bool = True
    mss: int = 1460
    wscale: int | None = 7

    def frame(
        self, side: str, seq: int, ack: int, flags: int, payload: int, window: int, options: bytes, **ip: Any
    ) -> bytes:
        other = "b" if side == "a" else "a"
        source, destination = (self.client, self.server)[:: 1 if side == "a" else -1]
        sport, dport = self.ports[:: 1 if side == "a" else -1]
        numbers = ((self.isn[side] + seq) & 0xFFFFFFFF, (self.isn[other] + ack) & 0xFFFFFFFF if flags & ACK else 0)
        words = (5 + len(options) // 4) << 4
        header = struct.pack("!HHIIBBHHH", sport, dport, *numbers, words, flags, window, 0, 0) + options
        return ethernet(ip_header(source, destination, 6, len(header) + payload, **ip) + header + bytes(payload))

    def say(
        self,
        t_ms: float,
        side: str,
        seq: int,
        ack: int,
        payload: int = 0,
        flags: int = ACK,
        *,
        window: int = 500,
        sack: Sequence[tuple[int, int]] = (),
        stamps: tuple[int, int] | None = None,
        ip_id: int | None = None,
        df: bool = True,
    ) -> None:
        """One packet at ``t_ms``; its timestamps are milliseconds unless given."""
        if self.stamps and stamps is None:
            stamps = (1000 + int(t_ms), 1000 + int(t_ms) - 1)
        syn = bool(flags & SYN)
        other = "b" if side == "a" else "a"
        blocks = [(self.isn[other] + low, self.isn[other] + high) for low, high in sack]
        options = tcp_options(
            mss=self.mss if syn else None,
            sack_ok=syn and self.sack,
            stamps=stamps,
            wscale=self.wscale if syn else None,
            sack=blocks,
        )
        self.ip_ids[side] += 1
        number = self.ip_ids[side] if ip_id is None else ip_id
        data = self.frame(side, seq, ack, flags, payload, window, options, ip_id=number & 0xFFFF, df=df)
        self.records.append((int(t_ms * MS), data, len(data)))

    def handshake(self, rtt_ms: float = 10.0) -> None:
        """SYN, SYN-ACK, ACK from time 0."""
        self.say(0, "a", 0, 0, flags=SYN)
        self.say(rtt_ms, "b", 0, 1, flags=SYN | ACK)
        self.say(rtt_ms + 0.01, "a", 1, 1)

    def close(self, t_ms: float, a: int, b: int, rtt_ms: float = 10.0) -> None:
        """FIN both ways, all acknowledged."""
        self.say(t_ms, "a", a, b, flags=FIN | ACK)
        self.say(t_ms + rtt_ms, "b", b, a + 1, flags=FIN | ACK)
        self.say(t_ms + rtt_ms + 0.01, "a", a + 1, b + 1)

    def analyse(self, directory: Path) -> Analysis:
        """The analysis of this conversation alone."""
        return analyze([write_pcap(directory / "talk.pcap", self.records)])

    def kinds(self, directory: Path) -> list[str]:
        """Kind of each of a's packets that carry sequence space, in order."""
        packets = self.analyse(directory).packets
        return [
            kind
            for kind, side in zip(packets["kind"], packets["direction"], strict=True)
            if side == 0 and kind != "none"
        ]


def one(analysis: Analysis) -> dict[str, Any]:
    """The only connection."""
    rows = analysis.connections.to_dicts()
    assert len(rows) == 1, rows
    return rows[0]
