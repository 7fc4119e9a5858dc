from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from netemu.figures import FigureSpec, RunTables, draw
from netemu.figures.style import RASTER_ABOVE
from netemu.figures.time_sequence import companion
from tests.figures.traces import MSS, Trace, handshake, run_of


def drawn(run: RunTables, **options: Any) -> Any:
    return draw(FigureSpec("a", "time_sequence", options), run, width_in=3.33)


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


def markers(figure: Any) -> dict[str, int]:
    """How many places carry each letter."""
    counts: dict[str, int] = {}
    for line in figure.axes[0].lines:
        if str(line.get_marker()).startswith("$"):
            letter = str(line.get_marker()).removeprefix("$\\mathrm{").removesuffix("}$")
            counts[letter] = counts.get(letter, 0) + len(line.get_xdata())
    return counts


def test_the_legend_names_what_is_there_and_nothing_else(run: RunTables) -> None:
    assert legend(drawn(run)) == [
        "segment",
        "ACK",
        "duplicate ACK",
        "window",
        "SACK",
        "timeout",
        "fast",
        "tail loss probe",
        "dropped on the wire",
    ]


def test_each_letter_stands_once_for_each_event(run: RunTables) -> None:
    assert markers(drawn(run)) == {"R": 4, "Z": 2, "P": 1}


def test_words_mark_syn_and_fin(run: RunTables) -> None:
    assert sorted(text.get_text() for text in drawn(run).axes[0].texts) == ["FIN", "SYN"]


def test_axes_have_units_that_fit(run: RunTables) -> None:
    axes = drawn(run).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time (ms)", "Sequence offset (kB)")


def test_the_window_can_be_left_out(run: RunTables) -> None:
    assert "window" not in legend(drawn(run, window=False))


def test_a_span_shows_only_what_lies_in_it(run: RunTables) -> None:
    figure = drawn(run, start="120ms", stop="200ms")
    low, high = figure.axes[0].get_xlim()
    assert low > 115 and high < 205
    assert markers(figure) == {"R": 1}


def test_a_title_is_written_when_asked(run: RunTables) -> None:
    assert drawn(run, title="IPv4").legends[0].get_title().get_text() == "IPv4"


def test_every_bar_reaches_from_first_to_last_byte(run: RunTables, frames: dict[str, pl.DataFrame]) -> None:
    bars = [
        (round(path[0][1] * 1000), round(path[1][1] * 1000))
        for collection in drawn(run).axes[0].collections
        if collection.get_zorder() == 3
        for path in collection.get_segments()
    ]
    sent = frames["packets"].filter(pl.col("direction") == 0, pl.col("payload_bytes") > 0)
    assert {(s, s + p) for s, p in sent.select("seq_offset_bytes", "payload_bytes").iter_rows()} <= set(bars)


def test_a_long_trace_is_a_picture_inside_the_vector_file() -> None:
    trace = Trace()
    handshake(trace)
    for index in range(RASTER_ABOVE + 1):
        trace.send(41 + index * 0.01)
    run = run_of(trace.finish())
    collections = [c for c in drawn(run).axes[0].collections if len(c.get_paths()) > RASTER_ABOVE]
    assert collections and all(collection.get_rasterized() for collection in collections)


@pytest.mark.parametrize("direction", ["a_to_b", "b_to_a"])
def test_both_directions_have_a_graph_and_an_xpl(run: RunTables, direction: str) -> None:
    assert drawn(run, direction=direction).axes
    suffix, text = companion(run, direction=direction)
    assert suffix == "xpl" and text.endswith("go\n")


def test_dsack_and_out_of_order_and_keepalive_have_their_letters(frames: dict[str, pl.DataFrame]) -> None:
    packets = frames["packets"]
    first = pl.col("frame") == packets.filter(pl.col("payload_bytes") == MSS)["frame"][0]
    sacked = pl.col("frame") == frames["sacks"]["frame"][0]
    probe = pl.col("kind") == "window_probe"
    frames["packets"] = packets.with_columns(
        out_of_order=first, dsack=sacked, kind=pl.when(probe).then(pl.lit("keepalive")).otherwise("kind")
    )
    assert markers(drawn(run_of(frames))) == {"R": 4, "Z": 2, "O": 1, "K": 1, "D": 1}
