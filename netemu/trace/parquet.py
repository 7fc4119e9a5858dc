"""Parquet files that grow a row group at a time, faster than rows are classified.

Polars writes a table at once, and looks for repeated values in every column; here integers are stored as differences,
names as numbers of a dictionary, nothing is compressed further, and memory is one column of one row group.
Format: github.com/apache/parquet-format (parquet.thrift, Encodings.md, LogicalTypes.md).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import polars as pl

from netemu.recording.tables import ENUMS, Schema
from netemu.trace.column import Column, Marked, Named, Nullable, Rows, height
from netemu.trace.encode import BLOCK, ROOM_WORDS, SPARE_BYTES, encode_codes, encode_delta, keep_present
from netemu.trace.tables import polars_schema
from netemu.trace.thrift import I32, I64, LIST, STRUCT, TEXT, flag, int8, integer, listed, struct, text, varint

_MAGIC = b"PAR1"
_BOOLEAN, _INT32, _INT64, _DOUBLE, _BYTE_ARRAY = 0, 1, 2, 5, 6
_PLAIN, _RLE, _DELTA, _DICTIONARY = 0, 3, 5, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_OPTIONAL = 1
_UTF8 = 0
_CONVERTED = {(8, False): 11, (16, False): 12, (32, False): 13, (8, True): 15, (16, True): 16}
_PHYSICAL = {
    **{"bool": _BOOLEAN, "i64": _INT64, "f64": _DOUBLE, "str": _BYTE_ARRAY},
    **dict.fromkeys(ENUMS, _BYTE_ARRAY),
}
_CHUNK_START, _CHUNK_META, _NEXT_I64, _NEXT_BUT_ONE_I64, _ENDS = b"\x26", b"\x1c", b"\x16", b"\x26", b"\0\0"
"""What stands before fields 2 and 3 of a ColumnChunk, and before those of its meta data, each a step and a type; the
ends of both. Of every row group there are as many as columns: so they are not put together field by field."""
_LENGTH_BYTES = 4
_KEPT = 256
"""Encoded headers that are kept: those of the row groups of a file are mostly the same."""
_AT_ONCE = 1000
"""Pieces that one call writes: Linux takes 1,024 (UIO_MAXIOV)."""
_ROOM_BYTES = 1 << 23
"""Room for encoded columns: those of most row groups are written all at once."""


def _schema_element(name: str, kind: str) -> bytes:
    fields = {1: (I32, integer(_PHYSICAL.get(kind, _INT32))), 3: (I32, integer(_OPTIONAL)), 4: (TEXT, text(name))}
    if _PHYSICAL.get(kind) == _BYTE_ARRAY:
        fields |= {6: (I32, integer(_UTF8)), 10: (STRUCT, struct({1: (STRUCT, struct({}))}))}
    elif kind[0] in "iu" and kind not in ("i32", "i64"):
        bits, signed = int(kind[1:]), kind[0] == "i"
        logical = struct({1: int8(bits), 2: flag(signed)})
        fields |= {6: (I32, integer(_CONVERTED[bits, signed])), 10: (STRUCT, struct({10: (STRUCT, logical)}))}
    return struct(fields)


@lru_cache(_KEPT)
def _page_counts(kind: int, values: int, encoding: int) -> bytes:
    """What a page's header says behind its sizes."""
    counts = {1: (I32, integer(values)), 2: (I32, integer(encoding))}
    if kind == _DATA_PAGE:
        counts |= {3: (I32, integer(_RLE)), 4: (I32, integer(_RLE))}
    return struct({(5 if kind == _DATA_PAGE else 7): (STRUCT, struct(counts))}, last=3)


@cache
def _page_sizes(kind: int) -> tuple[bytes, bytes]:
    """What stands before each of its two sizes."""
    first = struct({1: (I32, integer(kind)), 2: (I32, b"")})[:-1]
    return first, struct({3: (I32, b"")}, last=2)[:-1]


def _page(kind: int, size: int, values: int, encoding: int) -> bytes:
    whole, (first, second) = integer(size), _page_sizes(kind)
    return b"".join((first, whole, second, whole, _page_counts(kind, values, encoding)))


@cache
def _column_head(name: str, physical: int, *encodings: int) -> bytes:
    """What every row group says of a column, up to field 4."""
    return struct(
        {
            1: (I32, integer(physical)),
            2: (LIST, listed(I32, [integer(encoding) for encoding in encodings])),
            3: (LIST, listed(TEXT, [text(name)])),
            4: (I32, integer(0)),
        }
    )[:-1]


@lru_cache(_KEPT)
def _all_levels(count: int) -> bytes:
    runs = varint(count << 1) + b"\x01"
    return len(runs).to_bytes(_LENGTH_BYTES, "little") + runs


def _levels(present: Any, count: int) -> bytes:
    """Definition levels of a page: which of its ``count`` rows have a value, as bits; None where each has."""
    if present is None:
        return _all_levels(count)
    runs: bytes = varint((count + 7) // 8 << 1 | 1) + present.tobytes()
    return len(runs).to_bytes(_LENGTH_BYTES, "little") + runs


def _one_value(value: int, size: int) -> bytes:
    """A dictionary of one number of ``size`` bytes."""
    return _page(_DICTIONARY_PAGE, size, 1, _PLAIN) + (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def _one_run(count: int, code: int = 0, width: int = 1) -> bytes:
    """``count`` times a value of a dictionary, whose numbers have ``width`` bits."""
    return bytes((width,)) + varint(count << 1) + code.to_bytes(-(-width // 8), "little")


def _is_constant(values: Any) -> bool:
    """Whether there are several values, and all are the same: the bytes of one are those of the one before."""
    if len(values) < 2 or values[0] != values[-1]:
        return False
    words, size = np.ascontiguousarray(values), values.itemsize
    first = int(words.ctypes.data)
    return bool(_compare(first, first + size, (len(words) - 1) * size) == 0)


def _plain_texts(texts: Iterable[str]) -> bytes:
    """Texts one behind the other, each behind its length."""
    return b"".join(len(raw).to_bytes(_LENGTH_BYTES, "little") + raw for raw in (one.encode() for one in texts))


@lru_cache(_KEPT)
def _dictionary(names: tuple[str, ...]) -> bytes:
    """A page of names, each of which has its place as its number."""
    values = _plain_texts(names)
    return _page(_DICTIONARY_PAGE, len(values), len(names), _PLAIN) + values


def _texts(series: pl.Series) -> Any:
    """The same for many of them."""
    sizes, text = series.str.len_bytes().to_numpy().astype(np.int64), "".join(series.to_list()).encode()
    out = np.empty(len(text) + _LENGTH_BYTES * sizes.size, np.uint8)
    starts = np.cumsum(sizes + _LENGTH_BYTES) - sizes
    place = np.arange(len(text)) + np.repeat(_LENGTH_BYTES * np.arange(1, sizes.size + 1), sizes)
    out[place] = np.frombuffer(text, np.uint8)
    out[starts[:, None] + np.arange(-_LENGTH_BYTES, 0)] = sizes.astype("<u4").view(np.uint8).reshape(-1, _LENGTH_BYTES)
    return out


def _size(values: Any) -> int:
    """Bytes of a whole number in an array, below 0 where it has a sign and fewer than 8, for compiled code."""
    kind = values.dtype
    return -kind.itemsize if kind.kind == "i" and kind.itemsize < 8 else int(kind.itemsize)


def _split(column: Column) -> tuple[Any, Any]:
    """Which rows are not null, as bits, None for every row; and their values."""
    if isinstance(column, Marked):
        return _present(column.values, column.absent)
    if not isinstance(column, Nullable):
        return None, column
    if not column.absent.any():
        return None, column.values
    return _bits(~column.absent), column.values[~column.absent]


def _bits(truths: Any) -> Any:
    return np.packbits(truths, bitorder="little")


def _present(values: Any, absent: int, least: int = -(1 << 63)) -> tuple[Any, Any]:
    """As :func:`_split`, of words of which those that are ``absent`` or below ``least`` stand for null."""
    words = np.ascontiguousarray(values)
    bits, kept = np.empty((words.size + 7) // 8, np.uint8), np.empty(words.size, np.int64)
    count = keep_present(words.ctypes.data, words.size, absent, least, bits.ctypes.data, kept.ctypes.data)
    return (None, words) if count == words.size else (bits, kept[:count])


@cache
def _notes(columns: tuple[tuple[str, str], ...]) -> list[bytes]:
    """What Polars adds to a file of columns of these types: their types in Arrow's terms, closed lists among them."""
    file = BytesIO()
    pl.DataFrame(schema=polars_schema({name: (kind, "") for name, kind in columns})).write_parquet(file)
    file.seek(0)
    notes = pl.read_parquet_metadata(file)
    return [struct({1: (TEXT, text(key)), 2: (TEXT, text(value))}) for key, value in notes.items()]


def _comparison() -> Callable[[int, int, int], int]:
    """The C library's memcmp(3), which ends at the first difference: too soon to let other threads of Python run."""
    function = ctypes.PyDLL(None).memcmp
    function.argtypes, function.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t), ctypes.c_int
    found: Callable[[int, int, int], int] = function
    return found


_compare = _comparison()


@dataclass(frozen=True, slots=True)
class _Values:
    """What a data page holds: values as encoded, and which rows have one, as bits (None: each has)."""

    packed: Any
    encoding: int
    present: Any


@dataclass(slots=True)
class ParquetFile:
    """A file being written: :meth:`write` row groups, then :meth:`close`. A context manager closes by itself.

    Columns are those of ``schema`` in its order; without :meth:`close` the file is no Parquet file.
    Names of a closed list are text, as for any reader, and of Polars' type Enum for Polars.
    """

    path: Path
    schema: Schema
    rows: int = 0
    _file: IO[bytes] = field(init=False)
    _at: int = 0
    _groups: list[bytes] = field(default_factory=list)
    _room: Any = field(default_factory=lambda: np.zeros(ROOM_WORDS, np.int64))
    _room_at: int = field(init=False)
    _out: Any = field(default_factory=lambda: np.zeros(0, np.uint8))
    _out_at: int = 0
    _used: int = 0
    _parts: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._file, self._room_at = self.path.open("wb", buffering=0), int(self._room.ctypes.data)
        self._put(_MAGIC)

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        self._file.close()

    def write(self, rows: Rows, shift: Mapping[str, int] | None = None) -> None:
        """Append ``rows`` as one row group; ``shift`` is taken from the values of its columns."""
        count = height(rows)
        if not count:
            return
        start, self._used = self._at, 0
        chunks = [
            self._write_column(name, kind, rows[name], count, (shift or {}).get(name, 0))
            for name, (kind, _) in self.schema.items()
        ]
        group = {1: (LIST, listed(STRUCT, chunks)), 2: (I64, integer(self._at - start)), 3: (I64, integer(count))}
        self._groups.append(struct(group))
        self.rows += count
        self._write_out()

    def close(self) -> None:
        """Write the footer; the file is whole then."""
        root = struct({4: (TEXT, text("schema")), 5: (I32, integer(len(self.schema)))})
        elements = [root, *(_schema_element(name, kind) for name, (kind, _) in self.schema.items())]
        footer = struct(
            {
                1: (I32, integer(1)),
                2: (LIST, listed(STRUCT, elements)),
                3: (I64, integer(self.rows)),
                4: (LIST, listed(STRUCT, self._groups)),
                5: (LIST, listed(STRUCT, _notes(tuple((name, kind) for name, (kind, _) in self.schema.items())))),
                6: (TEXT, text("netemu")),
            }
        )
        self._put(footer + len(footer).to_bytes(4, "little") + _MAGIC)
        self._write_out()
        self._file.close()

    def _put(self, data: Any) -> None:
        """What comes next in the file, once :meth:`_write_out` is called: until then it must stay as it is."""
        self._parts.append(data)
        self._at += len(data)

    def _write_out(self) -> None:
        """Write what was put, as much as one call takes at a time."""
        parts = [memoryview(part) for part in self._parts if len(part)]
        self._parts = []
        while parts:
            written = os.writev(self._file.fileno(), parts[:_AT_ONCE])
            while parts and written >= len(parts[0]):
                written -= len(parts.pop(0))
            if written:
                parts[0] = parts[0][written:]

    def _room_for(self, count: int) -> int:
        """The address of room for so many encoded values, behind what the row group has so far.

        A block, the last one filled up, has at most its words, ten bytes for their least, and widths.
        """
        most = (count // BLOCK + 2) * (8 * BLOCK + 16) + SPARE_BYTES
        if self._used + most > self._out.size:
            self._out, self._used = np.empty(max(most, _ROOM_BYTES), np.uint8), 0
            self._out_at = int(self._out.ctypes.data)
        return self._out_at + self._used

    def _taken(self, size: int) -> Any:
        """The bytes that were put into that room."""
        self._used += size
        return self._out[self._used - size : self._used]

    def _write_column(self, name: str, kind: str, column: Column, count: int, shift: int) -> bytes:
        if isinstance(column, Named):
            return self._write_names(name, column, count)
        present, values = _split(column)
        shift += column.less if isinstance(column, Marked) else 0
        packed: Any
        if kind in ("str", *ENUMS):
            present = _bits(values.is_not_null().to_numpy()) if values.null_count() else None
            packed, encoding = _texts(values.drop_nulls()), _PLAIN
        elif kind == "bool":
            packed, encoding = np.packbits(values, bitorder="little"), _PLAIN
        elif kind == "f64":
            packed, encoding = np.ascontiguousarray(values, "<f8").view(np.uint8), _PLAIN
        elif _is_constant(values):
            start = self._at
            self._put(_one_value(int(values[0]) - shift, 8 if kind == "i64" else 4))
            return self._write_page(name, kind, _Values(_one_run(len(values)), _DICTIONARY, present), count, start)
        else:
            packed, encoding = self._delta(values, shift, narrow=kind != "i64"), _DELTA
        return self._write_page(name, kind, _Values(packed, encoding, present), count)

    def _delta(self, column: Any, shift: int, *, narrow: bool) -> Any:
        values, room = np.ascontiguousarray(column), self._room_at
        out = self._room_for(values.size)
        return self._taken(encode_delta(values.ctypes.data, _size(values), values.size, shift, narrow, room, out))

    def _write_names(self, name: str, column: Named, count: int) -> bytes:
        codes, present, start = column.codes, None, self._at
        if codes.dtype == np.int64:
            present, codes = _present(codes, -1, 0)
        elif codes.dtype.kind == "i" and (codes < 0).any():
            present, codes = _bits(codes >= 0), codes[codes >= 0]
        self._put(_dictionary(tuple(column.names)))
        width = max((len(column.names) - 1).bit_length(), 1)
        if _is_constant(codes):
            packed: Any = _one_run(codes.size, int(codes[0]), width)
        else:
            codes, room, out = np.ascontiguousarray(codes), self._room_at, self._room_for(codes.size)
            packed = self._taken(encode_codes(codes.ctypes.data, _size(codes), codes.size, width, room, out))
        return self._write_page(name, "str", _Values(packed, _DICTIONARY, present), count, start)

    def _write_page(self, name: str, kind: str, values: _Values, count: int, start: int | None = None) -> bytes:
        """Write the data page of a column chunk that begins at ``start``, here unless it has a dictionary."""
        data, levels = self._at, _levels(values.present, count)
        self._put(_page(_DATA_PAGE, len(levels) + len(values.packed), count, values.encoding) + levels)
        self._put(values.packed)
        encodings = [values.encoding] if start is None else [_PLAIN, values.encoding]
        start = data if start is None else start
        return self._chunk(name, _PHYSICAL.get(kind, _INT32), encodings, start=start, data=data, count=count)

    def _chunk(self, name: str, physical: int, encodings: list[int], *, start: int, data: int, count: int) -> bytes:
        """The description of a column of a row group: its pages lie from ``start`` to here, the data from ``data``."""
        size, begin, head = integer(self._at - start), integer(start), _column_head(name, physical, *encodings)
        parts = [_CHUNK_START, begin, _CHUNK_META, head, _NEXT_I64, integer(count), _NEXT_I64, size, _NEXT_I64, size]
        parts += [_NEXT_BUT_ONE_I64, integer(data)]
        if data > start:
            parts += [_NEXT_BUT_ONE_I64, begin]
        return b"".join((*parts, _ENDS))
