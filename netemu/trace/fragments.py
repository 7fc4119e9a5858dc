"""TCP segments in several IP fragments: counted at the fragment that completes them, as Wireshark does; compiled."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.layout import FRAGMENT, FRAGMENT_COVER_WORDS, FRAGMENT_ROWS, fragment_at
from netemu.trace.memory import i64, set_word, word

_LIFETIME_NS = 30_000_000_000
"""How long Linux keeps an unfinished packet (net.ipv4.ipfrag_time)."""
_LONGEST_BYTES = 65535
_ROW_WORDS = FRAGMENT.itemsize // 8
_COVER = _ROW_WORDS - FRAGMENT_COVER_WORDS


@compiled
def _slot(table: int, p: Any) -> int:
    """The row of the packet that ``p`` is a part of; else a free one, or the oldest."""
    oldest = i64(0)
    for i in range(FRAGMENT_ROWS):
        row = fragment_at(table, i)
        if not row.used or p.t_ns - row.t_ns > _LIFETIME_NS:
            row.used = 0
            oldest = i64(i)
            continue
        if (
            row.ip_id == p.ip_id
            and row.version == p.ip_version
            and row.src_lo == p.src_lo
            and row.dst_lo == p.dst_lo
            and row.src_hi == p.src_hi
            and row.dst_hi == p.dst_hi
            and row.capture == p.capture
        ):
            return i
        if fragment_at(table, oldest).used and row.t_ns < fragment_at(table, oldest).t_ns:
            oldest = i64(i)
    row = fragment_at(table, oldest)
    row.got = 0
    row.used, row.capture, row.ip_id, row.t_ns, row.total, row.header = 1, p.capture, p.ip_id, p.t_ns, -1, -1
    row.version = p.ip_version
    row.src_hi, row.src_lo, row.dst_hi, row.dst_lo = p.src_hi, p.src_lo, p.dst_hi, p.dst_lo
    for i in range(FRAGMENT_COVER_WORDS):
        set_word(table, oldest * _ROW_WORDS + _COVER + i, i64(0))
    return oldest


@compiled
def _cover(table: int, slot: int, start: int, end: int) -> int:
    """Mark the bytes from ``start`` to ``end`` as seen; how many of them had not been: a fragment may come twice."""
    new = i64(0)
    for unit in range(start >> 3, (end + 7) >> 3):
        place = slot * _ROW_WORDS + _COVER + (unit >> 6)
        bit = i64(1) << (unit & 63)
        bits = word(table, place)
        if bits & bit == 0:
            set_word(table, place, bits | bit)
            new += min(i64(8), end - 8 * unit)
    return new


@compiled
def reassemble(table: int, p: Any) -> bool:
    """Whether the TCP fragment ``p`` completes its segment, whose header fields and length ``p`` then carries."""
    length = p.ip_bytes - p.header_bytes
    end = p.fragment_offset + length
    if length <= 0 or end > _LONGEST_BYTES:
        return False
    slot = _slot(table, p)
    row = fragment_at(table, slot)
    row.got += _cover(table, slot, p.fragment_offset, end)
    if not p.more_fragments:
        row.total = end
    if p.fragment_offset == 0 and p.transport >= 0:
        row.header = 20 + p.options_bytes
        row.sport, row.dport, row.seq, row.ack = p.sport, p.dport, p.seq, p.ack
        row.flags, row.window, row.options = p.flags, p.window, p.options_bytes
        row.ts_val, row.ts_ecr, row.tcp_options = p.ts_val, p.ts_ecr, p.tcp_options
    if row.total < 0 or row.header < 0 or row.got < row.total:
        return False
    p.sport, p.dport, p.seq, p.ack = row.sport, row.dport, row.seq, row.ack
    p.flags, p.window, p.options_bytes = row.flags, row.window, row.options
    p.ts_val, p.ts_ecr, p.tcp_options = row.ts_val, row.ts_ecr, row.tcp_options
    p.payload = row.total - row.header
    row.used = 0
    return True
