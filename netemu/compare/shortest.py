"""The cheapest alignment of two sequences, compiled: every cell of the table of costs is looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netemu.trace.compiled import entry_of_arrays

EQUAL, ALTERED, ALONE, UNRELATED = 0, 1, 2, 3
"""Costs. Altered: the same packet with another field. Alone: only on one side. Unrelated: a pair of nothing in common,
which costs less than the two alone, so that a packet with a changed sequence number stays one difference."""


@entry_of_arrays
def shortest(  # type: ignore[no-untyped-def]
    a_exact, a_same, b_exact, b_same
):
    """Pairs of the cheapest alignment: int64 array of shape (pairs, 2), -1 where one side has no partner.

    ``exact`` and ``same`` are int64 arrays per side, of equal length. Of equally cheap alignments the one whose first
    difference comes last. Costs len(a) x len(b) steps and bytes.
    """
    n, m = a_exact.size, b_exact.size
    choice = np.zeros((n + 1, m + 1), np.uint8)
    below = np.arange(m, -1, -1).astype(np.int64) * ALONE
    row = np.zeros(m + 1, np.int64)
    choice[n, :m] = 2
    for i in range(n - 1, -1, -1):
        row[m] = (n - i) * ALONE
        choice[i, m] = 1
        for j in range(m - 1, -1, -1):
            if a_exact[i] == b_exact[j]:
                best = below[j + 1]
            elif a_same[i] == b_same[j]:
                best = below[j + 1] + ALTERED
            else:
                best = below[j + 1] + UNRELATED
            chosen = 0
            if below[j] + ALONE < best:
                best, chosen = below[j] + ALONE, 1
            if row[j + 1] + ALONE < best:
                best, chosen = row[j + 1] + ALONE, 2
            row[j] = best
            choice[i, j] = chosen
        below, row = row, below
    pairs = np.empty((n + m, 2), np.int64)
    count, i, j = 0, 0, 0
    while i < n or j < m:
        step = choice[i, j]
        pairs[count, 0] = -1 if step == 2 else i
        pairs[count, 1] = -1 if step == 1 else j
        i += step != 2
        j += step != 1
        count += 1
    return pairs[:count]


def cheapest(
    a_exact: npt.NDArray[np.int64],
    a_same: npt.NDArray[np.int64],
    b_exact: npt.NDArray[np.int64],
    b_same: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """:func:`shortest`, typed."""
    pairs: npt.NDArray[np.int64] = shortest(a_exact, a_same, b_exact, b_same)  # type: ignore[no-untyped-call]
    return pairs
