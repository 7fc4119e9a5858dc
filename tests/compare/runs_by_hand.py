"""Runs written by hand as directories: the bulk transfer of tests.figures.traces, altered as a test wants it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from netemu.compare.fields import compared_packets
from netemu.compare.flows import flow_servers, named_connections
from netemu.figures import RunTables
from tests.figures.traces import Trace, all_frames, bulk_with_loss, write_run

PLAN = {"links": [], "agents": [{"name": "bulk.server", "host": "h2", "args": {"port": 5001}}]}


def run_directory(root: Path, frames: dict[str, pl.DataFrame] | None = None, **manifest: Any) -> Path:
    """A run of the flow ``bulk``; without ``frames`` the transfer with every loss."""
    stored = {"experiment": "by_hand", "question": "?", "kernel": "host", "seed": 1, **manifest}
    write_run(root, all_frames() if frames is None else frames, **stored)
    (root / "plan.json").write_text(json.dumps(PLAN))
    (root / "claims.json").write_text(json.dumps({"claims": []}))
    return root


def renumbered(trace: Trace, *, isn: int, ticks: int) -> Trace:
    """The same transfer with other initial sequence numbers and clocks, which differ between real runs."""
    for row in trace.packets:
        row["seq"] = (row.get("seq_offset_bytes", 0) + isn) % 2**32
        if row["ts_val"] >= 0:
            row["ts_val"] = (row["ts_val"] + ticks) % 2**32
    return trace


def stamped(start: int = 2**32 - 300) -> Trace:
    """The transfer with timestamps that count milliseconds and wrap."""
    trace = bulk_with_loss()
    for row in trace.packets:
        row["ts_val"] = (start + row["t_ns"] // 10**6) % 2**32
        row["ts_ecr"] = 0 if row["flags"] == 2 else start
    return trace


def packets_of(frames: dict[str, pl.DataFrame], tmp_path: Path) -> pl.DataFrame:
    """What is compared of the run that these tables make."""
    root = run_directory(tmp_path, frames)
    tables = RunTables.read(root)
    return compared_packets(tables, named_connections(tables, flow_servers(root)))
