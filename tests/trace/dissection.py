"""Files made of bytes and read in memory, every field of the scratch packet in reach: tools of byte-level tests."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from netemu.trace import layout, track
from netemu.trace import records as r
from netemu.trace.container import Container, Fault
from netemu.trace.source import Window
from netemu.trace.state import State

MICRO, NANO, KUZNETZOV = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
ETHERNET, RAW = 1, 101
SECTION, INTERFACE, OLD_PACKET, SIMPLE, STATISTICS, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 5, 6
UNKNOWN = 0x0BAD


# Files


def pcap_header(*, link: int = ETHERNET, magic: int = NANO, order: str = "<", snap: int = 65535) -> bytes:
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)


def record(seconds: int, fraction: int, data: bytes, wire: int | None = None, *, order: str = "<") -> bytes:
    """A pcap record; ``fraction`` is in the file's own unit."""
    return struct.pack(order + "IIII", seconds, fraction, len(data), len(data) if wire is None else wire) + data


def pcap(frames: Iterable[bytes], *, link: int = ETHERNET) -> bytes:
    """A nanosecond pcap whose k-th frame was seen at k milliseconds."""
    records = [record(k // 1000, k % 1000 * 1_000_000, frame) for k, frame in enumerate(frames)]
    return pcap_header(link=link) + b"".join(records)


def block(kind: int, body: bytes, *, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def option(code: int, value: bytes, *, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(options: bytes = b"", *, order: str = "<") -> bytes:
    return block(SECTION, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order=order)


def interface(options: bytes = b"", *, link: int = ETHERNET, snap: int = 0, order: str = "<") -> bytes:
    return block(INTERFACE, struct.pack(order + "HHI", link, 0, snap) + options, order=order)


def enhanced(stamp: int, data: bytes, wire: int | None = None, *, number: int = 0, order: str = "<") -> bytes:
    lengths = len(data), len(data) if wire is None else wire
    head = struct.pack(order + "IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, *lengths)
    return block(ENHANCED, head + data, order=order)


def simple(data: bytes, wire: int | None = None, *, order: str = "<") -> bytes:
    return block(SIMPLE, struct.pack(order + "I", len(data) if wire is None else wire) + data, order=order)


# Packets


def ethernet(packet: bytes, *tags: int) -> bytes:
    """A frame around an IP packet behind VLAN tags of these EtherTypes."""
    kind = 0x86DD if packet[:1] and packet[0] >> 4 == 6 else 0x0800
    return bytes(12) + b"".join(struct.pack("!HH", tag, 7) for tag in tags) + struct.pack("!H", kind) + packet


def ipv4(
    payload: bytes,
    *,
    protocol: int = 6,
    options: bytes = b"",
    word: int = 0x4000,
    total: int | None = None,
    ip_id: int = 7,
    ends: tuple[str, str] = ("10.0.0.1", "10.0.0.2"),
) -> bytes:
    """An IPv4 packet; ``word`` holds the flags and the fragment offset."""
    header = 20 + len(options)
    size = header + len(payload) if total is None else total
    fixed = struct.pack("!BBHHHBBH", 0x40 | header // 4, 1, size, ip_id, word, 63, protocol, 0)
    return fixed + b"".join(ipaddress.ip_address(end).packed for end in ends) + options + payload


def ipv6(
    payload: bytes, *, following: int = 6, length: int | None = None, ends: tuple[str, str] = ("2001:db8::1", "fe80::2")
) -> bytes:
    """An IPv6 packet; ``following`` is its next header, extension headers are the start of ``payload``."""
    size = len(payload) if length is None else length
    fixed = struct.pack("!IHBB", 6 << 28 | 2 << 20, size, following, 62)
    return fixed + b"".join(ipaddress.ip_address(end).packed for end in ends) + payload


def tcp(
    payload: bytes = b"", *, options: bytes = b"", seq: int = 1000, ack: int = 2000, flags: int = 16, words: int = 0
) -> bytes:
    """A TCP segment of ports 40000 and 80; ``words`` replaces the header length that the options give."""
    length = words or 5 + len(options) // 4
    return struct.pack("!HHIIBBHHH", 40000, 80, seq, ack, length << 4, flags, 500, 0, 0) + options + payload


# What the compiled pass makes of it


@dataclass
class Scanned:
    """Every packet's scratch fields as it left the pass, SACK blocks, and how the file ended."""

    container: Container
    state: State
    packets: list[dict[str, int]] = field(default_factory=list)
    sacks: list[list[tuple[int, int]]] = field(default_factory=list)
    fault: Fault | None = None
    end: int = 0

    def all(self, name: str) -> list[int]:
        return [packet[name] for packet in self.packets]


def _keep(found: Scanned) -> None:
    packets = found.state.tables["packet"]
    fields = (name for name in layout.PACKET.names if name != "sack")  # an address
    found.packets.append({name: int(layout.PACKET.column(packets, name)[0]) for name in fields})
    edges = found.state.tables["sack"][: 2 * found.packets[-1]["sack_count"]].tolist()
    found.sacks.append(list(zip(edges[::2], edges[1::2], strict=True)))
    for count in ("rtt_count", "sack_count", "icmp_count", "other_count", "patch_count"):
        found.state.clear(count)


def scan(data: bytes, *, inner: bool = False) -> Scanned:
    """Read a whole file's bytes, one packet at a time; ``end`` is the status the pass ended with."""
    window = Window(np.frombuffer(data, np.uint8), 0, True)
    found = Scanned(Container("memory"), State(1))
    found.container.open(window)
    layout.PACKET.column(found.state.tables["packet"], "inner")[:] = inner
    columns = layout.new_columns(1)
    table = layout.column_table(columns)
    file, size = window.data.ctypes.data, window.data.size
    tables = found.container.scan.ctypes.data, found.container.interfaces.ctypes.data
    while True:
        why, row = track.run(file, size, *tables, found.state.address, table.ctypes.data, 1, 0)
        if row:
            _keep(found)
        if why == track.GROW:
            found.state.grow()
        elif why == r.BLOCK:
            found.fault = found.container.read_block(window)
            if found.fault is not None:
                return found
        elif why != track.FULL:
            found.end = why
            return found


def dissect(frame: bytes, link: int = ETHERNET, wire: int | None = None) -> dict[str, int]:
    """The scratch packet of one frame, as the only one of its file."""
    packets = scan(pcap_header(link=link) + record(0, 0, frame, wire)).packets
    assert len(packets) == 1
    return packets[0]


def address(packet: dict[str, int], end: str) -> str:
    """``src``, ``dst``, ``q_src`` or ``q_dst`` of a packet as text."""
    high, low = (packet[f"{end}_{half}"] & 0xFFFFFFFFFFFFFFFF for half in ("hi", "lo"))
    if packet["ip_version"] == 4:
        return str(ipaddress.IPv4Address(low & 0xFFFFFFFF))
    return str(ipaddress.IPv6Address(high << 64 | low))
