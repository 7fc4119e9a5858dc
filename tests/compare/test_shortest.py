"""The compiled alignment against the definition of its cost."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netemu.compare.shortest import ALONE, ALTERED, UNRELATED, cheapest

elements = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=8)


def arrays(values: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    same = np.array([value[0] for value in values], np.int64)
    return same * 10 + np.array([value[1] for value in values], np.int64), same


def pair_cost(one: tuple[int, int], two: tuple[int, int]) -> int:
    return 0 if one == two else ALTERED if one[0] == two[0] else UNRELATED


@given(elements, elements)
def test_no_alignment_is_cheaper(a: list[tuple[int, int]], b: list[tuple[int, int]]) -> None:
    @cache
    def least(i: int, j: int) -> int:
        if i == len(a) or j == len(b):
            return ALONE * (len(a) - i + len(b) - j)
        return min(least(i + 1, j + 1) + pair_cost(a[i], b[j]), least(i + 1, j) + ALONE, least(i, j + 1) + ALONE)

    pairs = cheapest(*arrays(a), *arrays(b)).tolist()
    cost = sum(ALONE if -1 in pair else pair_cost(a[pair[0]], b[pair[1]]) for pair in pairs)
    assert cost == least(0, 0)
