"""The constructors of outcomes compare what they say they compare."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.experiment.claims import NotObservable, at_least, at_most, equal, holds, observed, within


def test_equal_compares_and_prints_both_values_with_their_unit() -> None:
    outcome = equal(1460, 1460, "bytes")
    assert (outcome.expected, outcome.measured, outcome.holds, outcome.value) == (
        "1460 bytes",
        "1460 bytes",
        True,
        1460,
    )
    assert equal([1400], [1400, 1280]).holds is False


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.integers(0, 10**6))
def test_within_holds_exactly_up_to_its_tolerance(measured: int, expected: int, tolerance: int) -> None:
    assert within(measured, expected, tolerance).holds is (abs(measured - expected) <= tolerance)


@pytest.mark.parametrize(("value", "low", "high"), [(1, True, False), (2, True, True), (3, False, True)])
def test_bounds_include_their_end(value: int, low: bool, high: bool) -> None:
    assert at_most(value, 2).holds is low
    assert at_least(value, 2).holds is high


def test_a_claim_in_words_keeps_its_number_for_intervals() -> None:
    outcome = holds(False, expected="none", measured="3 of 9", value=3)
    assert (outcome.holds, outcome.value) == (False, 3.0)


def test_what_the_run_does_not_show_cannot_be_observed() -> None:
    assert observed(0, "sample") == 0
    with pytest.raises(NotObservable, match="the run shows no sample"):
        observed(None, "sample")


def test_a_boolean_is_no_number() -> None:
    assert equal(True, True).value is None


def test_numbers_of_numpy_become_what_json_can_hold() -> None:
    outcomes = [
        equal(np.bool_(True), True),
        equal(np.int64(3), 3),
        within(np.float64(1.0), 1, 0.1),
        at_least(np.int64(3), 2),
        at_most(float("nan"), 2),
        holds(np.bool_(False), expected="x", measured="y", value=float("inf")),
    ]
    assert [type(outcome.holds) for outcome in outcomes] == [bool] * 6
    assert [outcome.holds for outcome in outcomes] == [True, True, True, True, False, False]
    assert [outcome.value for outcome in outcomes] == [None, 3.0, 1.0, 3.0, None, None]
    json.dumps([asdict(outcome) for outcome in outcomes], allow_nan=False)
