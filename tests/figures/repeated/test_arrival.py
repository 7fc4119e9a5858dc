"""How far the arrival of each byte scatters over runs."""

from __future__ import annotations

import numpy as np
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec
from netemu.figures.repeated import SeveralRuns, draw_repeated
from netemu.figures.repeated.arrival import draw_beside, scatter, time_text
from netemu.figures.style import paper_style
from tests.figures.repeated.conftest import no_packets
from tests.figures.traces import MSS, Trace, handshake, run_of


def transfer(late_ms: float = 0.0, begin_ms: float = 0.0):
    """Four segments, the third ``late_ms`` later than in other runs; the connection begins at ``begin_ms``."""
    trace = Trace()
    handshake(trace)
    for index in range(4):
        trace.send(50 + 10 * index + (late_ms if index == 2 else 0))
    for row in trace.packets:
        row["t_ns"] += round(begin_ms * 1e6)
    return run_of(trace.finish())


def test_the_deviation_is_from_the_median_of_each_byte() -> None:
    runs = SeveralRuns(tuple(transfer(late_ms) for late_ms in (0, 1, 5)))
    found = scatter(runs, {})
    third = (found.offsets > 2 * MSS) & (found.offsets <= 3 * MSS)
    assert set(found.low[third]) == {-1e6} and set(found.high[third]) == {4e6}
    assert not found.high[~third].any() and not found.low[~third].any()
    assert (found.largest_ns, found.runs) == (4e6, 3)


def test_time_counts_from_the_connections_start_in_each_run() -> None:
    found = scatter(SeveralRuns((transfer(), transfer(begin_ms=700))), {})
    assert found.largest_ns == 0


def test_runs_that_are_equal_are_called_identical() -> None:
    axes = draw_repeated(FigureSpec("a", "arrival"), SeveralRuns((transfer(), transfer())), width_in=3.33).axes[0]
    assert axes.get_title(loc="left") == "2 runs, identical"
    assert axes.get_yscale() == "symlog"


def test_runs_that_are_not_say_how_far_they_are_apart() -> None:
    runs = SeveralRuns((transfer(), transfer(2), transfer(0.1)))
    axes = draw_repeated(FigureSpec("a", "arrival"), runs, width_in=3.33).axes[0]
    assert axes.get_title(loc="left") == "3 runs, up to 1.9 ms from the median"
    low, high = axes.get_ylim()
    assert low == -high and high > 1.9e6


def test_groups_have_panels_on_the_same_axes_under_their_labels() -> None:
    exact, scattered = SeveralRuns((transfer(), transfer())), SeveralRuns((transfer(), transfer(300)))
    with paper_style():
        figure = draw_beside([("virtual", exact), ("host", scattered)], width_in=3.33)
    upper, lower = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "virtual\n2 runs, identical",
        "host\n2 runs, up to 150 ms from the median",
    ]
    assert upper.get_ylim() == lower.get_ylim()


def test_runs_without_data_are_refused() -> None:
    with pytest.raises(BadInput, match="figure 'a': no data of"):
        draw_repeated(FigureSpec("a", "arrival"), SeveralRuns((no_packets(), no_packets())), width_in=3.33)


@pytest.mark.parametrize(
    ("late_ms", "labels"),
    [(0, ["−10 µs", "0", "10 µs"]), (20, ["−100 ms", "−1 ms", "−10 µs", "0", "10 µs", "1 ms", "100 ms"])],
)
def test_ticks_are_decades_that_do_not_touch(late_ms: float, labels: list[str]) -> None:
    runs = SeveralRuns((transfer(), transfer(late_ms), transfer()))
    axes = draw_repeated(FigureSpec("a", "arrival"), runs, width_in=3.33).axes[0]
    assert [axes.yaxis.get_major_formatter()(tick, 0) for tick in axes.yaxis.get_major_locator()()] == labels


@pytest.mark.parametrize(
    ("value_ns", "text"),
    [(0, "0"), (-1e3, "−1 µs"), (1234567, "1.23 ms"), (2e9, "2 s"), (12, "12 ns")],
)
def test_a_time_is_told_with_its_unit(value_ns: float, text: str) -> None:
    assert time_text(value_ns) == text


def test_made_twice_the_axes_are_the_same() -> None:
    runs = SeveralRuns((transfer(), transfer(2)))
    limits = {
        tuple(np.ravel(draw_repeated(FigureSpec("a", "arrival"), runs, width_in=7).axes[0].get_ylim())) for _ in "12"
    }
    assert len(limits) == 1
