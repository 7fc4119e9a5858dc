"""Flight and estimated window over several runs, in one axes."""

from __future__ import annotations

import numpy as np
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec
from netemu.figures.repeated import SeveralRuns, draw_repeated
from tests.figures.repeated.conftest import no_packets
from tests.figures.traces import MSS


def _lines(runs: SeveralRuns, **options: object) -> list[list[float]]:
    (axes,) = draw_repeated(FigureSpec("a", "sender", options), runs, width_in=3.33).axes
    return [list(line.get_ydata()) for line in axes.lines]


def test_the_kernel_s_window_and_the_receiver_s_may_be_left_out(runs: SeveralRuns) -> None:
    assert len(_lines(runs)) == 4
    assert len(_lines(runs, kernel=False)) == 3
    flight, estimate = (np.nanmax(line) for line in _lines(runs, kernel=False, window=False))
    assert flight == 2 * estimate and estimate in (2 * MSS, 2 * MSS / 1000)


def test_runs_without_packets_show_nothing() -> None:
    with pytest.raises(BadInput):
        _lines(SeveralRuns((no_packets(), no_packets())))
