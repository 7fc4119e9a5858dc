"""The figure of a send()'s life."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from matplotlib.collections import LineCollection

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables, check_spec, draw
from tests.figures.traces import frames_with_reads, run_of


@pytest.fixture
def frames() -> dict[str, pl.DataFrame]:
    return frames_with_reads()


def drawn(run: RunTables, **options: Any) -> Any:
    return draw(FigureSpec("a", "life", options), run, width_in=3.33)


def legend(figure: Any) -> set[str]:
    return {text.get_text() for text in figure.legends[0].get_texts()}


def test_every_thing_that_occurs_is_in_the_legend(run: RunTables) -> None:
    assert legend(drawn(run)) == {
        *("in flight", "not sent yet", "to be read", "behind a gap", "packet", "probe", "ACK"),
        *("timeout", "fast", "tail loss probe", "lost: listed", "lost: queue full"),
    }


def test_lanes_follow_the_bytes_from_call_to_read(run: RunTables) -> None:
    calls, sender, network, receiver, reads = drawn(run).axes
    assert [label.get_text() for label in calls.get_yticklabels()] == ["send()"]
    assert sender.get_ylabel().startswith("Sender holds") and receiver.get_ylabel().startswith("Receiver holds")
    assert [label.get_text() for label in network.get_yticklabels()] == ["h1", "h2"]
    assert [label.get_text() for label in reads.get_yticklabels()] == ["recv()"]
    assert reads.get_xlabel() == "Time (ms)"


def test_a_lost_packets_line_ends_half_way(run: RunTables) -> None:
    network = drawn(run).axes[2]
    ends = {
        tuple(line[:, 1]) for c in network.collections if isinstance(c, LineCollection) for line in c.get_segments()
    }
    assert ends == {(1.0, 0.0), (0.0, 1.0), (1.0, 0.5)}
    crosses = [line for line in network.lines if line.get_marker() in {"x", "|"}]
    assert sum(len(line.get_xdata()) for line in crosses) == 4


def test_one_send_spans_its_own_time(run: RunTables) -> None:
    first, second = drawn(run, send=1).axes[0].get_xlim(), drawn(run, send=2).axes[0].get_xlim()
    assert first[0] < 41 < second[0] and second[1] > 900


def test_a_marker_outside_the_stretch_shown_takes_no_room(run: RunTables) -> None:
    figure = drawn(run, start="80ms", stop="200ms")
    bottom, top = figure.axes[4].get_position(), figure.axes[0].get_position()
    assert bottom.y0 < 0.25 and top.y1 > 0.75


def test_a_receiver_that_was_not_captured_is_said(frames: dict[str, pl.DataFrame]) -> None:
    frames["transits"] = frames["transits"].clear()
    texts = [text.get_text() for text in drawn(run_of(frames)).axes[2].texts]
    assert texts == ["not captured at the receiver"]


@pytest.mark.parametrize("send", [0, -1, True, "first"])
def test_what_is_no_number_of_a_send_is_refused_before_the_run(send: object) -> None:
    with pytest.raises(BadInput, match="is not a number from 1 on"):
        check_spec(FigureSpec("a", "life", {"send": send}))
