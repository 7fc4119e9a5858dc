"""The connections of a run under names that are the same in every run: a flow's name and a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.figures.selection import split_address
from netemu.figures.tables import read_json_object
from netemu.recording.layout import Recording

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from netemu.figures.tables import RunTables


def flow_servers(root: Path) -> dict[int, str]:
    """Port that a flow's server listens on -> the flow's name, from the run's plan; empty where it has none."""
    plan = Recording(root).plan
    if not plan.is_file():
        return {}
    servers = [agent for agent in read_json_object(plan).get("agents", ()) if agent["name"].endswith(".server")]
    return {int(agent["args"]["port"]): agent["name"].removesuffix(".server") for agent in servers}


def named_connections(run: RunTables, flows: dict[int, str]) -> pl.DataFrame:
    """The table ``connections`` with ``flow``, ``number`` (from 1, in order of start) and ``begun_ns``.

    A connection to a port of no flow is called by its server. ``begun_ns`` is the time of its first packet in any of
    the run's captures.
    """
    import polars as pl

    rows = run.scan("connections").sort("capture", "start_ns", "connection").collect()
    names = [flows.get(int(split_address(server)[1]), server) for server in rows["server"]]
    once = pl.int_range(pl.len()).over("capture", "client", "server")
    return (
        rows.with_columns(flow=pl.Series(names, dtype=pl.String), once=once)
        .with_columns(
            number=(pl.int_range(pl.len()) + 1).over("capture", "flow"),
            begun_ns=pl.col("start_ns").min().over("client", "server", "once"),
        )
        .drop("once")
    )
