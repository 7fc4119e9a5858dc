"""Every row once and in order, however many are given at a time."""

from __future__ import annotations

import polars as pl
import pytest

from netemu.trace.show import rows
from netemu.trace.show.rows import batches_of


@pytest.mark.parametrize("count", [0, 1, 7, 20])
def test_batches_hold_every_row_once_in_order(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_AT_ONCE", 7)
    numbers = pl.LazyFrame({"number": range(count)}, schema={"number": pl.Int64})
    batches = list(batches_of(numbers.filter(pl.col("number") != 3)))
    assert [number for batch in batches for number in batch["number"]] == [n for n in range(count) if n != 3]
    assert all(batch.height <= 7 for batch in batches)
