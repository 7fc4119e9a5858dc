"""The next packet record of a pcap or pcapng byte window, compiled (draft-ietf-opsawg-pcap, -pcapng)."""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917, PLR0911 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled
from netemu.trace.layout import interface_at
from netemu.trace.memory import be16, be32, i64, le16, le32

FORMAT_PCAP, FORMAT_PCAPNG = 0, 1

RECORD, NEED_MORE, BLOCK, BAD_LENGTH, BAD_INTERFACE, BAD_TRAILER = 0, 1, 2, 3, 4, 5
"""What :func:`next_record` found at the position: a packet; the window's end within a record; a block that Python
reads (section, interface, statistics); a length no writer makes; an interface never described; two lengths that
differ."""

ALWAYS_SWAPPED, PERHAPS_SWAPPED = 1, 2
"""The order of a pcap record's two lengths: before version 2.3 the original one came first, in 2.3 either did."""

UNIT_MULTIPLY, UNIT_DIVIDE, UNIT_SHIFT = 0, 1, 2
"""How an interface counts time: its value is the factor or divisor to nanoseconds, or a power of two."""

LATEST_NS = (1 << 63) - 1
"""Times are nanoseconds from 1970 on in 63 bits: the year 2262. So no difference of two of them overflows."""

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
OPTION_COMMENT = 1


@compiled
def _file32(data: int, at: int, little: int) -> int:
    """Four bytes in the byte order of the file's writer."""
    return le32(data, at) if little else be32(data, at)


@compiled
def _file16(data: int, at: int, little: int) -> int:
    """Two bytes in the byte order of the file's writer."""
    return le16(data, at) if little else be16(data, at)


@compiled
def _scaled(stamp: int, shift: int) -> int:
    """``stamp * 10**9 >> shift``, exact, the stamp unsigned; -1 beyond 63 bits."""
    high = ((stamp >> 32) & 0xFFFFFFFF) * 1_000_000_000
    low = (stamp & 0xFFFFFFFF) * 1_000_000_000
    if shift > 32:
        return (high + (low >> 32)) >> min(shift - 32, 63)
    if high > LATEST_NS >> (32 - shift):
        return -1
    high <<= 32 - shift
    low >>= shift
    return -1 if high > LATEST_NS - low else high + low


@compiled
def to_ns(stamp: int, unit: int, value: int) -> int:
    """A timestamp in nanoseconds, rounded down; -1 when that takes more than 63 bits.

    ``stamp`` is 64 unsigned bits; ``value`` is the factor, the divisor (64 unsigned bits too), or the power of two.
    """
    if unit == UNIT_SHIFT:
        return _scaled(stamp, value)
    if unit == UNIT_DIVIDE:
        return i64(np.uint64(stamp) // np.uint64(value))  # type: ignore[arg-type]
    if stamp < 0 or stamp > LATEST_NS // value:
        return -1
    return stamp * value


@compiled
def _stamp(scan: Any, p: Any, t_ns: int, offset_ns: int) -> None:
    """Give ``p`` its time; where 63 bits of nanoseconds since 1970 cannot hold it, it keeps the previous packet's."""
    if t_ns >= 0 and -t_ns <= offset_ns <= LATEST_NS - t_ns:
        p.t_ns = t_ns + offset_ns
    else:
        if scan.unclear_times == 0:
            scan.unclear_at = p.at
        scan.unclear_times += 1


@compiled
def _count_comments(data: int, at: int, end: int, scan: Any) -> None:
    """Count the comments among the options of a packet, which stand in ``data[at:end]``."""
    little = scan.little
    while at + 4 <= end:
        code, length = _file16(data, at, little), _file16(data, at + 2, little)
        if code == 0 or at + 4 + length > end:
            return
        scan.packet_comments += 1 if code == OPTION_COMMENT else 0
        at += 4 + ((length + 3) & ~3)


@compiled
def _next_pcap(data: int, end: int, scan: Any, interfaces: int, p: Any) -> int:
    at, little, header = scan.position, scan.little, scan.record_header
    if at + header > end:
        return NEED_MORE
    captured, original = _file32(data, at + 8, little), _file32(data, at + 12, little)
    if scan.swapped == ALWAYS_SWAPPED or (scan.swapped == PERHAPS_SWAPPED and captured > original):
        captured, original = original, captured
    if captured > MAX_RECORD_BYTES:
        scan.value = captured
        return BAD_LENGTH
    if at + header + captured > end:
        return NEED_MORE
    seconds, fraction = _file32(data, at, little), _file32(data, at + 4, little)
    interface = interface_at(interfaces, 0)
    p.t_ns = seconds * 1_000_000_000 + fraction * interface.value
    p.at = scan.base + at
    p.offset, p.cap_bytes, p.wire_bytes = at + header, captured, max(original, captured)
    p.link, p.capture = interface.link, interface.capture
    interface.packets += 1
    scan.position = at + header + captured
    return RECORD


@compiled
def _packet_block(data: int, at: int, length: int, kind: int, scan: Any, interfaces: int, p: Any) -> int:
    little = scan.little
    if length < (16 if kind == BLOCK_SIMPLE else 32):
        scan.value = length
        return BAD_LENGTH
    number = i64(0)
    if kind == BLOCK_ENHANCED:
        number = _file32(data, at + 8, little)
    elif kind == BLOCK_OLD_PACKET:
        number = _file16(data, at + 8, little)
    if number >= scan.interface_count:
        scan.value = number
        return BAD_INTERFACE
    interface = interface_at(interfaces, scan.interface_base + number)
    p.at = scan.base + at
    if kind == BLOCK_SIMPLE:
        # No time: it takes the previous packet's, which p still holds
        scan.untimed += 1
        original = _file32(data, at + 8, little)
        captured = min(original, length - 16)
        if interface.snap > 0:
            captured = min(captured, interface.snap)
        p.offset = at + 12
    else:
        stamp = (_file32(data, at + 12, little) << 32) | _file32(data, at + 16, little)
        captured, original = _file32(data, at + 20, little), _file32(data, at + 24, little)
        if captured > length - 32:
            scan.value = captured
            return BAD_LENGTH
        _stamp(scan, p, to_ns(stamp, interface.unit, interface.value), interface.offset_ns)
        p.offset = at + 28
        options = at + 28 + ((captured + 3) & ~3)
        if options + 8 <= at + length:
            _count_comments(data, options, at + length - 4, scan)
    p.cap_bytes, p.wire_bytes = captured, max(original, captured)
    p.link, p.capture = interface.link, interface.capture
    interface.packets += 1
    scan.position = at + length
    return RECORD


@compiled
def _next_pcapng(data: int, end: int, scan: Any, interfaces: int, p: Any) -> int:
    little = scan.little
    while True:
        at = scan.position
        if at + 12 > end:
            return NEED_MORE
        kind = _file32(data, at, little)
        if kind == BLOCK_SECTION:  # its own byte order is still to be read
            return BLOCK
        length = _file32(data, at + 4, little)
        if length < 12 or length % 4 or length > MAX_BLOCK_BYTES:
            scan.value = length
            return BAD_LENGTH
        if at + length > end:
            return NEED_MORE
        if _file32(data, at + length - 4, little) != length:
            scan.value = _file32(data, at + length - 4, little)
            return BAD_TRAILER
        if kind in (BLOCK_ENHANCED, BLOCK_SIMPLE, BLOCK_OLD_PACKET):
            return _packet_block(data, at, length, kind, scan, interfaces, p)
        if kind in (BLOCK_INTERFACE, BLOCK_STATISTICS):
            return BLOCK
        scan.position = at + length


@compiled
def next_record(data: int, end: int, scan: Any, interfaces: int, p: Any) -> int:
    """Put time, place and link type of the next packet of ``data[:end]`` into ``p`` and move the position past it."""
    if scan.format == FORMAT_PCAP:
        return _next_pcap(data, end, scan, interfaces, p)
    return _next_pcapng(data, end, scan, interfaces, p)
