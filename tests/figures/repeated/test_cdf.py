"""The mean of the runs' distributions."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables
from netemu.figures.repeated import SeveralRuns, draw_repeated
from tests.figures.traces import MS, frame_of, run_of


def run_with(*rtt_ms: float, capture: str = "a") -> RunTables:
    return run_of({"rtt": frame_of("rtt", [{"rtt_ns": round(ms * MS), "capture": capture} for ms in rtt_ms])})


def drawn(*runs: RunTables, **options: Any) -> Any:
    spec = FigureSpec("a", "cdf", {"table": "rtt", "column": "rtt_ns", **options})
    return draw_repeated(spec, SeveralRuns(runs), width_in=3.33)


def test_the_curve_is_the_mean_share_and_each_run_counts_once() -> None:
    axes = drawn(run_with(1, 2), run_with(2, 2, 2, 4)).axes[0]
    (line,) = axes.lines
    assert list(line.get_xdata()) == [1, 1, 2, 4]
    assert list(line.get_ydata()) == [0, 0.25, 0.875, 1]
    (band,) = axes.collections
    assert {0.0, 0.5, 0.75, 1.0} <= set(band.get_paths()[0].vertices[:, 1])


def test_a_curve_that_not_all_runs_have_says_so() -> None:
    figure = drawn(run_with(1, 2), run_with(3, capture="b"), by="capture")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["a in 1 runs", "b in 1 runs", "min–max"]


def test_nothing_left_is_refused() -> None:
    with pytest.raises(BadInput, match="no row of 'rtt' is left"):
        drawn(run_with(1), run_with(1), where={"capture": "z"})
