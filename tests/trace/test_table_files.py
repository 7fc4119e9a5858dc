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
