"""Step functions on a common grid, medians in bins, and the band of several runs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netemu.figures.repeated.bands import (
    GRID_POINTS,
    binned_over_runs,
    common_grid,
    held,
    in_bins,
    over_runs,
    share_at_or_below,
)

NAN = float("nan")


def test_the_band_is_median_and_extremes() -> None:
    band = over_runs(np.array([0, 1]), np.array([[1.0, 5.0], [3.0, 7.0], [2.0, 9.0]]))
    assert band.median.tolist() == [2, 7]
    assert (band.low.tolist(), band.high.tolist()) == ([1, 5], [3, 9])
    assert not band.has_interval
    assert band.confidence == 0.75


def test_the_interval_of_the_median_comes_with_six_runs_and_narrows_with_nine() -> None:
    six = over_runs(np.array([0]), np.arange(6.0)[:, None])
    assert (six.interval_low[0], six.interval_high[0]) == (0, 5)
    nine = over_runs(np.array([0]), np.arange(9.0)[::-1, None])
    assert (nine.interval_low[0], nine.interval_high[0]) == (1, 7)


def test_a_place_where_half_of_the_runs_have_no_value_is_empty() -> None:
    values = np.array([[1.0, 1.0, 1.0], [2.0, 2.0, NAN], [3.0, NAN, NAN], [4.0, NAN, NAN]])
    band = over_runs(np.arange(3), values)
    assert band.median[0] == 2.5
    assert np.isnan(band.median[1:]).all()
    assert over_runs(np.arange(1), np.full((3, 1), NAN)).is_empty


def test_a_step_holds_its_value_until_the_next_and_no_longer_than_said() -> None:
    grid = np.array([0, 10, 14, 15, 30, 31])
    found = held(np.array([10, 15, 15]), np.array([1, 2, 3]), grid, until=30)
    assert np.array_equal(found, [NAN, 1, 1, 3, 3, NAN], equal_nan=True)
    assert held(np.array([10]), np.array([1]), np.array([10**9]))[0] == 1


def test_bins_hold_their_beginning_and_the_last_its_end() -> None:
    edges = np.array([0.0, 10.0, 20.0, 30.0])
    found = in_bins(np.array([0, 9, 10, 30, 31, -1]), np.array([2, 4, 7, 8, 100, 100]), edges, np.median)
    assert np.array_equal(found, [3, 7, 8], equal_nan=True)
    assert np.isnan(in_bins(np.zeros(0), np.zeros(0), edges, np.max)).all()


def test_a_bin_is_as_wide_as_it_is_drawn() -> None:
    times = [np.array([0, 599]), np.array([1, 600])]
    band = binned_over_runs(times, [np.array([4, 6]), np.array([8, 2])], np.max)
    assert band is not None
    known = np.flatnonzero(np.isfinite(band.median))
    assert (band.x[known].tolist(), band.median[known].tolist()) == ([0, 10, 590, 600], [6, 6, 4, 4])
    assert binned_over_runs([np.zeros(0), np.zeros(0)], [np.zeros(0), np.zeros(0)], np.max) is None


def test_the_grid_spans_all_runs_in_whole_numbers() -> None:
    grid = common_grid([5, 3], [1_000_000, 2_000_000])
    assert (grid[0], grid[-1], grid.size, grid.dtype.kind) == (3, 2_000_000, GRID_POINTS, "i")
    assert common_grid([3, 4], [4, 7]).tolist() == [3, 4, 5, 6, 7]


def test_shares_are_those_at_or_below() -> None:
    assert share_at_or_below(np.array([3, 1, 2, 2]), np.array([0, 1, 2, 2.5, 3])).tolist() == [0, 0.25, 0.75, 0.75, 1]


@given(st.integers(2, 30).flatmap(lambda n: st.lists(st.floats(-1e9, 1e9), min_size=n, max_size=n)))
def test_the_interval_lies_within_the_extremes_and_around_the_median(values: list[float]) -> None:
    band = over_runs(np.array([0]), np.array(values)[:, None])
    assert band.low[0] <= band.median[0] <= band.high[0]
    if band.has_interval:
        assert band.low[0] <= band.interval_low[0] <= band.median[0] <= band.interval_high[0] <= band.high[0]
    assert band.has_interval == (len(values) >= 6)
