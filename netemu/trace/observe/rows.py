"""Columns of a chunk read row by row in compiled code.

Arrays cost a count of references at every use where the flow of control is not simple, many times the read itself: so
the columns that an observer wants are read by address into one record of words.
"""

# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled
from netemu.trace.layout import COLUMN, Columns, column_at
from netemu.trace.memory import byte, i64, le16, le32, prefetch, set_word, word

_SIGNED = (np.dtype(np.int32),)
_AHEAD = 8
"""Rows between asking for the state of a flow and using it: some 200 ns, what memory takes at most."""
_LINE_BYTES = 64


def wanted(columns: Columns, record: np.dtype[Any]) -> Any:
    """The columns that ``record`` names, for :func:`take_row`: 64-bit, 32-bit, or smaller without sign."""
    found = [(name, getattr(columns, name)) for name in record.names or ()]
    rows = [
        (column.ctypes.data, place, -4 if column.dtype in _SIGNED else column.itemsize)
        for place, (_, column) in enumerate(found)
    ]
    return np.array(rows, COLUMN)


@compiled
def take_row(columns: int, count: int, i: int, row: int) -> None:
    """Read row ``i`` of the ``count`` columns of :func:`wanted` into the record at ``row``."""
    for k in range(count):
        column = column_at(columns, k)
        size = column.bytes
        if size == 8:
            set_word(row, k, word(column.address, i))
        elif size == 4:
            set_word(row, k, le32(column.address, 4 * i))
        elif size == -4:
            set_word(row, k, ((le32(column.address, 4 * i) + i64(0x80000000)) & i64(0xFFFFFFFF)) - i64(0x80000000))
        elif size == 2:
            set_word(row, k, le16(column.address, 2 * i))
        else:
            set_word(row, k, byte(column.address, i))


@compiled
def await_flows(columns: int, place: int, i: int, size: int, state: int, width: int) -> None:
    """Have the state of both directions of a later row's connection on its way.

    ``place`` is that of the column ``flow`` among ``columns``; ``state`` holds ``width`` bytes for each flow.
    """
    if i + _AHEAD >= size:
        return
    flow = le32(column_at(columns, place).address, 4 * (i + _AHEAD))
    if flow >= i64(0x80000000):  # -1: of no connection
        return
    first = state + (flow >> 1) * 2 * width
    for at in range(0, 2 * width, _LINE_BYTES):
        prefetch(first + at)
