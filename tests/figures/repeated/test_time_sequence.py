"""How far the transfer had come, in the median of the runs."""

from __future__ import annotations

import numpy as np
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec
from netemu.figures.repeated import SeveralRuns, draw_repeated
from tests.figures.repeated.conftest import no_packets, transfer
from tests.figures.traces import MSS


def test_the_line_is_the_median_of_what_is_acknowledged(runs: SeveralRuns) -> None:
    axes = draw_repeated(FigureSpec("a", "time_sequence"), runs, width_in=3.33).axes[0]
    (line,) = axes.lines
    x, y = line.get_xdata(), line.get_ydata()
    assert axes.get_ylabel() == "Acknowledged (B)"
    # ACKs at 100, 110 and 120 ms: the median of three runs rises with the second
    assert y[np.searchsorted(x, 109.5)] == 1
    assert y[np.searchsorted(x, 110.5)] == 1 + MSS
    assert y[-1] == 1 + 4 * MSS


def test_a_later_start_of_the_connection_changes_nothing() -> None:
    late = SeveralRuns(tuple(transfer(10.0 * index, begin_ms=1000.0 + 7 * index) for index in range(3)))
    early = SeveralRuns(tuple(transfer(10.0 * index) for index in range(3)))
    spec = FigureSpec("a", "time_sequence")
    lines = [draw_repeated(spec, one, width_in=3.33).axes[0].lines[0] for one in (late, early)]
    assert np.array_equal(lines[0].get_xydata(), lines[1].get_xydata(), equal_nan=True)


def test_no_ack_anywhere_is_refused() -> None:
    with pytest.raises(BadInput, match=r"figure 'a': no ACK of 10.0.0.1:40000 > 10.0.1.1:5001 .* in 2 runs"):
        draw_repeated(FigureSpec("a", "time_sequence"), SeveralRuns((no_packets(), no_packets())), width_in=3.33)
