"""The sender's state around a moment."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netemu.compare.state import state_around
from netemu.figures import RunTables
from tests.compare.runs_by_hand import run_directory
from tests.figures.traces import CLIENT, MS, SERVER, all_frames


def around(root: Path, t_ms: float) -> list[dict]:
    return state_around(RunTables.read(root), root, CLIENT, SERVER, round(t_ms * MS))


def test_the_samples_on_either_side_of_the_moment(tmp_path: Path) -> None:
    root = run_directory(tmp_path / "run")
    assert [row["t_ns"] for row in around(root, 12)] == [10 * MS, 15 * MS]
    assert [row["t_ns"] for row in around(root, 10)] == [10 * MS, 15 * MS]
    assert [row["t_ns"] for row in around(root, 900)] == [900 * MS]
    assert around(root, 255)[0]["ca_state"] == "Recovery"


def test_another_socket_has_no_part_in_it(tmp_path: Path) -> None:
    root = run_directory(tmp_path / "run")
    assert state_around(RunTables.read(root), root, SERVER, CLIENT, 0) == []


def test_the_last_probe_of_the_kernel_is_told_with_its_own_names(tmp_path: Path) -> None:
    root = run_directory(tmp_path / "run")
    events = pl.DataFrame(
        {
            "t_ns": [1, 11 * MS, 13 * MS],
            "event": ["tcp_probe", "tcp_probe", "tcp_retransmit_skb"],
            "local": [CLIENT] * 3,
            "remote": [SERVER] * 3,
            "snd_cwnd": [10, 11, None],
        }
    )
    events.write_parquet(root / "tables" / "trace.parquet")
    (probe,) = [row for row in around(root, 14) if row["source"] == "tcp_probe"]
    assert probe == {"source": "tcp_probe", "t_ns": 11 * MS, "snd_cwnd": 11}


def test_a_run_without_samples_has_no_state(tmp_path: Path) -> None:
    frames = {name: frame for name, frame in all_frames().items() if name != "sockets"}
    assert around(run_directory(tmp_path / "run", frames), 5) == []
