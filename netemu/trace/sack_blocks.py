"""What SACK blocks tell the sender they are addressed to: what arrived, what was sent needlessly (D-SACK); compiled.

``f`` is the flow whose data is reported, ``p`` the packet that carries the blocks.
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.layout import MAX_SACK_BLOCKS, event_at, sack_at
from netemu.trace.memory import i64, set_word, word
from netemu.trace.rack import rack_advance, rack_on_dsack
from netemu.trace.segments import find, outstanding, unwrap
from netemu.trace.timers import note_min_rtt
from netemu.trace.verdict import CA_LOSS, CA_OPEN, SPURIOUS_DSACK

_EVENT_SCAN = 1024
"""Retransmissions looked back at for the one a D-SACK means."""


@compiled
def flag_spurious(st: Any, f: Any, event: int, proof: int) -> None:
    e = event_at(st.events, event)
    if e.spurious:
        return
    e.spurious = proof
    f.spurious_retransmits += 1
    set_word(st.patches, st.patch_count, event)
    st.patch_count += 1


@compiled
def _on_dsack(st: Any, f: Any, start: int, end: int) -> None:
    """One copy of ``[start, end)`` too many arrived: the latest retransmission of it not yet flagged was needless.

    If it reaches beyond the range it brought something new. A FIN behind the range is not reported with it.
    """
    if f.undo_marker < end and f.undo_events > 0:  # tcp_check_dsack, and tcp_sacktag_one for what is outstanding
        f.undo_events -= 1
    if start >= f.retrans_end:  # a copy made by the network, mostly
        return
    event = f.retrans_last
    for _ in range(_EVENT_SCAN):
        if event < 0:
            return
        e = event_at(st.events, event)
        if e.start < end and start < e.end and not e.spurious:
            if start <= e.start and e.end <= end + 1:
                flag_spurious(st, f, event, SPURIOUS_DSACK)
            return
        event = e.previous


@compiled
def _sack_range(st: Any, f: Any, start: int, end: int, reported: int, t_ns: int) -> int:
    """Mark the segments within ``[start, end)``; returns the oldest never-retransmitted one's RTT, or -1.

    One that was never sent again and lies below ``reported``, the highest before this ACK, was overtaken
    (``tcp_check_sack_reordering``).
    """
    rtt = i64(-1)
    k = find(st, f, start)
    while k < f.ring_count:
        s = outstanding(st, f, k)
        if s.start >= end:
            break
        if not s.sacked and s.start >= start and s.end <= end:
            s.sacked = 1
            f.sacked_count += 1
            if not s.retransmitted and not s.gap:
                f.reordered |= 1 if s.end < reported else 0
                rtt = max(rtt, t_ns - s.sent_ns)
                note_min_rtt(f, t_ns - s.sent_ns)
                if s.end <= f.high_seq and f.frto and f.ca_state == CA_LOSS:
                    f.ca_state = CA_OPEN  # F-RTO step 3.b: an original sent before the timeout has arrived
            if not s.gap:
                rack_advance(f, s, t_ns)
        k += 1
    f.highest_sacked = max(f.highest_sacked, end)
    return rtt


@compiled
def _cached_start(f: Any, start: int, end: int) -> int:
    """Where the unread part of a SACK block begins: blocks repeat, and grow at their end."""
    if start == f.sack_0_start and f.sack_0_end <= end:
        start = f.sack_0_end
    elif start == f.sack_1_start and f.sack_1_end <= end:
        start = f.sack_1_end
    elif start == f.sack_2_start and f.sack_2_end <= end:
        start = f.sack_2_end
    elif start == f.sack_3_start and f.sack_3_end <= end:
        start = f.sack_3_end
    return start


@compiled
def _remember_blocks(f: Any, blocks: int, count: int) -> None:
    f.sack_0_start, f.sack_0_end = word(blocks, 0), word(blocks, 1)
    if count > 1:
        f.sack_1_start, f.sack_1_end = word(blocks, 2), word(blocks, 3)
    if count > 2:
        f.sack_2_start, f.sack_2_end = word(blocks, 4), word(blocks, 5)
    if count > 3:
        f.sack_3_start, f.sack_3_end = word(blocks, 6), word(blocks, 7)


@compiled
def _is_dsack(blocks: int, count: int, acked: int) -> bool:
    """RFC 2883 section 4: the first block lies below the ACK, or within the second block."""
    if word(blocks, 1) <= acked:
        return True
    return bool(count > 1 and word(blocks, 0) >= word(blocks, 2) and word(blocks, 1) <= word(blocks, 3))


@compiled
def on_sack(st: Any, f: Any, p: Any, acked: int) -> int:
    """Read the SACK blocks of ``p``; returns an RTT from them, or -1."""
    blocks, count, reported = st.blocks, min(p.sack_count, MAX_SACK_BLOCKS), f.highest_sacked
    for i in range(count):
        set_word(blocks, 2 * i, unwrap(f, word(p.sack, 2 * i), acked))
        set_word(
            blocks, 2 * i + 1, word(blocks, 2 * i) + ((word(p.sack, 2 * i + 1) - word(p.sack, 2 * i)) & 0xFFFFFFFF)
        )
        row = sack_at(st.sacks, st.sack_count)
        st.sack_count += 1
        row.frame, row.connection, row.direction, row.t_ns = p.frame, p.connection, p.direction, p.t_ns
        row.capture, row.number = p.capture, p.number
        row.start, row.end = word(blocks, 2 * i), word(blocks, 2 * i + 1)
    first = 0
    if _is_dsack(blocks, count, acked):
        p.dsack = 1
        first = 1
        rack_on_dsack(f)
        _on_dsack(st, f, word(blocks, 0), word(blocks, 1))
    rtt = i64(-1)
    for i in range(first, count):
        start, end = word(blocks, 2 * i), word(blocks, 2 * i + 1)
        if start < end <= f.nxt and end - start < 1 << 30:
            unread = _cached_start(f, start, end)
            if unread < end:
                rtt = max(rtt, _sack_range(st, f, unread, end, reported, p.t_ns))
    if first < count:
        _remember_blocks(f, blocks + 16 * first, count - first)
    return rtt
