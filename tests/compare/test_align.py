"""Alignment: what was inserted, omitted or altered is found as such, whatever the sequences are."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.compare.align import Sequence, align

values = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), max_size=30)
cells = st.sampled_from([1 << 22, 12, 1])


def sequence(elements: list[tuple[int, int]]) -> Sequence:
    """Elements are (same, detail): they are exactly equal when both are."""
    same = np.array([element[0] for element in elements], np.int64)
    detail = np.array([element[1] for element in elements], np.int64)
    return Sequence(same * 1000 + detail, same)


def aligned(a: list[tuple[int, int]], b: list[tuple[int, int]], limit: int = 1 << 22) -> list[tuple[int, int]]:
    return [(int(i), int(j)) for i, j in align(sequence(a), sequence(b), cells=limit)]


def differing(a: list[tuple[int, int]], b: list[tuple[int, int]], pairs: list[tuple[int, int]]) -> list:
    return [(i, j) for i, j in pairs if i < 0 or j < 0 or a[i] != b[j]]


@given(values, cells)
def test_equal_sequences_have_no_difference(a: list[tuple[int, int]], limit: int) -> None:
    assert aligned(a, a, limit) == [(i, i) for i in range(len(a))]


@given(values, values, cells)
def test_every_element_occurs_once_and_in_order(a: list, b: list, limit: int) -> None:
    pairs = aligned(a, b, limit)
    assert [i for i, _ in pairs if i >= 0] == list(range(len(a)))
    assert [j for _, j in pairs if j >= 0] == list(range(len(b)))
    assert (-1, -1) not in pairs


@given(values, st.data())
def test_inserted_elements_are_the_only_differences(a: list, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(a)), max_size=5))
    b = list(a)
    for place in places:
        b.insert(place, data.draw(st.tuples(st.integers(0, 9), st.integers(0, 2))))
    pairs = differing(a, b, aligned(a, b))
    assert len(pairs) == len(places)
    assert all(i == -1 for i, _ in pairs)


@given(values, st.data())
def test_omitted_elements_are_the_only_differences(a: list, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(a) - 1))) if a else set()
    b = [element for index, element in enumerate(a) if index not in gone]
    pairs = differing(a, b, aligned(a, b))
    assert len(pairs) == len(gone)
    assert all(j == -1 for _, j in pairs)


@given(values, st.data())
def test_altered_elements_are_at_most_as_many_differences(a: list, data: st.DataObject) -> None:
    changed = data.draw(st.sets(st.integers(0, len(a) - 1))) if a else set()
    b = [(same, detail + 10) if index in changed else (same, detail) for index, (same, detail) in enumerate(a)]
    pairs = differing(a, b, aligned(a, b))
    assert bool(pairs) == bool(changed)
    assert len(pairs) <= len(changed)


@given(st.data(), cells)
def test_where_elements_are_distinct_exactly_the_changed_places_are_named(data: st.DataObject, limit: int) -> None:
    """As for the new data of a connection, with anchors as well as without."""
    length = data.draw(st.integers(1, 40))
    a = [(index, 0) for index in range(length)]
    fates = data.draw(st.lists(st.sampled_from(["kept"] * 6 + ["gone", "altered", "before"]), min_size=length))
    b, expected = [], []
    for index, fate in enumerate(fates[:length]):
        if fate == "before":
            expected.append((-1, len(b)))
            b.append((1000 + index, 0))
        if fate == "gone":
            expected.append((index, -1))
            continue
        if fate == "altered":
            expected.append((index, len(b)))
        b.append((index, int(fate == "altered")))
    pairs = differing(a, b, aligned(a, b, limit))
    # A packet gone right beside one that is new may be told as one packet replaced: one difference instead of two.
    alone = {i for i, j in expected if j == -1} | {("b", j) for i, j in expected if i == -1}
    told = {i for i, j in pairs if j == -1} | {("b", j) for i, j in pairs if i == -1}
    for i, j in pairs:
        if i >= 0 and j >= 0 and (i, j) not in expected:
            told |= {i, ("b", j)}
    assert told == alone
    assert {pair for pair in expected if -1 not in pair} <= set(pairs)


def test_a_changed_identity_is_one_difference() -> None:
    a = [(index, 0) for index in range(5)]
    b = [*a[:2], (77, 0), *a[3:]]
    assert differing(a, b, aligned(a, b)) == [(2, 2)]


def test_the_first_difference_comes_as_late_as_it_can() -> None:
    a, b = [(1, 0)] * 3, [(1, 0)] * 5
    assert aligned(a, b) == [(0, 0), (1, 1), (2, 2), (-1, 3), (-1, 4)]


def test_one_element_that_moved_is_two_differences() -> None:
    a = [(index, 0) for index in range(6)]
    b = [a[0], a[2], a[3], a[1], a[4], a[5]]
    assert differing(a, b, aligned(a, b)) == [(1, -1), (-1, 3)]


@pytest.mark.parametrize("nothing_in_common", [False, True])
def test_a_hundred_thousand_packets_take_seconds(nothing_in_common: bool) -> None:
    """Every tenth element altered, every hundredth gone; or nothing alike at all."""
    random = np.random.default_rng(1)
    same = np.arange(100_000)
    a = Sequence(same * 10, same)
    kept = random.random(same.size) > 0.01
    detail = (random.random(same.size) < 0.1).astype(np.int64)
    shift = 10**6 if nothing_in_common else 0
    b = Sequence((same * 10 + detail)[kept] + 10 * shift, same[kept] + shift)
    begun = time.monotonic()
    pairs = align(a, b)
    assert time.monotonic() - begun < 10
    both = (pairs >= 0).all(axis=1)
    assert int(both.sum()) == (0 if nothing_in_common else int(kept.sum()))


def cost(a: list, b: list, pairs: list[tuple[int, int]]) -> int:
    told = differing(a, b, pairs)
    return sum(2 if -1 in pair else 1 if a[pair[0]][0] == b[pair[1]][0] else 3 for pair in told)


@given(values, values)
def test_the_cost_does_not_depend_on_the_side(a: list, b: list) -> None:
    assert cost(a, b, aligned(a, b)) == cost(b, a, aligned(b, a))


@given(values, values)
def test_cutting_at_anchors_never_costs_less_than_the_cheapest(a: list, b: list) -> None:
    assert cost(a, b, aligned(a, b)) <= cost(a, b, aligned(a, b, 12))
