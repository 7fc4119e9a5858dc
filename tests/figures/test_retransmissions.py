from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables, draw
from tests.figures.traces import run_of


def drawn(run: RunTables, **options: Any) -> Any:
    return draw(FigureSpec("a", "retransmissions", options), run, width_in=3.33)


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_every_class_that_occurs_is_counted(run: RunTables) -> None:
    assert legend(drawn(run)) == ["timeout (2)", "fast (1)", "tail loss probe (1)", "spurious (1)"]


def test_lines_rise_by_one_at_each_retransmission_and_go_on_to_the_end(run: RunTables) -> None:
    timeout = drawn(run).axes[0].lines[0]
    assert [round(x, 1) for x in timeout.get_xdata()] == [470.0, 470.0, 511.2, 865.2]
    assert list(timeout.get_ydata()) == [0, 1, 2, 2]


def test_spurious_ones_are_hollow(run: RunTables) -> None:
    hollow = [line for line in drawn(run).axes[0].lines if line.get_markerfacecolor() == "white"]
    assert [round(x, 1) for line in hollow for x in line.get_xdata()] == [511.2]


def test_what_the_wire_dropped_stands_below(run: RunTables) -> None:
    lower = drawn(run).axes[1]
    assert [label.get_text() for label in lower.get_yticklabels()] == ["listed (3)", "queue full (1)"]
    assert [len(line.get_xdata()) for line in lower.lines] == [3, 1]


def test_a_wire_that_dropped_nothing_says_so(frames: dict[str, pl.DataFrame]) -> None:
    frames["wires"] = frames["wires"].clear()
    lower = drawn(run_of(frames)).axes[1]
    assert [label.get_text() for label in lower.get_yticklabels()] == ["none"]


def test_a_capture_from_elsewhere_has_no_ground_truth(frames: dict[str, pl.DataFrame]) -> None:
    del frames["wires"]
    assert len(drawn(run_of(frames)).axes) == 1


def test_a_clean_transfer_is_a_figure_too(frames: dict[str, pl.DataFrame]) -> None:
    frames["packets"] = frames["packets"].with_columns(kind=pl.lit("new"))
    figure = drawn(run_of(frames))
    assert [text.get_text() for text in figure.axes[0].texts] == ["no retransmission"]
    assert not figure.legends


def test_an_empty_span_is_refused(run: RunTables) -> None:
    with pytest.raises(BadInput, match="no packet of"):
        drawn(run, start="100s")
