"""Reordering extent and lateness against the definitions of RFC 4737."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace.ends_order import reordering


def measured(flow: list[int], order: list[int], times: list[int]) -> tuple[list[int], list[int]]:
    extent, late = np.full(len(order), -1), np.full(len(order), -1)
    reordering(np.array(flow, np.int64), np.array(order, np.int64), np.array(times, np.int64), extent, late)
    return extent.tolist(), late.tolist()


def test_the_rfcs_example() -> None:
    """RFC 4737 section 7.3 (figure 2): of 1 2 3 7 8 9 10 4 5 6 11, extents of 4, 5 and 6 are 4, 5 and 6."""
    order = [1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11]
    extent, late = measured([0] * 11, order, [10 * i for i in range(11)])
    assert extent == [0, 0, 0, 0, 0, 0, 0, 4, 5, 6, 0]
    assert late == [10 * e for e in extent]


def test_flows_are_apart() -> None:
    assert measured([1, 1, 2, 2], [5, 6, 3, 4], [1, 2, 3, 4])[0] == [0, 0, 0, 0]


@given(st.permutations(range(12)))
def test_it_is_the_definition(order: list[int]) -> None:
    expected = []
    for i, sent in enumerate(order):
        earlier = [j for j in range(i) if order[j] > sent]
        expected.append(i - earlier[0] if earlier else 0)
    assert measured([0] * 12, order, list(range(12)))[0] == expected
