"""Tables read from their files when they are asked for, once."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from netemu.trace.table_files import TableFiles


def test_a_table_is_read_at_its_first_use_and_kept(tmp_path: Path) -> None:
    tables = TableFiles(tmp_path, ["one", "two"])
    assert list(tables) == ["one", "two"] and len(tables) == 2
    pl.DataFrame({"a": [1, 2]}).write_parquet(tmp_path / "one.parquet")
    assert tables.height("one") == 2
    assert tables["one"]["a"].to_list() == [1, 2]
    (tmp_path / "one.parquet").unlink()
    assert tables["one"] is tables["one"]


def test_a_table_of_another_name_is_none_of_them(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    tables = TableFiles(tmp_path, ["one"])
    assert "other" not in tables
    with pytest.raises(KeyError):
        tables["other"]


def test_some_rows_and_some_columns_are_read_of_a_table(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}).write_parquet(tmp_path / "one.parquet")
    pl.DataFrame({"c": [1, 2]}).write_parquet(tmp_path / "two.parquet")
    tables = TableFiles(tmp_path, ["one", "two"])
    large = tables.where(lambda columns: pl.col("a") > 1 if "a" in columns else pl.lit(True))
    assert large["one"].rows() == [(2, 5), (3, 6)] and large["two"].height == 2
    assert (tables.height("one"), large.height("one"), large.height("two")) == (3, 2, 2)
    assert large.scan("one").select("b").collect().to_dict(as_series=False) == {"b": [5, 6]}
    with pytest.raises(KeyError):
        tables.scan("three")
