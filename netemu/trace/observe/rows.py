"""Columns of a chunk as rows in compiled code, and rows made there as columns.

Arrays cost a count of references at every use where the flow of control is not simple, many times the read itself: so
the columns that observers want are read by address into records of words, some rows at a time.
"""

# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import COLUMN, Batch, Columns, column_at
from netemu.trace.memory import byte, i64, le16, le32, prefetch, set_word, signed32, word

_SIGNED = (np.dtype(np.int32),)
_LINE_BYTES = 64
_AT_ONCE = 64
"""Rows that are turned into columns at a time: so many of any record stay near the processor."""


def wanted(columns: Columns, batch: Batch) -> Any:
    """The columns that ``batch`` names, for :func:`take_rows`: 64-bit, 32-bit, or smaller without sign."""
    found = [(name, getattr(columns, name)) for name in batch.names]
    rows = [
        (column.ctypes.data, place, -4 if column.dtype in _SIGNED else column.itemsize)
        for place, (_, column) in enumerate(found)
    ]
    return np.array(rows, COLUMN)


@compiled
def take_rows(columns: int, count: int, first: int, some: int, rows: int, column_words: int) -> None:
    """Read ``some`` rows from row ``first`` on into the batch at ``rows``, whose columns are so many words apart.

    ``columns`` are the ``count`` of :func:`wanted`.
    """
    for k in range(count):
        column = column_at(columns, k)
        size, target = column.bytes, rows + 8 * column_words * k
        source = column.address + abs(size) * first
        if size == 8:
            for i in range(some):
                set_word(target, i, word(source, i))
        elif size == 4:
            for i in range(some):
                set_word(target, i, le32(source, 4 * i))
        elif size == -4:
            for i in range(some):
                set_word(target, i, signed32(le32(source, 4 * i)))
        elif size == 2:
            for i in range(some):
                set_word(target, i, le16(source, 2 * i))
        else:
            for i in range(some):
                set_word(target, i, byte(source, i))


@compiled
def await_state(state: int, flow: int, width: int, used: int) -> None:
    """Have the state of a connection on its way: of both directions the first ``used`` of ``width`` bytes."""
    first = state + (flow >> 1) * 2 * width
    for at in range(0, used, _LINE_BYTES):
        prefetch(first + at)
        prefetch(first + width + at)


@entry
def _turn(rows: int, count: int, width: int, columns: int) -> None:
    """Put ``count`` records of ``width`` words into as many columns, one behind the other."""
    for first in range(0, count, _AT_ONCE):
        some = min(i64(_AT_ONCE), count - first)
        for k in range(width):
            source, target = rows + 8 * (first * width + k), columns + 8 * (k * count + first)
            for i in range(some):
                set_word(target, i, word(source, i * width))


def turned(rows: Any) -> Any:
    """Records of words as an array of columns."""
    width = rows.dtype.itemsize // 8
    columns = np.empty((width, rows.size), np.int64)
    _turn(rows.ctypes.data, rows.size, width, columns.ctypes.data)
    return columns


def joined(pieces: list[Any], record: np.dtype[Any]) -> dict[str, Any]:
    """The columns of what :func:`turned` gave, one behind the other, by the names of ``record``."""
    whole = pieces[0] if len(pieces) == 1 else np.concatenate([np.empty((len(record.names or ()), 0), int), *pieces], 1)
    return dict(zip(record.names or (), whole, strict=True))
