"""Fields of records as columns, for rows of tables; compiled.

NumPy takes a field of many records one by one, each from a line of memory that it visits again for the next field.
"""
# ruff: noqa: PLR0917 (compiled functions take their state by position)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from netemu.trace.compiled import compiled, entry
from netemu.trace.layout import words
from netemu.trace.memory import byte, i64, le16, le32, record_at, set_word, word

_FIELD = words("offset bytes")
"""Where a field lies in its record, and its bytes: below 0 with a sign where there are fewer than 8."""
_field_at = record_at(_FIELD)
_AT_ONCE = 16
"""Records of which every field is taken before the next ones: so many stay near the processor."""


@compiled
def _take_field(records: int, step: int, numbers: int, count: int, size: int, target: int) -> None:
    half = i64(1) << (-8 * size - 1) if size < 0 else i64(0)  # by exclusive or and then by subtraction it is the sign
    if size == 8:
        for i in range(count):
            set_word(target, i, word(records + step * word(numbers, i), 0))
    elif abs(size) == 4:
        for i in range(count):
            set_word(target, i, (le32(records, step * word(numbers, i)) ^ half) - half)
    elif abs(size) == 2:
        for i in range(count):
            set_word(target, i, (le16(records, step * word(numbers, i)) ^ half) - half)
    else:
        for i in range(count):
            set_word(target, i, (byte(records, step * word(numbers, i)) ^ half) - half)


@entry
def _take(records: int, step: int, numbers: int, count: int, fields: int, field_count: int, columns: int) -> None:
    """Put fields of the records of ``count`` numbers, which lie ``step`` bytes apart, into columns of words."""
    for first in range(0, count, _AT_ONCE):
        some = min(i64(_AT_ONCE), count - first)
        for k in range(field_count):
            field = _field_at(fields, k)
            target = columns + 8 * (k * count + first)
            _take_field(records + field.offset, step, numbers + 8 * first, some, field.bytes, target)


def fields_of(records: Any, numbers: Any, names: Sequence[str]) -> dict[str, Any]:
    """Of the records of these ``numbers`` the fields ``names``: columns of 64-bit numbers."""
    kinds = [(records.dtype.fields[name][1], records.dtype[name]) for name in names]
    fields = np.array(
        [(at, -kind.itemsize if kind.kind == "i" and kind.itemsize < 8 else kind.itemsize) for at, kind in kinds],
        _FIELD,
    )
    chosen = np.ascontiguousarray(numbers, np.int64)
    columns = np.empty((len(names), chosen.size), np.int64)
    _take(
        records.ctypes.data,
        records.itemsize,
        chosen.ctypes.data,
        chosen.size,
        fields.ctypes.data,
        fields.size,
        columns.ctypes.data,
    )
    return dict(zip(names, columns, strict=True))
