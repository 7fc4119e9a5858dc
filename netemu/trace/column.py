"""Columns of rows on their way to a table: numbers, names, texts, with or without nulls; to frames and from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from netemu.recording.tables import ENUMS, Schema
from netemu.trace.tables import POLARS_TYPES, polars_schema


@dataclass(frozen=True, slots=True)
class Named:
    """A column of text of which there are few: for each row a number, -1 for null, and the text of each number."""

    codes: Any
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Nullable:
    """A column of numbers, null where ``absent``."""

    values: Any
    absent: Any


@dataclass(frozen=True, slots=True)
class Marked:
    """A column of 64-bit numbers side by side, each less ``less``; null where they are ``absent`` before that."""

    values: Any
    absent: int
    less: int = 0


Column = Any | Named | Nullable | Marked
"""An array of numbers or truths, one of the above, or a series of text."""
Rows = Mapping[str, Column]
"""Rows of a table by column."""


def of_list(kind: str, codes: Any) -> Named:
    """Codes of the closed list ``kind``."""
    return Named(codes, ENUMS[kind])


def absent_at(values: Any, absent: int, origin_ns: int = 0) -> Marked:
    """``values`` less ``origin_ns``, null where they are ``absent``."""
    return Marked(np.ascontiguousarray(values, np.int64), absent, origin_ns)


def told(column: Marked) -> Nullable:
    """The same with a truth for each row."""
    return Nullable(column.values - column.less if column.less else column.values, column.values == column.absent)


def null_where(absent: Any, values: Any) -> Nullable:
    """``values``, null where ``absent``."""
    return Nullable(np.ascontiguousarray(values), absent)


def height(rows: Rows) -> int:
    """How many rows there are."""
    first = next(iter(rows.values()))
    if isinstance(first, Named):
        return len(first.codes)
    return len(first.values) if isinstance(first, Nullable | Marked) else len(first)


def _series(kind: str, column: Column) -> pl.Series:
    if isinstance(column, Marked):
        column = told(column)
    if isinstance(column, Nullable):
        return pl.Series(column.values).set(pl.Series(column.absent), None)
    if not isinstance(column, Named):
        return pl.Series(column.view(np.bool_) if kind == "bool" and column.dtype == np.uint8 else column)
    known = pl.Series(column.codes >= 0)
    codes = np.maximum(column.codes, 0)
    if kind in ENUMS:
        named = pl.Series(codes.astype(np.uint8)).cat.to(POLARS_TYPES[kind])
    else:
        named = pl.Series(column.names, dtype=pl.String).gather(codes.astype(np.uint32))
    return named if known.all() else named.zip_with(known, pl.Series([None], dtype=named.dtype))


def frame_of(rows: Rows, schema: Schema) -> pl.DataFrame:
    """The rows as a frame of the table ``schema``."""
    columns = {name: _series(kind, rows[name]) for name, (kind, _) in schema.items()}
    return pl.DataFrame(columns, schema=polars_schema(schema))


def rows_of(frame: pl.DataFrame) -> Rows:
    """The rows of a frame."""
    return {series.name: _column(series) for series in frame.get_columns()}


def _column(series: pl.Series) -> Column:
    if series.dtype == pl.String:
        return series
    absent = series.is_null().to_numpy() if series.null_count() else None
    if isinstance(series.dtype, pl.Enum):
        codes = series.to_physical().fill_null(0).to_numpy().astype(np.int16)
        return Named(codes if absent is None else np.where(absent, -1, codes), series.dtype.categories.to_list())
    values = (series if absent is None else series.fill_null(0)).to_numpy()
    return values if absent is None else Nullable(values, absent)
