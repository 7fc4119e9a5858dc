"""Columns become frames and come back, nulls and names included."""

from __future__ import annotations

import numpy as np
import polars as pl

from netemu.recording.tables import Schema
from netemu.trace.column import Named, Nullable, absent_at, frame_of, height, null_where, of_list, rows_of, told

SCHEMA: Schema = {
    "capture": ("str", "few texts"),
    "state": ("ca_state", "closed list"),
    "t_ns": ("i64", "whole"),
    "count": ("i32", "with nulls"),
    "rate": ("f64", "with nulls"),
    "flag": ("bool", "bytes"),
    "text": ("str", "many texts"),
}
ROWS = {
    "capture": Named(np.uint16([1, 0, 1]), ["a", "b"]),
    "state": of_list("ca_state", np.int64([4, -1, 0])),
    "t_ns": np.int64([1, 2, 3]),
    "count": absent_at(np.int64([7, -1, 9]), -1, 2),
    "rate": null_where(np.array([False, False, True]), np.array([0.5, 1.5, np.nan])),
    "flag": np.uint8([1, 0, 1]),
    "text": pl.Series(["x", None, "yy"]),
}


def test_a_frame_has_names_nulls_and_types() -> None:
    frame = frame_of(ROWS, SCHEMA)
    assert frame.rows() == [
        ("b", "Loss", 1, 5, 0.5, True, "x"),
        ("a", None, 2, None, 1.5, False, None),
        ("b", "Open", 3, 7, None, True, "yy"),
    ]
    assert frame["count"].dtype == pl.Int32 and isinstance(frame["state"].dtype, pl.Enum)


def test_rows_of_a_frame_give_the_same_frame() -> None:
    frame = frame_of(ROWS, SCHEMA)
    rows = rows_of(frame)
    assert height(rows) == height(ROWS) == 3
    assert isinstance(rows["count"], Nullable) and not isinstance(rows["t_ns"], Nullable)
    assert frame_of(rows, SCHEMA).equals(frame)


def test_no_rows_are_a_frame_too() -> None:
    empty = frame_of({name: rows_of(frame_of(ROWS, SCHEMA).clear())[name] for name in SCHEMA}, SCHEMA)
    assert empty.is_empty() and empty.columns == list(SCHEMA)


def test_a_marked_column_is_null_by_what_it_was_before_something_is_taken_from_it() -> None:
    column = told(absent_at(np.int64([5, -1, 4, 3])[::2], 4, 4))
    assert column.values.tolist() == [1, 0] and column.absent.tolist() == [False, True]
    assert height({"a": absent_at(np.int64([5, -1]), -1)}) == 2
