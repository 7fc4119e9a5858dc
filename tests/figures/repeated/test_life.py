"""Stages of a send() over several runs."""

from __future__ import annotations

import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec
from netemu.figures.repeated import SeveralRuns, draw_repeated
from tests.figures.repeated.conftest import transfer


def test_each_stage_has_its_row_with_the_median_of_the_runs(runs: SeveralRuns) -> None:
    axes = draw_repeated(FigureSpec("a", "life", {"send": 1}), runs, width_in=3.33).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("call returned", "first byte sent", "last byte sent", "last byte arrived", "last byte read", "acknowledged")
    ]
    medians = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "|"]
    assert medians[1:5] == pytest.approx([1, 2, 22, 30]) and axes.get_xlabel() == "Time since the call (ms)"
    dots = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert dots[5] == pytest.approx([dots[5][0] + 5 * i for i in range(3)])  # half of what the last ACK was later


def test_when_the_run_began_makes_no_difference() -> None:
    runs = SeveralRuns((transfer(), transfer(begin_ms=500.0)))
    axes = draw_repeated(FigureSpec("a", "life"), runs, width_in=3.33).axes[0]
    for line in axes.lines:
        assert len(set(line.get_xdata())) == 1


def test_runs_without_a_send_are_named(runs: SeveralRuns) -> None:
    with pytest.raises(BadInput, match="send 9"):
        draw_repeated(FigureSpec("a", "life", {"send": 9}), runs, width_in=3.33)
