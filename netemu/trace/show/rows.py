"""Rows of a table that may be larger than memory, some at a time."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

_AT_ONCE = 1 << 13


def batches_of(table: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows of ``table`` in order, some thousand of them at a time; no others are held."""
    yield from table.collect_batches(chunk_size=_AT_ONCE, maintain_order=True, engine="streaming")
