from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables, draw
from tests.figures.traces import MS, run_of


def drawn(run: RunTables, **options: Any) -> Any:
    return draw(FigureSpec("a", "rtt", options), run, width_in=3.33)


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_samples_srtt_and_rto(run: RunTables) -> None:
    figure = drawn(run)
    assert legend(figure) == ["RTT samples", "smoothed RTT", "RTO"]
    assert figure.axes[0].get_ylabel() == "RTT (ms)"
    samples, srtt, rto = figure.axes[0].lines
    assert sorted(set(samples.get_ydata())) == pytest.approx([41.3, 41.4])
    assert srtt.get_ydata()[0] == 41 and rto.get_ydata()[0] == 204
    assert legend(drawn(run, rto=False)) == ["RTT samples", "smoothed RTT"]


def test_the_srtt_before_the_first_sample_is_no_value(frames: dict[str, pl.DataFrame]) -> None:
    early = pl.col("t_ns") < 40 * MS
    frames["sockets"] = frames["sockets"].with_columns(srtt_ns=pl.when(early).then(0).otherwise("srtt_ns"))
    assert drawn(run_of(frames)).axes[0].lines[1].get_xdata()[0] == 40


@pytest.mark.parametrize(("rto_ns", "scale"), [(204 * MS, "linear"), (3_000 * MS, "log")])
def test_a_wide_range_makes_the_axis_logarithmic(frames: dict[str, pl.DataFrame], rto_ns: int, scale: str) -> None:
    frames["sockets"] = frames["sockets"].with_columns(rto_ns=pl.lit(rto_ns))
    assert drawn(run_of(frames)).axes[0].get_yscale() == scale


def test_the_scale_can_be_said(run: RunTables) -> None:
    assert drawn(run, scale="log").axes[0].get_yscale() == "log"
    with pytest.raises(BadInput, match="scale 'cubic'"):
        drawn(run, scale="cubic")


def test_without_socket_samples_the_packets_remain(frames: dict[str, pl.DataFrame]) -> None:
    del frames["sockets"]
    assert legend(drawn(run_of(frames))) == ["RTT samples"]


def test_nothing_to_draw_is_refused(run: RunTables) -> None:
    with pytest.raises(BadInput, match="no RTT sample"):
        drawn(run, direction="b_to_a")
