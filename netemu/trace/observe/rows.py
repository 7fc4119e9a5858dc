"""Columns of a chunk as rows in compiled code.

Arrays cost a count of references at every use where the flow of control is not simple, many times the read itself: so
the columns that observers want are read by address into records of words, some rows at a time.
"""

# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled
from netemu.trace.layout import COLUMN, Columns, column_at
from netemu.trace.memory import byte, le16, le32, prefetch, set_word, signed32, word

_SIGNED = (np.dtype(np.int32),)
_LINE_BYTES = 64


def wanted(columns: Columns, record: np.dtype[Any]) -> Any:
    """The columns that ``record`` names, for :func:`take_rows`: 64-bit, 32-bit, or smaller without sign."""
    found = [(name, getattr(columns, name)) for name in record.names or ()]
    rows = [
        (column.ctypes.data, place, -4 if column.dtype in _SIGNED else column.itemsize)
        for place, (_, column) in enumerate(found)
    ]
    return np.array(rows, COLUMN)


@compiled
def take_rows(columns: int, count: int, first: int, some: int, rows: int, width: int) -> None:
    """Read ``some`` rows from row ``first`` on into the records at ``rows``, of ``width`` bytes each.

    ``columns`` are the ``count`` of :func:`wanted`. One column after the other, so that its size is asked for once.
    """
    for k in range(count):
        column = column_at(columns, k)
        size, target = column.bytes, rows + 8 * k
        source = column.address + abs(size) * first
        if size == 8:
            for i in range(some):
                set_word(target + i * width, 0, word(source, i))
        elif size == 4:
            for i in range(some):
                set_word(target + i * width, 0, le32(source, 4 * i))
        elif size == -4:
            for i in range(some):
                set_word(target + i * width, 0, signed32(le32(source, 4 * i)))
        elif size == 2:
            for i in range(some):
                set_word(target + i * width, 0, le16(source, 2 * i))
        else:
            for i in range(some):
                set_word(target + i * width, 0, byte(source, i))


@compiled
def await_state(state: int, flow: int, width: int, used: int) -> None:
    """Have the state of a connection on its way: of both directions the first ``used`` of ``width`` bytes."""
    first = state + (flow >> 1) * 2 * width
    for at in range(0, used, _LINE_BYTES):
        prefetch(first + at)
        prefetch(first + width + at)
