"""Packets of tests: TCP, UDP and ICMP over both versions of IP."""

from __future__ import annotations

import msgspec

from netemu.packet.bytes import to_bytes
from netemu.packet.ip import Icmp, Options, Packet, Tcp, Udp

ENDS = {4: ("10.0.0.1", "10.0.0.2"), 6: ("fd00::1", "fd00::2")}
DATA = Tcp(4000, 5001, 100, 7, 24, 502, b"x" * 100, Options(ts_val=1, ts_ecr=2))


def packet(body: Tcp | Udp | Icmp | bytes = DATA, version: int = 4, *, tos: int = 0) -> Packet:
    """One packet with its length reckoned."""
    protocol = 6 if isinstance(body, Tcp) else 17 if isinstance(body, Udp) else 1 if version == 4 else 58
    blank = Packet(version, *ENDS[version], protocol, 1500, body, tos=tos, dont_fragment=version == 6)
    return msgspec.structs.replace(blank, length=len(to_bytes(blank)))


ALL = [
    packet(body, version, tos=2)
    for version in (4, 6)
    for body in (DATA, Udp(53, 54, b"abc"), Icmp(8 if version == 4 else 128, 0, data=b"\0\1\0\2abcd"), b"raw")
]
