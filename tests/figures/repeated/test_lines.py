"""Bands of step functions, and their drawing."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from netemu.figures.repeated.lines import Line, Steps, band_of, draw_lines, keys
from netemu.figures.scales import size_scale, time_scale

NOTHING = Steps(np.zeros(0, np.int64), np.zeros(0, np.int64), None)


def steps(*values: float, until: int | None = None) -> Steps:
    return Steps(np.arange(len(values)) * 10, np.array(values), until)


def test_values_hold_for_good_unless_their_run_has_ended() -> None:
    band = band_of([steps(1, 2), steps(1, 4, 6)])
    assert band is not None
    assert band.x[[0, -1]].tolist() == [0, 20]
    assert (band.median[0], band.median[-1]) == (1, 4)
    ended = band_of([steps(1, 2, until=15), steps(1, 4, 6)])
    assert ended is not None and np.isnan(ended.median[-1]) and ended.median[12] == 3


def test_runs_without_a_value_count_among_the_runs() -> None:
    assert band_of([NOTHING, NOTHING]) is None
    band = band_of([NOTHING, NOTHING, steps(1)])
    assert band is not None and band.is_empty


@pytest.mark.parametrize(
    ("count", "labels"),
    [
        (2, ["a", "min–max (50 % interval)"]),
        (5, ["a", "min–max (94 % interval)"]),
        (6, ["a", "min–max", "95 % interval"]),
    ],
)
def test_the_legend_says_what_the_bands_are(count: int, labels: list[str]) -> None:
    band = band_of([steps(1, index) for index in range(count)])
    assert band is not None
    assert [label for _, label in keys([Line(band, "a", "#000000", "-")])] == labels


def test_a_line_without_a_band_is_its_median_alone() -> None:
    band = band_of([steps(10_000, 20_000), steps(30_000, 60_000)])
    assert band is not None
    axes = Figure().subplots()
    units = draw_lines(axes, [Line(band, "a", "#000000", "-", filled=False)], size_scale, "Bytes", time=time_scale(10))
    assert not axes.collections
    (line,) = axes.lines
    assert line.get_ydata()[[0, -1]].tolist() == [20, 40]
    assert [unit.unit for unit in units] == ["ns", "kB"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time since the connection's start (ns)", "Bytes (kB)")
