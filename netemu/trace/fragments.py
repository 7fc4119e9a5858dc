"""TCP segments in several IP fragments: counted at the fragment that completes them, as Wireshark does; compiled."""

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled

(
    _USED,
    _CAPTURE,
    _SRC_HI,
    _SRC_LO,
    _DST_HI,
    _DST_LO,
    _IP_ID,
    _GOT,
    _TOTAL,
    _HEADER,
    _SPORT,
    _DPORT,
    _SEQ,
    _ACK,
    _FLAGS,
    _WINDOW,
    _OPTIONS,
    _TS_VAL,
    _TS_ECR,
    _T_NS,
) = range(20)

_LIFETIME_NS = 30_000_000_000
"""How long Linux keeps an unfinished packet (net.ipv4.ipfrag_time)."""


@compiled
def _slot(table: Any, p: Any) -> int:
    """The row of the packet that ``p`` is a part of; else a free one, or the oldest."""
    oldest = 0
    for i in range(table.shape[0]):
        row = table[i]
        if not row[_USED] or p.t_ns - row[_T_NS] > _LIFETIME_NS:
            row[_USED] = 0
            oldest = i
            continue
        if (
            row[_IP_ID] == p.ip_id
            and row[_SRC_LO] == p.src_lo
            and row[_DST_LO] == p.dst_lo
            and row[_SRC_HI] == p.src_hi
            and row[_DST_HI] == p.dst_hi
            and row[_CAPTURE] == p.capture
        ):
            return i
        if table[oldest, _USED] and row[_T_NS] < table[oldest, _T_NS]:
            oldest = i
    row = table[oldest]
    row[:] = 0
    row[_USED], row[_CAPTURE], row[_IP_ID], row[_T_NS], row[_TOTAL], row[_HEADER] = 1, p.capture, p.ip_id, p.t_ns, -1, -1
    row[_SRC_HI], row[_SRC_LO], row[_DST_HI], row[_DST_LO] = p.src_hi, p.src_lo, p.dst_hi, p.dst_lo
    return oldest


@compiled
def reassemble(table: Any, p: Any) -> bool:
    """Whether the TCP fragment ``p`` completes its segment, whose header fields and length ``p`` then carries."""
    row = table[_slot(table, p)]
    length = p.ip_bytes - p.header_bytes
    row[_GOT] += length
    if not p.more_fragments:
        row[_TOTAL] = p.fragment_offset + length
    if p.fragment_offset == 0 and p.transport >= 0:
        row[_HEADER] = 20 + p.options_bytes
        row[_SPORT], row[_DPORT], row[_SEQ], row[_ACK] = p.sport, p.dport, p.seq, p.ack
        row[_FLAGS], row[_WINDOW], row[_OPTIONS] = p.flags, p.window, p.options_bytes
        row[_TS_VAL], row[_TS_ECR] = p.ts_val, p.ts_ecr
    if row[_TOTAL] < 0 or row[_HEADER] < 0 or row[_GOT] < row[_TOTAL]:
        return False
    p.sport, p.dport, p.seq, p.ack = row[_SPORT], row[_DPORT], row[_SEQ], row[_ACK]
    p.flags, p.window, p.options_bytes = row[_FLAGS], row[_WINDOW], row[_OPTIONS]
    p.ts_val, p.ts_ecr = row[_TS_VAL], row[_TS_ECR]
    p.payload = row[_TOTAL] - row[_HEADER]
    row[_USED] = 0
    return True
