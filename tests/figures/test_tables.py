from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import RunTables
from tests.figures.traces import write_run


def test_reads_tables_validity_and_nodes(tmp_path: Path, frames: dict[str, pl.DataFrame]) -> None:
    root = write_run(tmp_path / "run", frames, validity="degraded", reasons=["lag"])
    end = {"node": "h1", "interface": "h1-eth0", "ipv4": "10.0.0.1/24", "ipv6": "fd00::1/64"}
    other = {"node": "s1", "interface": "s1-eth0", "ipv4": None, "ipv6": None}
    (root / "plan.json").write_text(json.dumps({"links": [{"a": end, "b": other}]}))
    run = RunTables.read(root)
    assert (run.validity, run.reasons) == ("degraded", ("lag",))
    assert run.addresses == {"h1": {"10.0.0.1", "fd00::1"}}
    assert run.captures == {"h1-eth0": "h1", "s1-eth0": "s1"}
    assert run.scan("packets").collect().equals(frames["packets"])


def test_tables_without_a_manifest_count_as_valid(tmp_path: Path, frames: dict[str, pl.DataFrame]) -> None:
    root = write_run(tmp_path / "run", frames)
    (root / "manifest.json").unlink()
    assert RunTables.read(root).validity == "valid"


def test_a_directory_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no tables"):
        RunTables.read(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"validity": "fine"}'])
def test_a_broken_manifest_is_refused(tmp_path: Path, frames: dict[str, pl.DataFrame], text: str) -> None:
    root = write_run(tmp_path / "run", frames)
    (root / "manifest.json").write_text(text)
    with pytest.raises(BadInput, match=r"manifest\.json"):
        RunTables.read(root)


def test_a_table_that_is_absent_or_unknown_is_named(run: RunTables, frames: dict[str, pl.DataFrame]) -> None:
    with pytest.raises(BadInput, match="has no table 'counters'; it has calls, connections"):
        run.scan("counters")
    with pytest.raises(BadInput, match="no table is called 'packet'"):
        run.scan("packet")


def test_a_missing_column_is_named(frames: dict[str, pl.DataFrame]) -> None:
    run = RunTables({"rtt": frames["rtt"].drop("rtt_ns")}, "r")
    with pytest.raises(BadInput, match="lacks column rtt_ns"):
        run.scan("rtt")


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, frames: dict[str, pl.DataFrame]) -> None:
    root = write_run(tmp_path / "run", frames)
    (root / "tables" / "rtt.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(BadInput, match=r"rtt\.parquet: not a readable Parquet file"):
        RunTables.read(root).scan("rtt")
