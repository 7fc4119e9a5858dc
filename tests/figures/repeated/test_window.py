"""The peer's window above, flight and cwnd below, on one time axis."""

from __future__ import annotations

import numpy as np

from netemu.figures import FigureSpec
from netemu.figures.repeated import SeveralRuns, draw_repeated
from tests.figures.traces import MSS


def test_flight_falls_with_the_median_ack(runs: SeveralRuns) -> None:
    upper, lower = draw_repeated(FigureSpec("a", "window"), runs, width_in=3.33).axes
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("Window (kB)", "Sent (kB)")
    assert upper.get_xlabel() == "" and "(ms)" in lower.get_xlabel()
    flight, cwnd = lower.lines
    x, y = flight.get_xdata(), flight.get_ydata()
    assert y[np.searchsorted(x, 99.0)] == 4 * MSS / 1000
    assert y[np.searchsorted(x, 110.5)] == 3 * MSS / 1000
    assert cwnd.get_ydata()[-1] >= 10 * MSS / 1000


def test_cwnd_may_be_left_out(runs: SeveralRuns) -> None:
    _, lower = draw_repeated(FigureSpec("a", "window", {"cwnd": False}), runs, width_in=3.33).axes
    assert len(lower.lines) == 1
