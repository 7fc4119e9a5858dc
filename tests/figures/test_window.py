from __future__ import annotations

from typing import Any

import polars as pl

from netemu.figures import FigureSpec, RunTables, draw
from tests.figures.traces import run_of


def drawn(run: RunTables, **options: Any) -> Any:
    return draw(FigureSpec("a", "window", options), run, width_in=3.33)


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def bars(axes: Any) -> dict[str, list[tuple[float, float]]]:
    """Limiter -> its intervals, as drawn."""
    rows = [label.get_text() for label in axes.get_yticklabels()]
    found: dict[str, list[tuple[float, float]]] = {row: [] for row in rows}
    for collection in axes.collections:
        for path in collection.get_paths():
            box = path.get_extents()
            found[rows[round((box.y0 + box.y1) / 2)]].append((round(box.x0), round(box.x1)))
    return found


def test_lines_of_window_flight_and_cwnd(run: RunTables) -> None:
    assert legend(drawn(run)) == ["peer's window", "in flight", "cwnd", "zero window"]
    assert legend(drawn(run, cwnd=False)) == ["peer's window", "in flight", "zero window"]


def test_each_limiter_has_a_row_with_its_intervals(run: RunTables) -> None:
    assert bars(drawn(run).axes[1]) == {
        "rwnd": [(0, 225)],
        "sndbuf": [(225, 455)],
        "cwnd": [(455, 685)],
        "application": [(685, 900)],
    }


def test_without_samples_only_the_packets_speak(frames: dict[str, pl.DataFrame]) -> None:
    del frames["sockets"]
    figure = drawn(run_of(frames))
    assert bars(figure.axes[1]) == {"rwnd": [(552, 860)]}
    assert figure.axes[1].get_ylabel() != "" and "cwnd" not in legend(figure)


def test_a_zero_window_is_marked_where_it_begins(run: RunTables) -> None:
    (marks,) = [line for line in drawn(run).axes[0].lines if line.get_marker() == "v"]
    assert [round(x) for x in marks.get_xdata()] == [552]


def test_both_axes_share_time(run: RunTables) -> None:
    upper, lower = drawn(run, start="100ms", stop="300ms").axes
    assert upper.get_xlim() == lower.get_xlim()
    assert lower.get_xlabel() == "Time (ms)"
