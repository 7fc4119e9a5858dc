"""Rows read by address are the rows of the columns, and columns made of rows hold them."""

from __future__ import annotations

import numpy as np
import pytest

from netemu.trace.compiled import entry
from netemu.trace.layout import Batch, new_columns, words
from netemu.trace.observe.rows import await_rows, joined, take_rows, turned, wanted

NAMES = "t_ns flow frame flags kind"
RECORD, BATCH = words(NAMES), Batch(NAMES, 3)
COLUMN_WORDS = BATCH.column_words


@entry
def _take(columns: int, count: int, first: int, some: int, rows: int) -> None:
    await_rows(columns, count, first, some)
    take_rows(columns, count, first, some, rows, COLUMN_WORDS)


@pytest.mark.parametrize(("first", "some"), [(0, 3), (1, 2), (2, 1), (1, 0)])
def test_every_size_and_sign_comes_through(first: int, some: int) -> None:
    columns = new_columns(3)
    columns.t_ns[:] = [-5, 2**62, 7]
    columns.flow[:] = [-1, 2**31 - 1, 0]
    columns.frame[:] = [1, 2**32 - 1, 3]
    columns.flags[:] = [0, 2**16 - 1, 1]
    columns.kind[:] = [0, 255, 1]
    table, rows = wanted(columns, BATCH), np.zeros(BATCH.words, np.int64)
    _take(table.ctypes.data, table.size, first, some, rows.ctypes.data)
    for i in range(some):
        expected = [int(getattr(columns, name)[first + i]) for name in BATCH.names]
        assert [int(BATCH.column(rows, name)[i]) for name in BATCH.names] == expected
    assert all(not BATCH.column(rows, name)[some:].any() for name in BATCH.names)


@pytest.mark.parametrize("counts", [[], [0], [1], [63, 0, 64], [65, 200]])
def test_records_become_columns_by_name(counts: list[int]) -> None:
    rng = np.random.default_rng(1)
    rows = [rng.integers(-(2**63), 2**63 - 1, (count, 5)).view(RECORD)[:, 0] for count in counts]
    found = joined([turned(some) for some in rows], RECORD)
    whole = np.concatenate([np.zeros(0, RECORD), *rows])
    assert list(found) == list(RECORD.names or ())
    assert all(found[name].tolist() == whole[name].tolist() for name in found)
