"""The band of a binomial, beside sums of its terms as fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.lab.binomial import is_explained

CHANCE = 1 / 16_000


def tails(count: int, trials: int, percent: int) -> tuple[Fraction, Fraction]:
    """Exact probabilities of ``count`` or fewer, and of ``count`` or more."""
    p = Fraction(percent, 100)
    terms = [comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(trials + 1)]
    return sum(terms[: count + 1], Fraction()), sum(terms[count:], Fraction())


@given(st.integers(0, 120), st.integers(1, 120), st.integers(1, 99))
def test_the_band_is_that_of_the_exact_sums(count: int, trials: int, percent: int) -> None:
    count = min(count, trials)
    least = float(min(tails(count, trials, percent)))
    if abs(least - CHANCE / 2) > 1e-9 * CHANCE:
        assert is_explained(count, trials, percent / 100, CHANCE) == (least >= CHANCE / 2)


def test_few_packets_of_a_small_ratio_may_lose_more_than_four_deviations() -> None:
    """8 of 55 at 3 % happen once in 3,000 times; 4.8 deviations of a normal distribution happen once in 700,000."""
    assert is_explained(8, 55, 0.03, CHANCE)
    assert not is_explained(11, 55, 0.03, CHANCE)


@pytest.mark.parametrize(("count", "ratio", "explained"), [(0, 0.0, True), (1, 0.0, False), (9, 1.0, False)])
def test_a_ratio_of_none_or_all_leaves_nothing_to_chance(count: int, ratio: float, *, explained: bool) -> None:
    assert is_explained(count, 10, ratio, CHANCE) is explained


def test_ten_million_packets_take_no_longer_than_their_deviation() -> None:
    assert is_explained(100_900, 10_000_000, 0.01, CHANCE)
    assert not is_explained(101_400, 10_000_000, 0.01, CHANCE)
