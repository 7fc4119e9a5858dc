"""Estimated windows over time, and below them a lane for each phase and limit that occurs."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables, draw
from tests.figures.traces import MSS, run_of


def drawn(run: RunTables, **options: Any) -> Any:
    return draw(FigureSpec("a", "sender", options), run, width_in=3.33)


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def lanes(axes: Any) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def test_estimates_are_beside_flight_window_and_the_kernel_s_samples(run: RunTables) -> None:
    everything = ["receiver's window", "in flight", "kernel's cwnd", "cwnd, estimated", "ssthresh, estimated"]
    assert legend(drawn(run)) == everything
    assert legend(drawn(run, window=False, kernel=False)) == ["in flight", "cwnd, estimated", "ssthresh, estimated"]


def test_the_estimate_is_broken_where_there_is_none(run: RunTables) -> None:
    (line,) = [line for line in drawn(run).axes[0].lines if line.get_marker() == "o"]
    y = line.get_ydata()
    assert np.isnan(y[-1]) and list(np.round(y[:-1] / y[1])) == [2.0, 1.0]
    assert y[1] in (MSS, MSS / 1000)


def test_only_what_occurs_has_a_lane(run: RunTables) -> None:
    _, phases, limits = drawn(run).axes
    assert lanes(phases) == ["slow start", "recovery", "application limited"]
    assert lanes(limits) == ["cwnd", "application"]


def test_where_nothing_can_be_told_of_limits_the_lane_says_so(frames: dict[str, pl.DataFrame]) -> None:
    frames["sender"] = frames["sender"].with_columns(limited_by=pl.lit(None, frames["sender"].schema["limited_by"]))
    assert lanes(drawn(run_of(frames)).axes[2]) == ["unknown"]


def test_a_span_without_data_is_refused(run: RunTables) -> None:
    with pytest.raises(BadInput, match="sent no data"):
        drawn(run, start="100s")
