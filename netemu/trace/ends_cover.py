"""Super-segments in two captures: which stretch of one frame is which stretch of the other; compiled.

A sender's capture may show 10 segments as one frame (TSO), a receiver's too (GRO), and cut at other places. What no
frame of the other side equals is compared byte by byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled, entry_of_arrays
from netemu.trace.ends_groups import SLACK_NS

_OTHER_STAMP = 1e18
"""What a different TSval costs: more than any difference of delays."""


@compiled
def _first_at(sent: Any, flow: int, start: int) -> int:
    """The first row whose flow and start are not below these; rows are sorted by them."""
    low, high = 0, sent.shape[0]
    while low < high:
        middle = (low + high) // 2
        if sent[middle, 0] < flow or (sent[middle, 0] == flow and sent[middle, 1] < start):
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _enlarged(pieces: Any) -> Any:
    larger = np.empty((2 * pieces.shape[0], 4), np.int64)
    for i in range(pieces.shape[0]):
        for k in range(4):
            larger[i, k] = pieces[i, k]
    return larger


@entry_of_arrays
def overlaps(sent: Any, arrived: Any, expected: Any, longest: int, causal: bool) -> Any:
    """Rows (sent, arrived, start, end) of every stretch of an arrival, -1 for a stretch nobody is known to have sent.

    ``sent`` and ``arrived`` are arrays (rows, 5) of flow, start, end, t_ns, TSval; ``sent`` sorted by flow and start,
    ``expected`` the delay that its neighbours have, ``longest`` its longest stretch. Of several sendings of the same
    bytes the one is taken whose TSval the arrival has, and then whose delay is nearest to the expected one.
    """
    pieces = np.empty((sent.shape[0] + arrived.shape[0] + 16, 4), np.int64)
    count = 0
    for b in range(arrived.shape[0]):
        flow, position, end = arrived[b, 0], arrived[b, 1], arrived[b, 2]
        first = _first_at(sent, flow, position - longest)
        while position < end:
            best, best_cost, following = -1, 1e300, end
            a = first
            while a < sent.shape[0] and sent[a, 0] == flow and sent[a, 1] < end:
                if sent[a, 1] > position:
                    following = min(following, sent[a, 1])
                elif sent[a, 2] > position and not (causal and arrived[b, 3] < sent[a, 3] - SLACK_NS):
                    cost = float(abs(arrived[b, 3] - sent[a, 3] - expected[a]))
                    if sent[a, 4] != arrived[b, 4]:
                        cost += _OTHER_STAMP
                    if cost < best_cost:
                        best, best_cost = a, cost
                a += 1
            stop = min(end, sent[best, 2]) if best >= 0 else following
            if count == pieces.shape[0]:
                pieces = _enlarged(pieces)
            pieces[count, 0], pieces[count, 1], pieces[count, 2], pieces[count, 3] = best, b, position, stop
            count += 1
            position = stop
    return pieces[:count]


@entry_of_arrays
def settle(pieces: Any, sent: Any) -> tuple[Any, Any]:
    """Whether each stretch repeats bytes that arrived before; and rows (sent, start, end) of what did not arrive.

    ``pieces`` as :func:`overlaps` gives them, sorted by sent row, start and arrival; those with -1 first. Only frames
    of which something arrived are looked at.
    """
    copies = np.zeros(pieces.shape[0], np.bool_)
    missing = np.empty((pieces.shape[0] + sent.shape[0], 3), np.int64)
    count, i = 0, 0
    while i < pieces.shape[0] and pieces[i, 0] < 0:
        i += 1
    while i < pieces.shape[0]:
        a = pieces[i, 0]
        reached = sent[a, 1]
        while i < pieces.shape[0] and pieces[i, 0] == a:
            if pieces[i, 2] > reached:
                missing[count, 0], missing[count, 1], missing[count, 2] = a, reached, pieces[i, 2]
                count += 1
            copies[i] = pieces[i, 3] <= reached
            reached = max(reached, pieces[i, 3])
            i += 1
        if reached < sent[a, 2]:
            missing[count, 0], missing[count, 1], missing[count, 2] = a, reached, sent[a, 2]
            count += 1
    return copies, missing[:count]
