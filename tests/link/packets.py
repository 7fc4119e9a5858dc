"""IP packets made by hand for the link's tests, so that they depend on no parser."""

from __future__ import annotations

import struct

H1, H2 = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
A1, A2 = bytes(15) + b"\1", bytes(15) + b"\2"


def ipv4(protocol: int, body: bytes, *, tos: int = 0, fragment: int = 0, options: bytes = b"") -> bytes:
    words = 5 + len(options) // 4
    total = 4 * words + len(body)
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | words, tos, total, 1, fragment, 64, protocol, 0, H1, H2) + options
    checksum = ~ones_sum(header) & 0xFFFF
    return header[:10] + struct.pack("!H", checksum) + header[12:] + body


def ipv6(protocol: int, body: bytes, *, traffic_class: int = 0) -> bytes:
    return struct.pack("!IHBB16s16s", 6 << 28 | traffic_class << 20, len(body), protocol, 64, A1, A2) + body


def tcp(
    payload: bytes = b"", *, seq: int = 1, flags: int = 16, window: int = 1000, ports: tuple[int, int] = (1, 2)
) -> bytes:
    return struct.pack("!HHIIBBHHH", *ports, seq, 7, 0x50, flags, window, 0, 0) + payload


def udp(payload: bytes = b"", ports: tuple[int, int] = (1, 2)) -> bytes:
    return struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload


def ones_sum(data: bytes) -> int:
    """The one's complement sum of 16-bit words (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
