"""Columns of a chunk as rows in compiled code, and rows made there as columns.

Arrays cost a count of references at every use where the flow of control is not simple, many times the read itself: so
the columns that observers want are read by address into records of words, some rows at a time.
"""

# mypy: disable-error-code="no-any-return"
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import COLUMN, LINE_BYTES, Batch, Columns, column_at
from netemu.trace.memory import (
    byte,
    eight_of_8,
    eight_of_16,
    eight_of_32,
    eight_of_64,
    eight_of_signed_32,
    i64,
    le16,
    le32,
    prefetch,
    set_word,
    signed32,
    word,
)

_SIGNED = (np.dtype(np.int32),)
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
def _value(source: int, size: int, i: int) -> int:
    """Number ``i`` of values of ``size`` bytes, below 0 with a sign."""
    if size == 8:
        return word(source, i)
    if abs(size) == 4:
        number = le32(source, 4 * i)
        return number if size == 4 else signed32(number)
    return le16(source, 2 * i) if size == 2 else byte(source, i)


@compiled
def _take_column(target: int, size: int, source: int, count: int) -> None:
    """Put ``count`` values of ``size`` bytes, below 0 with a sign, into words: eight at a time, then the rest."""
    eights = count & ~7
    for i in range(0, eights, 8):
        to, at = target + 8 * i, source + abs(size) * i
        if size == 8:
            eight_of_64(to, at)
        elif size == 4:
            eight_of_32(to, at)
        elif size == -4:
            eight_of_signed_32(to, at)
        elif size == 2:
            eight_of_16(to, at)
        else:
            eight_of_8(to, at)
    for i in range(eights, count):
        set_word(target, i, _value(source, size, i))


@compiled
def take_rows(columns: int, count: int, first: int, some: int, rows: int, column_words: int) -> None:
    """Read ``some`` rows from row ``first`` on into the batch at ``rows``, whose columns are so many words apart.

    ``columns`` are the ``count`` of :func:`wanted`.
    """
    for k in range(count):
        column = column_at(columns, k)
        source = column.address + abs(column.bytes) * first
        _take_column(rows + 8 * column_words * k, column.bytes, source, some)


@compiled
def await_rows(columns: int, count: int, first: int, some: int) -> None:
    """Have ``some`` rows from row ``first`` on on their way, of the columns that :func:`take_rows` reads."""
    for k in range(count):
        column = column_at(columns, k)
        size = abs(column.bytes)
        start = column.address + size * first
        for at in range(start, start + size * some, LINE_BYTES):
            prefetch(at)


@compiled
def await_state(state: int, flow: int, width: int, own: int, peer: int) -> None:
    """Have states of ``width`` bytes on their way: the first lines of ``flow``'s, ``own``, and of its ``peer``'s."""
    for line in range(own):
        prefetch(state + flow * width + line * LINE_BYTES)
    for line in range(peer):
        prefetch(state + (flow ^ 1) * width + line * LINE_BYTES)


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
