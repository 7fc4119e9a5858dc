from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec, RunTables, draw
from tests.figures.traces import MS, frame_of, run_of


def drawn(run: RunTables, **options: Any) -> Any:
    return draw(FigureSpec("a", "cdf", {"table": "rtt", "column": "rtt_ns", **options}), run, width_in=3.33)


def run_with_rtts(*rtt_ms: float) -> RunTables:
    return run_of({"rtt": frame_of("rtt", [{"rtt_ns": round(ms * MS)} for ms in rtt_ms])})


def test_the_curve_is_the_fraction_at_or_below_each_value() -> None:
    (line,) = drawn(run_with_rtts(4, 1, 4, 2)).axes[0].lines
    assert list(line.get_xdata()) == [1, 1, 2, 4]
    assert list(line.get_ydata()) == [0, 0.25, 0.5, 1.0]


def test_labels_come_from_the_column() -> None:
    axes = drawn(run_with_rtts(4, 1)).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("RTT (ms)", "Cumulative fraction")


def test_a_wide_range_is_logarithmic_unless_said_otherwise() -> None:
    run = run_with_rtts(1, 10, 1000)
    assert drawn(run).axes[0].get_xscale() == "log"
    assert drawn(run, scale="linear").axes[0].get_xscale() == "linear"


def test_zero_on_a_logarithmic_axis_is_refused() -> None:
    with pytest.raises(BadInput, match="holds 0, which a logarithmic axis cannot show"):
        drawn(run_with_rtts(0, 1), scale="log")


def test_one_curve_for_each_value_of_another_column(run: RunTables) -> None:
    figure = drawn(run, table="calls", column="blocked_ns", by="agent")
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["bulk (60)", "web (60)"]
    assert len({line.get_linestyle() + str(line._dash_pattern) for line in figure.axes[0].lines}) == 2


def test_rows_can_be_narrowed_by_value_and_by_connection(run: RunTables) -> None:
    (line,) = drawn(run, table="calls", column="blocked_ns", where={"agent": "web"}).axes[0].lines
    assert max(line.get_xdata()) == pytest.approx(2.56)
    assert drawn(run, port=5001).axes[0].lines
    assert drawn(run, table="sockets", column="srtt_ns", port=5001).axes[0].lines
    with pytest.raises(BadInput, match="no row"):
        drawn(run, direction="b_to_a")


def test_gaps_are_between_packets_of_one_direction() -> None:
    packets = [
        {"capture": c, "frame": f, "t_ns": t * MS, "direction": d}
        for c, f, t, d in (("x", 1, 0, 0), ("x", 2, 1, 1), ("x", 3, 5, 0), ("y", 1, 100, 0), ("x", 4, 6, 1))
    ]
    run = run_of({"packets": frame_of("packets", packets)})
    (line,) = drawn(run, table="packets", column="gap_ns").axes[0].lines
    assert list(line.get_xdata()) == [5, 5]


def test_nulls_are_no_values(frames: dict[str, pl.DataFrame]) -> None:
    column = pl.when(pl.col("rtt_ns") > 41_300_000).then("rtt_ns")
    run = run_of({"rtt": frames["rtt"].with_columns(rtt_ns=column)})
    assert list(drawn(run).axes[0].lines[0].get_xdata()) == [41.4, 41.4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"table": "rrt"}, "no table is called 'rrt'"),
        ({"column": "rtt"}, "has no column 'rtt'; it has capture"),
        ({"by": "who"}, "has no column 'who'"),
        ({"where": {"who": 1}}, "has no column 'who'"),
        ({"column": "capture"}, "holds no numbers"),
        ({"scale": "cubic"}, "scale 'cubic'"),
        ({"table": "calls", "column": "blocked_ns", "port": 5001}, "no connections to choose from by port"),
        ({"table": "calls", "column": "blocked_ns", "by": "t_ns"}, "at most 7 curves"),
    ],
)
def test_what_cannot_be_drawn_is_refused(run: RunTables, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        drawn(run, **options)
