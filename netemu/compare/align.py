"""Which element of one sequence stands for which of another: insertions and omissions are found as such. Pure.

An element is two numbers. ``exact``: equal numbers mean elements that are equal in everything compared. ``same``: equal
numbers mean what is worth comparing, such as the same bytes of a stream sent again with another window.

Up to ``cells`` (length times length) the alignment is the cheapest there is (:mod:`netemu.compare.shortest`). Longer
sequences are cut first at elements that occur once on either side, as patience diff does, and each piece is aligned
so; then a shorter alignment may exist where unique elements changed places.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

CELLS = 1 << 22


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence as two arrays of equal length; see the module."""

    exact: Numbers
    same: Numbers

    def __len__(self) -> int:
        return int(self.exact.size)

    def part(self, start: int, stop: int) -> Sequence:
        """The elements from ``start`` up to ``stop``."""
        return Sequence(self.exact[start:stop], self.same[start:stop])


def align(a: Sequence, b: Sequence, *, cells: int = CELLS) -> Numbers:
    """Rows (index in a, index in b) in order, -1 where an element stands alone; every index occurs exactly once.

    Indices of either side ascend. Equal sequences give only pairs of equal elements.
    """
    done: list[tuple[int, Numbers]] = []  # with the place where each piece begins, by which they are put in order
    waiting = [(0, len(a), 0, len(b))]
    while waiting:
        a0, a1, b0, b1 = waiting.pop()
        left, right = a.part(a0, a1), b.part(b0, b1)
        head = _common(left.exact, right.exact)
        if head:
            done.append((a0 + b0, _run(a0, b0, head)))
            a0, b0 = a0 + head, b0 + head
            left, right = a.part(a0, a1), b.part(b0, b1)
        tail = _common(left.exact[::-1], right.exact[::-1])
        if tail:
            done.append((a1 + b1 - 2 * tail, _run(a1 - tail, b1 - tail, tail)))
            a1, b1 = a1 - tail, b1 - tail
            left, right = a.part(a0, a1), b.part(b0, b1)
        if not len(left) or not len(right):
            done.append((a0 + b0, _alone(a0, a1, b0, b1)))
        elif len(left) * len(right) <= cells:
            done.append((a0 + b0, _moved(_cheapest(left, right), a0, b0)))
        else:
            _cut(left, right, (a0, a1, b0, b1), done, waiting)
    done.sort(key=lambda piece: piece[0])
    return np.concatenate([np.empty((0, 2), np.int64), *(pairs for _, pairs in done)])


def _common(a: Numbers, b: Numbers) -> int:
    """How many leading elements are equal."""
    length = min(a.size, b.size)
    different = np.flatnonzero(a[:length] != b[:length])
    return int(different[0]) if different.size else length


def _run(a0: int, b0: int, length: int) -> Numbers:
    steps = np.arange(length, dtype=np.int64)
    return np.stack([a0 + steps, b0 + steps], axis=1)


def _alone(a0: int, a1: int, b0: int, b1: int) -> Numbers:
    """Nothing stands for anything: first what only a has, then what only b has."""
    pairs = np.full((a1 - a0 + b1 - b0, 2), -1, np.int64)
    pairs[: a1 - a0, 0] = np.arange(a0, a1)
    pairs[a1 - a0 :, 1] = np.arange(b0, b1)
    return pairs


def _moved(pairs: Numbers, a0: int, b0: int) -> Numbers:
    return np.where(pairs < 0, -1, pairs + np.array([a0, b0]))


def _cheapest(a: Sequence, b: Sequence) -> Numbers:
    from netemu.compare.shortest import cheapest  # Numba: loaded only where two sequences differ

    return cheapest(a.exact, a.same, b.exact, b.same)


def _cut(
    a: Sequence,
    b: Sequence,
    place: tuple[int, int, int, int],
    done: list[tuple[int, Numbers]],
    waiting: list[tuple[int, int, int, int]],
) -> None:
    """Cut a large piece at its anchors; without any, nothing in it stands for anything."""
    a0, a1, b0, b1 = place
    anchors = _anchors(a.same, b.same, once=True) or _anchors(a.same, b.same, once=False)
    if not anchors:
        done.append((a0 + b0, _alone(a0, a1, b0, b1)))
        return
    pairs = np.array(anchors, np.int64) + np.array([a0, b0])
    breaks = np.flatnonzero((np.diff(pairs, axis=0) != 1).any(axis=1)) + 1
    i, j = a0, b0
    for together in np.split(pairs, breaks):
        (left, right), length = together[0].tolist(), len(together)
        if i < left or j < right:
            waiting.append((i, left, j, right))
        done.append((left + right, together))
        i, j = left + length, right + length
    if i < a1 or j < b1:
        waiting.append((i, a1, j, b1))


def _anchors(a: Numbers, b: Numbers, *, once: bool) -> list[tuple[int, int]]:
    """Pairs of equal elements, ascending on both sides, as many as possible.

    ``once``: of elements that occur once on either side; else the n-th occurrence on one stands for the n-th on the
    other.
    """
    where: dict[tuple[int, int], int] = {}
    for index, key in enumerate(_occurrences(b)):
        where[key] = index
    pairs = [(index, where[key]) for index, key in enumerate(_occurrences(a)) if key in where]
    if once:
        single = _singles(a) & _singles(b)
        pairs = [(left, right) for left, right in pairs if int(a[left]) in single]
    return _ascending(pairs)


def _singles(values: Numbers) -> set[int]:
    found, counts = np.unique(values, return_counts=True)
    return set(found[counts == 1].tolist())


def _occurrences(values: Numbers) -> list[tuple[int, int]]:
    seen: dict[int, int] = {}
    keys = []
    for value in values.tolist():
        seen[value] = number = seen.get(value, -1) + 1
        keys.append((value, number))
    return keys


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of ``pairs``, which ascend on the left, that ascends on the right too (patience sorting)."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, (_, right) in enumerate(pairs):
        pile = bisect_left(tops, right)
        before.append(ends[pile - 1] if pile else -1)
        if pile == len(tops):
            tops.append(right)
            ends.append(index)
        else:
            tops[pile], ends[pile] = right, index
    chain, index = [], ends[-1] if ends else -1
    while index >= 0:
        chain.append(pairs[index])
        index = before[index]
    return chain[::-1]
