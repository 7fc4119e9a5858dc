"""Packets with equal marks in two captures: which was which; compiled.

Sent packets and arrivals that nothing in their headers tells apart (repeated ACKs, data sent again within a
millisecond) form a group. Within a group order is kept, as many as can be are matched, and of the ways to do so the one
is taken whose delays are nearest to those of the packets around it.
"""
# ruff: noqa: PLR0917 (compiled functions take their arrays by position)

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled, entry_of_arrays

UNMATCHED = -1
_STEPS = 1 << 25
"""Entries of the table of ways to match one group; larger groups are matched in order."""
_IMPOSSIBLE = 1e300
SLACK_NS = 100_000
"""How far two stamps of one clock may be apart: each is brought to the monotonic clock on its own."""


@compiled
def _cost(sent_ns: int, expected_ns: int, arrival_ns: int, causal: bool) -> float:
    if causal and arrival_ns < sent_ns - SLACK_NS:
        return _IMPOSSIBLE
    return float(abs(arrival_ns - sent_ns - expected_ns))


@compiled
def _align(t: Any, expected: Any, few: Any, many: Any, few_is_sent: bool, causal: bool, partner: Any) -> None:
    """Match every row of ``few`` with one of ``many``, both in order; ``partner`` gets the rows of both."""
    n, extra = few.size, many.size - few.size
    ways = np.full((n + 1, extra + 1), _IMPOSSIBLE)
    took = np.zeros((n + 1, extra + 1), np.bool_)
    for skipped in range(extra + 1):
        ways[0, skipped] = 0.0
    for i in range(1, n + 1):
        for skipped in range(extra + 1):
            a, b = few[i - 1], many[i - 1 + skipped]
            sent, arrived = (a, b) if few_is_sent else (b, a)
            cost = _cost(t[sent], expected[sent], t[arrived], causal)
            take = ways[i - 1, skipped] + cost
            leave = ways[i, skipped - 1] if skipped else _IMPOSSIBLE
            took[i, skipped] = take <= leave
            ways[i, skipped] = min(take, leave)
    i, skipped = n, extra
    while i > 0:
        if took[i, skipped]:
            a, b = few[i - 1], many[i - 1 + skipped]
            sent, arrived = (a, b) if few_is_sent else (b, a)
            if not (causal and t[arrived] < t[sent] - SLACK_NS):
                partner[a], partner[b] = b, a
            i -= 1
        else:
            skipped -= 1


@compiled
def _sent_by(t: Any, sent: Any, when_ns: int) -> int:
    """How many of ``sent`` had been sent before that time."""
    low, high = 0, sent.size
    while low < high:
        middle = (low + high) // 2
        if t[sent[middle]] < when_ns:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _attach_copies(t: Any, expected: Any, sent: Any, arrived: Any, causal: bool, partner: Any, copy_of: Any) -> None:
    """Arrivals left over are copies of the packet they are nearest to; its first arrival is its own."""
    for k in range(arrived.size):
        b = arrived[k]
        if partner[b] != UNMATCHED:
            continue
        best, best_cost = UNMATCHED, _IMPOSSIBLE
        place = _sent_by(t, sent, t[b] - expected[sent[0]])
        for i in range(max(place - 2, 0), min(place + 2, sent.size)):
            cost = _cost(t[sent[i]], expected[sent[i]], t[b], causal)
            if cost < best_cost:
                best, best_cost = sent[i], cost
        if best == UNMATCHED or partner[best] == UNMATCHED:
            continue
        copy_of[b] = best
        first = partner[best]
        if t[b] < t[first]:
            partner[best], partner[b], partner[first] = b, best, UNMATCHED
            copy_of[first], copy_of[b] = best, UNMATCHED


@entry_of_arrays
def match_groups(
    t: Any, expected: Any, side: Any, bounds: Any, order: Any, causal: bool, partner: Any, copy_of: Any
) -> None:
    """Match each group ``order[bounds[g] : bounds[g + 1]]``, its sent rows (``side`` 0) first, both sides in order.

    ``t`` is the time of every row on its own clock, ``expected`` arrival minus sending as the neighbours of a sent row
    have it; ``causal`` says that both clocks are one, so that nothing arrives before it was sent. ``partner`` gets the
    row of the other side or -1, ``copy_of`` for a further arrival the row that was sent.
    """
    for g in range(bounds.size - 1):
        rows = order[bounds[g] : bounds[g + 1]]
        sent_count = 0
        while sent_count < rows.size and side[rows[sent_count]] == 0:
            sent_count += 1
        sent, arrived = rows[:sent_count], rows[sent_count:]
        if sent.size == 0 or arrived.size == 0:
            continue
        few, many = (sent, arrived) if sent.size <= arrived.size else (arrived, sent)
        if (few.size + 1) * (many.size - few.size + 1) > _STEPS:
            many = many[: few.size]
        _align(t, expected, few, many, sent.size <= arrived.size, causal, partner)
        if arrived.size > sent.size:
            _attach_copies(t, expected, sent, arrived, causal, partner, copy_of)
