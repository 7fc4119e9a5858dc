"""Parquet files as Polars, which this project did not write, reads them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from netemu.recording.tables import Schema
from netemu.trace import parquet
from netemu.trace.column import Marked, Named, Nullable, frame_of, of_list
from netemu.trace.parquet import ParquetFile
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
        file.write({"who": rows(10, 1)["who"]})
    with pytest.raises(pl.exceptions.PolarsError):
        pl.read_parquet(tmp_path / "x.parquet")


GAPS: Schema = {
    "capture": ("str", "few texts"),
    "state": ("ca_state", "closed list with nulls"),
    "none": ("ca_state", "nothing but nulls"),
    "count": ("i64", "with nulls"),
    "same": ("i32", "one number and nulls"),
    "marked": ("i64", "with nulls, less something"),
    "all": ("i32", "could be null"),
    "alike": ("u16", "one number, less itself, and nulls"),
    "absent": ("u32", "nothing but nulls"),
    "rate": ("f64", "with nulls"),
    "flag": ("bool", "with nulls"),
    "text": ("str", "many texts"),
}


def gaps(count: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)

    def absent() -> Any:
        return rng.random(count) < 0.3

    return {
        "capture": Named(np.zeros(count, np.uint16), NAMES),
        "state": of_list("ca_state", rng.integers(-1, 5, count)),
        "none": of_list("ca_state", np.full(count, -1)),
        "count": Nullable(rng.integers(-(2**63), 2**63 - 1, count), absent()),
        "same": Nullable(np.full(count, -7), absent()),
        "marked": Marked(np.where(absent(), -1, rng.integers(0, 2**40, count)), -1, 10**12),
        "all": Marked(rng.integers(0, 2**31 - 1, count), -1),
        "alike": Marked(np.where(absent(), 0, 2**31), 0, 2**31),
        "absent": Nullable(np.zeros(count, np.int64), np.ones(count, bool)),
        "rate": Nullable(rng.random(count), absent()),
        "flag": Nullable(rng.random(count) < 0.5, absent()),
        "text": pl.Series([None if k % 3 == 1 else "ü" * (k % 5) for k in range(count)], dtype=pl.String),
    }


@pytest.mark.parametrize("counts", [[1], [2, 7, 8, 9], [129, 5000]])
def test_nulls_and_texts_are_read_as_they_were(tmp_path: Path, counts: list[int]) -> None:
    parts = [gaps(count, seed) for seed, count in enumerate(counts)]
    with ParquetFile(tmp_path / "x.parquet", GAPS) as file:
        for part in parts:
            file.write(part)
    expected = pl.concat([frame_of(part, GAPS) for part in parts])
    found = pl.read_parquet(tmp_path / "x.parquet")
    assert found.schema == expected.schema
    assert found.equals(expected)


def test_a_column_of_one_value_takes_a_few_bytes(tmp_path: Path) -> None:
    sizes = []
    for count in (1000, 100_000):
        path = tmp_path / f"{count}.parquet"
        with ParquetFile(path, {"t_ns": ("i64", "always the same")}) as file:
            file.write({"t_ns": np.full(count, 10**18)}, {"t_ns": 10**18 + 5})
        assert pl.read_parquet(path)["t_ns"].unique().to_list() == [-5]
        sizes.append(path.stat().st_size)
    assert sizes[1] - sizes[0] < 10


def test_a_row_group_of_many_columns_goes_out_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema: Schema = {f"c{k}": ("i64", "one of many") for k in range(700)}
    part = {name: np.arange(3) * k for k, name in enumerate(schema)}
    writev = os.writev

    def a_few_bytes(file: int, parts: list[Any]) -> int:
        return writev(file, [memoryview(parts[0])[:100], *parts[1:]][: 1 if len(parts[0]) > 100 else len(parts)])

    for name, call in (("whole", writev), ("bit by bit", a_few_bytes)):
        monkeypatch.setattr(os, "writev", call)
        with ParquetFile(tmp_path / name, schema) as file:
            file.write(part)
        assert pl.read_parquet(tmp_path / name).to_dict(as_series=False) == {k: v.tolist() for k, v in part.items()}


def test_row_groups_larger_than_the_room_for_one_column_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_ROOM_BYTES", 5000)
    parts = [rows(count, seed) for seed, count in enumerate([300, 20, 2000, 300])]
    with ParquetFile(tmp_path / "x.parquet", SCHEMA) as file:
        for part in parts:
            file.write(part)
    assert pl.read_parquet(tmp_path / "x.parquet").equals(pl.concat(map(frame, parts)))
