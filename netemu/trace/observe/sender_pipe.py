"""What of a sender's data is still in the network: RFC 6675's pipe from a scoreboard of SACKed ranges; compiled.

A scoreboard (:data:`~netemu.trace.observe.sender_state.SLOT_WORDS`) is taken from a pool at a flow's first SACK and
given back when everything reported is acknowledged, so that memory follows flows with holes.
"""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.memory import i64, set_word, word
from netemu.trace.observe.sender_state import MAX_RANGES, SLOT_WORDS

CA_OPEN, CA_DISORDER, CA_CWR, CA_RECOVERY, CA_LOSS = range(5)
"""Codes of :data:`netemu.recording.kinds.CA_STATES`."""


@compiled
def _slot(st: Any, f: Any) -> int:
    """Address of the scoreboard of ``f``, taken from the pool when it has none."""
    if f.slot < 0:
        if st.free >= 0:
            f.slot = st.free
            st.free = word(st.slots + 8 * SLOT_WORDS * f.slot, 2)
        else:
            f.slot = st.slot_count
            st.slot_count += 1
        base = st.slots + 8 * SLOT_WORDS * f.slot
        set_word(base, 0, i64(0))
        set_word(base, 1, i64(0))
    return st.slots + 8 * SLOT_WORDS * f.slot


@compiled
def release(st: Any, f: Any) -> None:
    """Give the scoreboard back: nothing above the cumulative ACK is reported any more."""
    if f.slot >= 0:
        set_word(st.slots + 8 * SLOT_WORDS * f.slot, 2, st.free)
        st.free = f.slot
        f.slot, f.sacked = i64(-1), i64(0)


@compiled
def _first_reaching(base: int, count: int, start: int) -> int:
    """The first of ``count`` ranges that ends at ``start`` or above."""
    low, high = i64(0), count
    while low < high:
        middle = (low + high) >> 1
        if word(base, 3 + 2 * middle) < start:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def take_range(st: Any, f: Any, start: int, end: int) -> None:
    """Note that ``[start, end)`` was SACKed, merged with the ranges that it touches."""
    base = _slot(st, f)
    count = word(base, 0)
    first = _first_reaching(base, count, start)
    last, known = first, i64(0)
    while last < count and word(base, 2 + 2 * last) <= end:
        known += word(base, 3 + 2 * last) - word(base, 2 + 2 * last)
        last += 1
    if last > first:
        start = min(start, word(base, 2 + 2 * first))
        end = max(end, word(base, 1 + 2 * last))
    elif count == MAX_RANGES:
        set_word(base, 1, i64(1))
        return
    shift = 1 - (last - first)
    if shift > 0:
        for i in range(count - 1, last - 1, -1):
            set_word(base, 4 + 2 * i, word(base, 2 + 2 * i))
            set_word(base, 5 + 2 * i, word(base, 3 + 2 * i))
    elif shift < 0:
        for i in range(last, count):
            set_word(base, 2 + 2 * (i + shift), word(base, 2 + 2 * i))
            set_word(base, 3 + 2 * (i + shift), word(base, 3 + 2 * i))
    set_word(base, 2 + 2 * first, start)
    set_word(base, 3 + 2 * first, end)
    set_word(base, 0, count + shift)
    f.sacked += end - start - known
    f.highest_sacked = max(f.highest_sacked, end)


@compiled
def drop_below(st: Any, f: Any, acked: int) -> None:
    """Forget what lies below the cumulative ACK."""
    if f.slot < 0:
        return
    if acked >= f.highest_sacked:
        release(st, f)
        return
    base = st.slots + 8 * SLOT_WORDS * f.slot
    count, first = word(base, 0), i64(0)
    while first < count and word(base, 3 + 2 * first) <= acked:
        f.sacked -= word(base, 3 + 2 * first) - word(base, 2 + 2 * first)
        first += 1
    if first:
        for i in range(first, count):
            set_word(base, 2 + 2 * (i - first), word(base, 2 + 2 * i))
            set_word(base, 3 + 2 * (i - first), word(base, 3 + 2 * i))
        set_word(base, 0, count - first)
    if count > first and word(base, 2) < acked:
        f.sacked -= acked - word(base, 2)
        set_word(base, 2, acked)


@compiled
def _sacked_between(st: Any, f: Any, start: int, end: int) -> int:
    """SACKed bytes in ``[start, end)``, where ``end`` is not below the highest of them."""
    if f.slot < 0 or start >= f.highest_sacked:
        return 0
    if start <= f.una:
        return f.sacked
    base, total = st.slots + 8 * SLOT_WORDS * f.slot, i64(0)
    i = word(base, 0) - 1
    while i >= 0 and word(base, 3 + 2 * i) > start:
        total += word(base, 3 + 2 * i) - max(word(base, 2 + 2 * i), start)
        i -= 1
    return total


@compiled
def pipe(st: Any, f: Any) -> int:
    """Bytes that ``f`` takes to be in the network; -1 when that cannot be told.

    What was sent, less what was SACKed, less what is lost and not sent again (RFC 6675 section 4). Lost is, in
    Recovery, every hole below the highest SACK (RACK marks them as soon as a later segment is delivered), and in Loss
    all that was outstanding when the timer fired (``tcp_enter_loss``); nothing in other states.
    """
    if f.slot >= 0 and word(st.slots + 8 * SLOT_WORDS * f.slot, 1):
        return -1
    lost_end = i64(0)
    if f.ca_state == CA_RECOVERY:
        lost_end = f.highest_sacked
    elif f.ca_state == CA_LOSS:
        lost_end = max(f.loss_edge, f.highest_sacked)
    lost = i64(0)
    if lost_end:
        lost_start = max(f.una, f.high_retransmitted)
        if lost_end > lost_start:
            lost = lost_end - lost_start - _sacked_between(st, f, lost_start, lost_end)
    return f.nxt - f.una - f.sacked - lost
