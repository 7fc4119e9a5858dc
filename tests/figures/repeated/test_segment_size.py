"""Segment sizes, path MTU and the messages behind its steps."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables
from netemu.figures.repeated import SeveralRuns, draw_repeated
from tests.figures.repeated.conftest import no_packets, transfer
from tests.figures.traces import MSS, run_of


def test_a_triangle_stands_at_the_median_time_of_the_message(runs: SeveralRuns) -> None:
    axes = draw_repeated(FigureSpec("a", "segment_size"), runs, width_in=3.33).axes[0]
    sizes, path_mtu, span, triangle = axes.lines
    known = sizes.get_ydata()[np.isfinite(sizes.get_ydata())]
    assert set(known) == {MSS + 52.0}
    assert path_mtu.get_ydata()[[0, -1]].tolist() == [1500, 1400]
    assert span.get_xdata() == pytest.approx([55, 75])
    assert (triangle.get_xdata()[0], triangle.get_ydata()[0]) == (65, 1400)
    assert [text.get_text() for text in axes.texts] == ["1400 B from 10.0.0.2"]


def test_no_data_anywhere_is_refused() -> None:
    with pytest.raises(BadInput, match="no data segment"):
        draw_repeated(FigureSpec("a", "segment_size"), SeveralRuns((no_packets(), no_packets())), width_in=3.33)


def test_what_is_left_of_a_split_segment_does_not_hide_the_segment() -> None:
    def run() -> RunTables:
        frames = dict(transfer().sources)
        packets = frames["packets"]
        tail = packets.filter(packets["payload_bytes"] > 0).with_columns(ip_bytes=pl.lit(152, pl.Int32))
        return run_of({**frames, "packets": pl.concat([packets, tail])})

    sizes = draw_repeated(FigureSpec("a", "segment_size"), SeveralRuns((run(), run())), width_in=3.33).axes[0].lines[0]
    known = sizes.get_ydata()[np.isfinite(sizes.get_ydata())]
    assert set(known) == {MSS + 52.0}
