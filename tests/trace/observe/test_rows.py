"""Rows read by address are the rows of the columns."""

from __future__ import annotations

import numpy as np

from netemu.trace.compiled import entry
from netemu.trace.layout import new_columns, words
from netemu.trace.observe.rows import take_row, wanted

RECORD = words("t_ns flow frame flags kind")


@entry
def _take(columns: int, count: int, i: int, row: int) -> None:
    take_row(columns, count, i, row)


def test_every_size_and_sign_comes_through() -> None:
    columns = new_columns(3)
    columns.t_ns[:] = [-5, 2**62, 7]
    columns.flow[:] = [-1, 2**31 - 1, 0]
    columns.frame[:] = [1, 2**32 - 1, 3]
    columns.flags[:] = [0, 2**16 - 1, 1]
    columns.kind[:] = [0, 255, 1]
    table, row = wanted(columns, RECORD), np.zeros(1, RECORD)
    for i in range(3):
        _take(table.ctypes.data, table.size, i, row.ctypes.data)
        assert row[0].tolist() == tuple(int(getattr(columns, name)[i]) for name in RECORD.names or ())
