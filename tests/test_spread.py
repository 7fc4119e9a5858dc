"""Means with Student's t intervals, and distribution-free intervals of a median."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.spread import Spread, median_rank, spread, t_975


def test_the_interval_of_a_mean_is_student_t() -> None:
    found = spread([10.0, 12.0, 14.0])
    assert (found.n, found.mean, found.standard_deviation) == (3, 12.0, 2.0)
    assert found.half_width == pytest.approx(4.303 * 2 / math.sqrt(3))


def test_one_value_has_no_interval_and_none_no_mean() -> None:
    assert spread([7.0]) == Spread(1, 7.0, None, None)
    assert spread([]) == Spread(0, None, None, None)


def test_quantiles_go_over_to_the_normal() -> None:
    assert (t_975(1), t_975(30), t_975(31)) == (12.706, 2.042, 1.96)


@pytest.mark.parametrize(
    ("n", "rank"),  # Conover's table A3; Le Boudec, Performance Evaluation, appendix A
    [(0, None), (2, None), (5, None), (6, 1), (8, 1), (9, 2), (12, 3), (20, 6), (30, 10), (70, 27)],
)
def test_the_interval_of_a_median_needs_six_values(n: int, rank: int | None) -> None:
    assert median_rank(n) == rank


@given(st.integers(6, 300))
def test_the_interval_of_a_median_holds_95_percent_and_the_next_does_not(n: int) -> None:
    rank = median_rank(n)
    assert rank is not None

    def outside(k: int) -> float:
        return 2 * sum(math.comb(n, i) for i in range(k)) / 2**n

    assert outside(rank) <= 0.05 < outside(rank + 1)
