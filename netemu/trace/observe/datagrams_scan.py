"""UDP flows: sizes, gaps, and for the datagrams of netemu's own agents loss, order, copies, delay; compiled.

The agents' payload begins with a sequence number and the send time, 64 bits each, big endian, and goes on with words of
32 bits that count up by one (``netemu/agents/datagrams.py``, ``payload.py``).
"""
# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import other_at, words
from netemu.trace.memory import i64, record_at, set_word, word
from netemu.trace.observe.keys import KEY, find, keys_at
from netemu.trace.transport_layer import PROTOCOL_UDP

WINDOW_NUMBERS = 4096
"""Numbers below the highest that are remembered; a packet later than that is taken for new and late."""
_WINDOW_WORDS = WINDOW_NUMBERS // 64
_FILLING = (4 << 32) | 5
"""Bytes 16 to 23 of an agent's datagram."""
_SAME_CLOCK_NS = 3_600_000_000_000
"""A delay beyond an hour is no delay: the capture's clock is not the run's."""
_GAPS_BACK = 256
"""Gaps of its flow among which a late number's own is looked for, the newest first."""

FLOW = words(
    KEY
    + """ packets payload_bytes first_bytes ip_bytes first_ns last_ns min_gap_ns max_gap_ns max_gap_at_ns
numbered highest lowest distinct duplicates reordered latest gaps longest_gap longest_gap_ns longest_gap_at_ns
delays min_delay_ns max_delay_ns sum_delay_ns last_delay_ns jitter_16 newest_gap """,
    _WINDOW_WORDS,
)
"""One flow; a bit for each of the last numbers stands behind the names. ``jitter_16`` is 16 times the jitter, and
``newest_gap`` the place of its newest gap from 1 on, 0 for none."""
_BITS = FLOW.itemsize // 8 - _WINDOW_WORDS

GAP = words("flow older start_ns end_ns first missing late filled_ns")
"""Numbers of one flow that were skipped at once; ``older`` is the gap before it, as ``newest_gap`` counts."""

GAPS = words("gaps count")
"""Where the gaps lie, and how many there are."""

flow_at, gap_at, gaps_at = record_at(FLOW), record_at(GAP), record_at(GAPS)


@compiled
def _bit(base: int, number: int) -> bool:
    return bool((word(base, (number >> 6) & (_WINDOW_WORDS - 1)) >> (number & 63)) & 1)


@compiled
def _set_bit(base: int, number: int) -> None:
    place = (number >> 6) & (_WINDOW_WORDS - 1)
    set_word(base, place, word(base, place) | (i64(1) << (number & 63)))


@compiled
def _clear_bits(base: int, first: int, end: int) -> None:
    for number in range(max(first, end - WINDOW_NUMBERS), end):
        place = (number >> 6) & (_WINDOW_WORDS - 1)
        set_word(base, place, word(base, place) & ~(i64(1) << (number & 63)))


@compiled
def _open_gap(g: Any, f: Any, flow: int, skipped: int, t_ns: int) -> None:
    gap = gap_at(g.gaps, g.count)
    g.count += 1
    gap.flow, gap.older, gap.start_ns, gap.end_ns = flow, f.newest_gap, f.last_ns, t_ns
    gap.first, gap.missing, gap.late, gap.filled_ns = f.highest + 1, skipped, i64(0), i64(0)
    f.newest_gap = g.count


@compiled
def _fill_gap(g: Any, f: Any, number: int, t_ns: int) -> None:
    """Count ``number`` in the gap that it was missing from, if that is among the newest."""
    place = f.newest_gap
    for _ in range(_GAPS_BACK):
        if not place:
            return
        gap = gap_at(g.gaps, place - 1)
        if number >= gap.first:
            if number - gap.first < gap.missing and gap.late < gap.missing:
                gap.late += 1
                gap.filled_ns = t_ns
            return
        place = gap.older


@compiled
def _on_number(f: Any, bits: int, number: int, t_ns: int, flow: int, g: Any) -> None:
    """RFC 4737 section 3.3: reordered is what comes below the next expected number, unless it came before."""
    if not f.numbered:
        f.lowest = f.highest = number
    elif number > f.highest:
        skipped = number - f.highest - 1
        if skipped:
            f.gaps += 1
            _open_gap(g, f, flow, skipped, t_ns)
            if skipped > f.longest_gap:
                f.longest_gap, f.longest_gap_ns, f.longest_gap_at_ns = skipped, t_ns - f.last_ns, f.last_ns
        _clear_bits(bits, f.highest + 1, number)
        f.highest = number
    elif f.highest - number < WINDOW_NUMBERS and _bit(bits, number):
        f.duplicates += 1
        f.numbered += 1
        return
    else:
        f.reordered += 1
        _fill_gap(g, f, number, t_ns)
        f.lowest, f.latest = min(f.lowest, number), max(f.latest, f.highest - number)
    if f.highest - number < WINDOW_NUMBERS:
        _set_bit(bits, number)
    f.distinct += 1
    f.numbered += 1


@compiled
def _on_delay(f: Any, delay_ns: int) -> None:
    """One-way delay on the run's clock, and its jitter as RFC 3550 section 6.4.1 smooths it."""
    if not -_SAME_CLOCK_NS < delay_ns < _SAME_CLOCK_NS:
        return
    if f.delays:
        f.jitter_16 += abs(delay_ns - f.last_delay_ns) - (f.jitter_16 >> 4)
        f.min_delay_ns, f.max_delay_ns = min(f.min_delay_ns, delay_ns), max(f.max_delay_ns, delay_ns)
    else:
        f.min_delay_ns = f.max_delay_ns = delay_ns
    f.delays += 1
    f.sum_delay_ns += delay_ns
    f.last_delay_ns = delay_ns


@compiled
def _on_gap(f: Any, t_ns: int) -> None:
    gap = max(t_ns - f.last_ns, 0)
    f.min_gap_ns = gap if f.packets == 1 else min(f.min_gap_ns, gap)
    if gap > f.max_gap_ns or f.packets == 1:
        f.max_gap_ns, f.max_gap_at_ns = gap, f.last_ns


@entry
def scan(others: int, count: int, keys: int, gaps: int) -> None:
    """Take ``count`` packets of :data:`~netemu.trace.layout.OTHER`.

    ``keys`` has room for as many new flows, and ``gaps``, of type :data:`GAPS`, for as many new gaps.
    """
    k, g = keys_at(keys, 0), gaps_at(gaps, 0)
    for i in range(count):
        o = other_at(others, i)
        if o.protocol != PROTOCOL_UDP or o.fragment_offset:
            continue
        index = find(k, o, o.sport, o.dport)
        f = flow_at(k.records, index)
        if f.packets:
            _on_gap(f, o.t_ns)
        else:
            f.first_ns, f.first_bytes = o.t_ns, o.payload
        if o.words_read == 3 and o.word_2 == _FILLING and o.word_0 >= 0:
            _on_number(f, k.records + 8 * (k.words * index + _BITS), o.word_0, o.t_ns, index, g)
            _on_delay(f, o.t_ns - o.word_1)
        f.packets += 1
        f.payload_bytes += o.payload
        f.ip_bytes += o.ip_bytes
        f.last_ns = max(f.last_ns, o.t_ns)
