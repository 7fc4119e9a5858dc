"""Connections are known by flow and number."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netemu.compare.flows import flow_servers, named_connections
from tests.compare.runs_by_hand import run_directory
from tests.figures.traces import all_frames, run_of


def test_flows_come_from_the_plan(tmp_path: Path) -> None:
    assert flow_servers(run_directory(tmp_path / "run")) == {5001: "bulk"}
    assert flow_servers(tmp_path) == {}


def test_connections_of_a_flow_are_numbered_in_order_of_start() -> None:
    frames = all_frames()
    one = frames["connections"]
    later = one.with_columns(connection=pl.lit(1, pl.Int32), start_ns=pl.lit(7, pl.Int64), client=pl.lit("10.0.0.1:9"))
    other = later.with_columns(connection=pl.lit(2, pl.Int32), server=pl.lit("[fd00::2]:80"))
    frames["connections"] = pl.concat([other, later, one])
    rows = named_connections(run_of(frames), {5001: "bulk"}).sort("connection")
    assert rows.select("flow", "number").rows() == [("bulk", 1), ("bulk", 2), ("[fd00::2]:80", 1)]
    assert rows["begun_ns"].to_list() == [0, 7, 7]
