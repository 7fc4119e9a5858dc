"""RTT samples in bins of time."""

from __future__ import annotations

import numpy as np

from netemu.figures import FigureSpec
from netemu.figures.repeated import SeveralRuns, draw_repeated
from tests.figures.repeated.conftest import transfer


def test_a_bin_holds_the_median_over_runs_of_each_runs_median() -> None:
    same_time = SeveralRuns((transfer(), transfer(), transfer()))
    axes = draw_repeated(FigureSpec("a", "rtt", {"rto": False}), same_time, width_in=3.33).axes[0]
    samples, smoothed = axes.lines
    y = samples.get_ydata()
    assert set(y[np.isfinite(y)]) == {40.0}
    assert np.isnan(y).any()  # four samples leave most bins empty
    assert len(axes.collections) == 2  # the smoothed RTT has no band of its own
    assert smoothed.get_ydata()[-1] > 41


def test_the_timeout_is_there_unless_left_out() -> None:
    same_time = SeveralRuns((transfer(), transfer()))
    lines = draw_repeated(FigureSpec("a", "rtt"), same_time, width_in=3.33).axes[0].lines
    timeout = lines[2].get_ydata()
    assert set(timeout[np.isfinite(timeout)]) == set(range(204, 211))


def test_the_axis_is_logarithmic_when_asked(runs: SeveralRuns) -> None:
    figure = draw_repeated(FigureSpec("a", "rtt", {"scale": "log"}), runs, width_in=3.33)
    assert figure.axes[0].get_yscale() == "log"
