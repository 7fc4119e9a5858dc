"""Small captures of every kind that netemu reads, whole and well made: what hostile files are made from."""
# ruff: noqa: PLR0917

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import zstandard

from tests.trace import dissection as d
from tests.trace.build import ACK, FIN, SYN, Talk

ALL_OPTIONS = (
    b"\2\4\5\xb4\3\3\7\4\2\1\1\x08\x0a\0\0\0\1\0\0\0\2",  # MSS, window scale, SACK permitted, timestamps
    b"\x22\x0a" + bytes(8) + b"\xfe\4\xf9\x89" + b"\x1c\4\x80\x05\1\1",  # Fast Open twice, user timeout
    b"\x1e\x0c\0\x81" + bytes(8) + b"\x13\x12" + bytes(16) + b"\1\1",  # MPTCP, MD5
    b"\x1d\x10" + bytes(14) + b"\5\x12" + struct.pack("!4I", 2100, 2200, 2300, 2400),  # AO, SACK
    b"\5\x22" + struct.pack("!8I", *range(2100, 2900, 100)) + b"\1\1",
)


@dataclass(frozen=True)
class Sample:
    """A capture and where its records or blocks begin."""

    name: str
    data: bytes
    bounds: tuple[int, ...]


def conversation(client: str, server: str) -> list[bytes]:
    """A handshake, loss repaired by SACK and by timeout, a closed window, both FINs."""
    talk = Talk(client=client, server=server)
    talk.handshake()
    for k in range(5):
        talk.say(20 + k / 10, "a", 1 + 200 * k, 1, 200)
    talk.say(30, "b", 1, 1, sack=[(401, 801)])
    talk.say(31, "b", 1, 1, sack=[(1, 100), (401, 1001)])
    talk.say(32, "a", 1, 1, 200)
    talk.say(300, "a", 201, 1, 200)
    talk.say(310, "b", 1, 1001, window=0)
    talk.say(800, "a", 1000, 1)
    talk.say(810, "b", 1, 1001, 60, window=90, sack=[(1, 201)])
    talk.say(820, "a", 1001, 61, flags=FIN | ACK)
    talk.say(830, "b", 61, 1002, flags=FIN | ACK)
    talk.say(840, "a", 0, 0, flags=SYN)
    return [data for _, data, _ in talk.records]


def fragments(version: int) -> Iterator[bytes]:
    """One TCP segment in three parts, and the first of them twice."""
    segment = d.tcp(bytes(60), options=ALL_OPTIONS[0] + b"\0\0\0")
    for start, end in ((0, 40), (0, 40), (80, 120), (40, 80)):
        part, more = segment[start:end], int(end < len(segment))
        if version == 4:
            yield d.ethernet(d.ipv4(part, word=more << 13 | start // 8))
        else:
            yield d.ethernet(d.ipv6(struct.pack("!BBHI", 6, 0, start | more, 77) + part, following=44))


def icmp_errors() -> Iterator[bytes]:
    """Errors of both versions about the conversations' packets."""
    about4 = d.ipv4(d.tcp(), ends=("10.0.0.1", "10.0.0.2"))
    about6 = d.ipv6(d.tcp(), ends=("fd00::1", "fd00::2"))
    for kind, code in ((3, 4), (3, 1), (11, 0)):
        yield d.ethernet(d.ipv4(struct.pack("!BBHI", kind, code, 0, 1280) + about4, protocol=1))
    for kind, code in ((2, 0), (1, 3), (3, 0)):
        yield d.ethernet(d.ipv6(struct.pack("!BBHI", kind, code, 0, 1280) + about6, following=58))


def odd_packets() -> Iterator[bytes]:
    """Options, extension headers, jumbograms, offloads, tunnels, tags, UDP, and what is not IP."""
    for options in ALL_OPTIONS:
        yield d.ethernet(d.ipv4(d.tcp(b"x" * 9, options=options + bytes(-len(options) % 4))), 0x88A8, 0x8100)
    yield d.ethernet(d.ipv4(d.tcp(b"x"), options=b"\7\x0b\4" + bytes(9)))
    chain = struct.pack("!BB", 60, 0) + bytes(6) + struct.pack("!BB", 51, 1) + bytes(14) + b"\6\4" + bytes(22)
    yield d.ethernet(d.ipv6(chain + d.tcp(b"x"), following=0))
    yield d.ethernet(d.ipv6(b"\6\0\xc2\4\0\1\x11\x70" + d.tcp(b"x" * 30), following=0, length=0))
    yield d.ethernet(d.ipv4(d.tcp(b"x" * 30), total=0))
    inner4, inner6 = d.ipv4(d.tcp(b"in")), d.ipv6(d.tcp(b"in"))
    yield d.ethernet(d.ipv4(inner6, protocol=41))
    yield d.ethernet(d.ipv4(b"\xb0\0\x08\0" + bytes(12) + inner4, protocol=47))
    vxlan = struct.pack("!HHHHII", 9, 4789, 0, 0, 0x08000000, 7) + d.ethernet(inner4, 0x8100)
    yield d.ethernet(d.ipv4(vxlan, protocol=17))
    yield d.ethernet(d.ipv6(d.ipv4(b"\0\0\x65\x58" + d.ethernet(inner6), protocol=47), following=4))
    yield d.ethernet(d.ipv4(struct.pack("!HHHH", 53, 53, 20, 0) + bytes(12), protocol=17))
    yield bytes(12) + b"\x08\x06" + bytes(28)
    yield b""


FRAMES = [
    *conversation("10.0.0.1", "10.0.0.2"),
    *fragments(4),
    *odd_packets(),
    *conversation("fd00::1", "fd00::2"),
    *fragments(6),
    *icmp_errors(),
]


def _sample(name: str, parts: list[bytes]) -> Sample:
    bounds, at = [], 0
    for part in parts:
        bounds.append(at)
        at += len(part)
    return Sample(name, b"".join(parts), tuple(bounds))


def _pcap(
    name: str, magic: int, order: str, link: int = 1, frames: list[bytes] | None = None, cut: int = 1 << 16
) -> Sample:
    parts = [d.pcap_header(magic=magic, order=order, link=link)]
    unit = 1_000_000 if magic == d.NANO else 1000
    extra = bytes(8) if magic == d.KUZNETZOV else b""
    for k, frame in enumerate(frames or FRAMES):
        record = d.record(k // 100, k % 100 * 10 * unit, frame[:cut], len(frame), order=order)
        parts.append(record[:16] + extra + record[16:])
    return _sample(name, parts)


def _blocks(order: str) -> Iterator[bytes]:
    """A section with several interfaces and every kind of block."""
    yield d.section(d.option(1, b"a section", order=order) + d.option(3, b"Linux", order=order), order=order)
    yield d.interface(d.option(2, b"eth0", order=order) + d.option(9, b"\x09", order=order), order=order)
    resolution = d.option(9, b"\x94", order=order) + d.option(14, struct.pack(order + "q", 3), order=order)
    yield d.interface(resolution + d.option(1, b"an interface", order=order), order=order, snap=70)
    yield d.interface(link=105, order=order)
    for k, frame in enumerate(FRAMES):
        if k % 7 == 3:
            yield d.simple(frame, order=order)
        elif k % 7 == 5:
            head = struct.pack(order + "HHIIII", 1, 9, 0, k << 14, len(frame), len(frame))
            yield d.block(d.OLD_PACKET, head + frame, order=order)
        else:
            lengths = len(frame), len(frame)
            head = struct.pack(order + "IIIII", 2 * (k % 23 == 9), 0, k * 10_000_000, *lengths)
            note = d.option(1, b"a packet", order=order) + d.option(0, b"", order=order)
            yield d.block(d.ENHANCED, head + frame + bytes(-len(frame) % 4) + note * (k % 3 == 0), order=order)
        if k % 11 == 0:
            yield d.block(0xBAD, struct.pack(order + "I", 32473) + b"custom", order=order)
    yield d.block(4, bytes(16), order=order)
    drops = d.option(5, struct.pack(order + "Q", 7), order=order)
    yield d.block(d.STATISTICS, bytes(12) + drops, order=order)


def _on_link(link: int) -> list[bytes]:
    """The IP packets behind the header of another link type."""
    found = []
    for frame in FRAMES:
        kind, packet = frame[12:14], frame[14:]
        if kind in (b"\x08\x00", b"\x86\xdd"):
            family = struct.pack("<I", 2 if kind == b"\x08\x00" else 30)
            found.append(
                {113: bytes(14) + kind, 276: kind + bytes(18), 0: family, 108: family[::-1], 101: b""}[link] + packet
            )
    return found


def samples() -> list[Sample]:
    """All of them."""
    found = [
        _pcap("pcap", d.NANO, "<"),
        _pcap("pcap, big endian", d.MICRO, ">"),
        _pcap("pcap of the patched libpcap", d.KUZNETZOV, "<"),
        _pcap("pcap, cut to 60 bytes", d.NANO, "<", cut=60),
        *(_pcap(f"pcap of link type {link}", d.NANO, "<", link, _on_link(link)) for link in (113, 276, 0, 108, 101)),
        _sample("pcapng", list(_blocks("<"))),
        _sample("pcapng, big endian", list(_blocks(">"))),
        _sample("pcapng, two sections", [*_blocks("<"), *_blocks(">")]),
    ]
    return found


PACKERS = {
    "gzip": lambda data: gzip.compress(data, 1, mtime=0),
    "zstd": lambda data: zstandard.ZstdCompressor(level=1).compress(data),
    "zstd in frames": lambda data: b"".join(
        zstandard.ZstdCompressor(level=1, write_checksum=True).compress(data[at : at + 3000])
        for at in range(0, len(data), 3000)
    ),
}
