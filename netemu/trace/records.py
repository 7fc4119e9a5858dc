"""The next packet record of a pcap or pcapng byte window, compiled (draft-ietf-opsawg-pcap, -pcapng)."""

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.bytes import file16, file32
from netemu.trace.compiled import compiled

FORMAT_PCAP, FORMAT_PCAPNG = 0, 1

RECORD, NEED_MORE, BLOCK, BAD_LENGTH, BAD_INTERFACE, BAD_TRAILER = 0, 1, 2, 3, 4, 5
"""What :func:`next_record` found at the position: a packet; the window's end within a record; a block that Python
reads (section, interface, statistics); a length no writer makes; an interface never described; two lengths that
differ."""

S_POSITION, S_FORMAT, S_LITTLE, S_RECORD_HEADER, S_IF_BASE, S_IF_COUNT, S_VALUE = range(7)
"""Indices of the scan state: position in the window, format, byte order, bytes of a pcap record's header, the
section's first interface and how many it has, and the offending value after a BAD status."""

I_LINK, I_UNIT, I_VALUE, I_OFFSET_NS, I_CAPTURE, I_SNAP = range(6)
"""Columns of the interface table; the unit of its times is one of the following."""
UNIT_MULTIPLY, UNIT_DIVIDE, UNIT_SHIFT = 0, 1, 2

MAX_RECORD_BYTES = 1 << 20
"""Largest captured length taken for true: libpcap's limit is 262,144, BIG TCP super-segments reach half of this."""
MAX_BLOCK_BYTES = 1 << 24
"""Largest pcapng block taken for true (libpcap's own limit)."""

BLOCK_SECTION, BLOCK_INTERFACE, BLOCK_OLD_PACKET, BLOCK_SIMPLE, BLOCK_STATISTICS, BLOCK_ENHANCED = (
    0x0A0D0D0A,
    1,
    2,
    3,
    5,
    6,
)


@compiled
def to_ns(stamp: int, unit: int, value: int) -> int:
    """A timestamp in nanoseconds, rounded down; ``value`` is the factor, the divisor, or the power of two."""
    if unit == UNIT_MULTIPLY:
        return stamp * value
    if unit == UNIT_DIVIDE:
        return stamp // value
    seconds, fraction, shift = stamp >> value, stamp & ((np.int64(1) << value) - 1), value
    if shift > 33:
        fraction >>= shift - 33
        shift = 33
    return seconds * 1_000_000_000 + ((fraction * 1_000_000_000) >> shift)


@compiled
def _next_pcap(data: Any, end: int, scan: Any, interfaces: Any, p: Any) -> int:
    at, little, header = scan[S_POSITION], scan[S_LITTLE], scan[S_RECORD_HEADER]
    if at + header > end:
        return NEED_MORE
    captured, original = file32(data, at + 8, little), file32(data, at + 12, little)
    if captured > MAX_RECORD_BYTES:
        scan[S_VALUE] = captured
        return BAD_LENGTH
    if at + header + captured > end:
        return NEED_MORE
    seconds, fraction = file32(data, at, little), file32(data, at + 4, little)
    p.t_ns = seconds * 1_000_000_000 + fraction * interfaces[0, I_VALUE]
    p.offset, p.cap_bytes, p.wire_bytes = at + header, captured, max(original, captured)
    p.link, p.capture = interfaces[0, I_LINK], interfaces[0, I_CAPTURE]
    scan[S_POSITION] = at + header + captured
    return RECORD


@compiled
def _packet_block(data: Any, at: int, length: int, kind: int, scan: Any, interfaces: Any, p: Any) -> int:
    little = scan[S_LITTLE]
    if length < (16 if kind == BLOCK_SIMPLE else 32):
        scan[S_VALUE] = length
        return BAD_LENGTH
    number = np.int64(0)
    if kind == BLOCK_ENHANCED:
        number = file32(data, at + 8, little)
    elif kind == BLOCK_OLD_PACKET:
        number = file16(data, at + 8, little)
    if number >= scan[S_IF_COUNT]:
        scan[S_VALUE] = number
        return BAD_INTERFACE
    row = scan[S_IF_BASE] + number
    if kind == BLOCK_SIMPLE:
        # No time: it takes the previous packet's, which p still holds
        original = file32(data, at + 8, little)
        captured = min(original, length - 16)
        if interfaces[row, I_SNAP] > 0:
            captured = min(captured, interfaces[row, I_SNAP])
        p.offset = at + 12
    else:
        stamp = (file32(data, at + 12, little) << 32) | file32(data, at + 16, little)
        captured, original = file32(data, at + 20, little), file32(data, at + 24, little)
        if captured > length - 32:
            scan[S_VALUE] = captured
            return BAD_LENGTH
        p.t_ns = to_ns(stamp, interfaces[row, I_UNIT], interfaces[row, I_VALUE]) + interfaces[row, I_OFFSET_NS]
        p.offset = at + 28
    p.cap_bytes, p.wire_bytes = captured, max(original, captured)
    p.link, p.capture = interfaces[row, I_LINK], interfaces[row, I_CAPTURE]
    scan[S_POSITION] = at + length
    return RECORD


@compiled
def _next_pcapng(data: Any, end: int, scan: Any, interfaces: Any, p: Any) -> int:
    little = scan[S_LITTLE]
    while True:
        at = scan[S_POSITION]
        if at + 12 > end:
            return NEED_MORE
        kind = file32(data, at, little)
        if kind == BLOCK_SECTION:  # its own byte order is still to be read
            return BLOCK
        length = file32(data, at + 4, little)
        if length < 12 or length % 4 or length > MAX_BLOCK_BYTES:
            scan[S_VALUE] = length
            return BAD_LENGTH
        if at + length > end:
            return NEED_MORE
        if file32(data, at + length - 4, little) != length:
            scan[S_VALUE] = file32(data, at + length - 4, little)
            return BAD_TRAILER
        if kind in (BLOCK_ENHANCED, BLOCK_SIMPLE, BLOCK_OLD_PACKET):
            return _packet_block(data, at, length, kind, scan, interfaces, p)
        if kind in (BLOCK_INTERFACE, BLOCK_STATISTICS):
            return BLOCK
        scan[S_POSITION] = at + length


@compiled
def next_record(data: Any, end: int, scan: Any, interfaces: Any, p: Any) -> int:
    """Put time, place and link type of the next packet of ``data[:end]`` into ``p`` and move the position past it."""
    if scan[S_FORMAT] == FORMAT_PCAP:
        return _next_pcap(data, end, scan, interfaces, p)
    return _next_pcapng(data, end, scan, interfaces, p)
