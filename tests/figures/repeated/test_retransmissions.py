"""Mean counts with their interval, each run a dot."""

from __future__ import annotations

import pytest

from netemu.figures import FigureSpec
from netemu.figures.repeated import SeveralRuns, draw_repeated
from tests.figures.repeated.conftest import transfer


def test_columns_are_the_classes_and_reasons_that_occur(runs: SeveralRuns) -> None:
    axes = draw_repeated(FigureSpec("a", "retransmissions"), runs, width_in=3.33).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["fast", "spurious", "dropped:\nrandom"]
    assert [bar.get_height() for bar in axes.patches] == pytest.approx([1, 2 / 3, 1])
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(dot.get_ydata()) for dot in dots] == [[0, 1, 2], [0, 1, 1], [0, 1, 2]]


def test_whiskers_are_student_t_and_never_cut_off(runs: SeveralRuns) -> None:
    axes = draw_repeated(FigureSpec("a", "retransmissions"), runs, width_in=3.33).axes[0]
    (whisker, *_) = axes.collections
    low, high = sorted(whisker.get_segments()[0][:, 1])
    assert (low, high) == pytest.approx((1 - 4.303 / 3**0.5, 1 + 4.303 / 3**0.5))  # standard deviation 1, three runs
    assert axes.get_ylim()[0] <= low and axes.get_ylim()[1] >= high


def test_no_retransmission_is_said() -> None:
    axes = draw_repeated(FigureSpec("a", "retransmissions"), SeveralRuns((transfer(), transfer())), width_in=3.33).axes[
        0
    ]
    assert [text.get_text() for text in axes.texts] == ["no retransmission"]
