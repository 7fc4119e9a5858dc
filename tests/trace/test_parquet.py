"""Parquet files as Polars, which this project did not write, reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from netemu.recording.tables import Schema
from netemu.trace.parquet import Named, ParquetFile
from netemu.trace.tables import polars_schema

SCHEMA: Schema = {
    "who": ("str", "a name"),
    "t_ns": ("i64", "rising"),
    "any64": ("i64", "anything"),
    "any32": ("i32", "anything"),
    "seq": ("u32", "anything"),
    "port": ("u16", "anything"),
    "ttl": ("u8", "constant"),
    "direction": ("i8", "-1 to 1"),
    "flag": ("bool", "either"),
}
NAMES = ["one", "zwölf", ""]


def rows(count: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "who": Named(rng.integers(0, 3, count).astype(np.uint8), NAMES),
        "t_ns": np.cumsum(rng.integers(0, 5000, count)) + 10**18,
        "any64": rng.integers(-(2**63), 2**63 - 1, count),
        "any32": rng.integers(-(2**31), 2**31 - 1, count).astype(np.int32),
        "seq": rng.integers(0, 2**32, count).astype(np.uint32),
        "port": rng.integers(0, 2**16, count).astype(np.uint16),
        "ttl": np.full(count, 64, np.uint8),
        "direction": rng.integers(-1, 2, count).astype(np.int8),
        "flag": rng.integers(0, 2, count).astype(np.uint8).view(np.bool_),
    }


def frame(columns: dict[str, Any]) -> pl.DataFrame:
    plain = columns | {"who": [NAMES[code] for code in columns["who"].codes]}
    return pl.DataFrame(plain, schema=polars_schema(SCHEMA))


@pytest.mark.parametrize("counts", [[], [0], [1], [5, 1, 0, 127], [128, 129, 5000], [20_000]])
def test_row_groups_of_any_size_are_read_as_one_table(tmp_path: Path, counts: list[int]) -> None:
    parts = [rows(count, seed) for seed, count in enumerate(counts)]
    with ParquetFile(tmp_path / "x.parquet", SCHEMA) as file:
        for part in parts:
            file.write(part)
    expected = pl.concat([pl.DataFrame(schema=polars_schema(SCHEMA)), *map(frame, parts)])
    found = pl.read_parquet(tmp_path / "x.parquet")
    assert found.schema == expected.schema
    assert found.equals(expected)
    assert file.rows == expected.height


def test_a_lazy_reader_takes_single_columns(tmp_path: Path) -> None:
    part = rows(300, 1)
    with ParquetFile(tmp_path / "x.parquet", SCHEMA) as file:
        file.write(part)
    found = pl.scan_parquet(tmp_path / "x.parquet").filter(pl.col("who") == "one").select("seq").collect()
    assert found["seq"].to_list() == part["seq"][part["who"].codes == 0].tolist()


def test_a_shift_is_taken_from_its_column(tmp_path: Path) -> None:
    part = rows(10, 1)
    with ParquetFile(tmp_path / "x.parquet", SCHEMA) as file:
        file.write(part, {"t_ns": 10**18})
    assert pl.read_parquet(tmp_path / "x.parquet")["t_ns"].to_list() == (part["t_ns"] - 10**18).tolist()


def test_a_file_left_by_an_error_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(KeyError), ParquetFile(tmp_path / "x.parquet", SCHEMA) as file:
        file.write(rows(10, 1))
        file.write({})
    with pytest.raises(pl.exceptions.PolarsError):
        pl.read_parquet(tmp_path / "x.parquet")
