"""Parquet files that grow a row group at a time, faster than rows are classified.

Polars writes a table at once, and looks for repeated values in every column; here integers are stored as differences,
names as numbers of a dictionary, nothing is compressed further, and memory is one column of one row group.
Format: github.com/apache/parquet-format (parquet.thrift, Encodings.md, LogicalTypes.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import polars as pl

from netemu.recording.tables import ENUMS, Schema
from netemu.trace.encode import BLOCK, SPARE_BYTES, encode_codes, encode_delta
from netemu.trace.tables import polars_schema
from netemu.trace.thrift import I32, I64, LIST, STRUCT, TEXT, flag, int8, integer, listed, struct, text

_MAGIC = b"PAR1"
_BOOLEAN, _INT32, _INT64, _BYTE_ARRAY = 0, 1, 2, 6
_PLAIN, _RLE, _DELTA, _DICTIONARY = 0, 3, 5, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_REQUIRED = 0
_UTF8 = 0
_CONVERTED = {(8, False): 11, (16, False): 12, (32, False): 13, (8, True): 15, (16, True): 16}
_PHYSICAL = {"bool": _BOOLEAN, "i64": _INT64, "str": _BYTE_ARRAY, **dict.fromkeys(ENUMS, _BYTE_ARRAY)}


@dataclass(frozen=True, slots=True)
class Named:
    """A column of text of which there are few: for each row a number, and the text of each number."""

    codes: Any
    names: Sequence[str]


Column = Any | Named


def _schema_element(name: str, kind: str) -> bytes:
    fields = {1: (I32, integer(_PHYSICAL.get(kind, _INT32))), 3: (I32, integer(_REQUIRED)), 4: (TEXT, text(name))}
    if _PHYSICAL.get(kind) == _BYTE_ARRAY:
        fields |= {6: (I32, integer(_UTF8)), 10: (STRUCT, struct({1: (STRUCT, struct({}))}))}
    elif kind[0] in "iu" and kind not in ("i32", "i64"):
        bits, signed = int(kind[1:]), kind[0] == "i"
        logical = struct({1: int8(bits), 2: flag(signed)})
        fields |= {6: (I32, integer(_CONVERTED[bits, signed])), 10: (STRUCT, struct({10: (STRUCT, logical)}))}
    return struct(fields)


def _page(kind: int, size: int, values: int, encoding: int) -> bytes:
    counts = {1: (I32, integer(values)), 2: (I32, integer(encoding))}
    if kind == _DATA_PAGE:
        counts |= {3: (I32, integer(_RLE)), 4: (I32, integer(_RLE))}
    sizes = {1: (I32, integer(kind)), 2: (I32, integer(size)), 3: (I32, integer(size))}
    return struct({**sizes, (5 if kind == _DATA_PAGE else 7): (STRUCT, struct(counts))})


def _notes(schema: Schema) -> list[bytes]:
    """What Polars adds to a file of this schema: its types in Arrow's terms, so that closed lists are read as such."""
    file = BytesIO()
    pl.DataFrame(schema=polars_schema(schema)).write_parquet(file)
    file.seek(0)
    notes = pl.read_parquet_metadata(file)
    return [struct({1: (TEXT, text(key)), 2: (TEXT, text(value))}) for key, value in notes.items()]


@dataclass(slots=True)
class ParquetFile:
    """A file being written: :meth:`write` row groups, then :meth:`close`. A context manager closes by itself.

    Columns are those of ``schema`` in its order, none of them null; without :meth:`close` the file is no Parquet file.
    Names of a closed list are text, as for any reader, and of Polars' type Enum for Polars.
    """

    path: Path
    schema: Schema
    rows: int = 0
    _file: IO[bytes] = field(init=False)
    _at: int = 0
    _groups: list[bytes] = field(default_factory=list)
    _values: Any = field(default_factory=lambda: np.zeros(0, np.int64))
    _deltas: Any = field(default_factory=lambda: np.zeros(BLOCK, np.int64))
    _out: Any = field(default_factory=lambda: np.zeros(0, np.uint8))

    def __post_init__(self) -> None:
        self._file = self.path.open("wb", buffering=0)
        self._put(_MAGIC)

    def __enter__(self) -> ParquetFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        self._file.close()

    def write(self, columns: Mapping[str, Column], shift: Mapping[str, int] | None = None) -> None:
        """Append rows as one row group; ``shift`` is taken from the values of its columns."""
        first = columns[next(iter(self.schema))]
        count = len(first.codes if isinstance(first, Named) else first)
        if not count:
            return
        if self._values.size < count:
            self._values = np.empty(count, np.int64)
            # A block, the last one filled up, has at most its words, ten bytes for their least, and widths
            self._out = np.empty((count // BLOCK + 2) * (8 * BLOCK + 16) + SPARE_BYTES, np.uint8)
        start = self._at
        chunks = []
        for name, (kind, _) in self.schema.items():
            column = columns[name]
            if isinstance(column, Named):
                chunks.append(self._write_names(name, column, count))
            else:
                chunks.append(self._write_numbers(name, kind, column, (shift or {}).get(name, 0)))
        group = {1: (LIST, listed(STRUCT, chunks)), 2: (I64, integer(self._at - start)), 3: (I64, integer(count))}
        self._groups.append(struct(group))
        self.rows += count

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
                5: (LIST, listed(STRUCT, _notes(self.schema))),
                6: (TEXT, text("netemu")),
            }
        )
        self._put(footer + len(footer).to_bytes(4, "little") + _MAGIC)
        self._file.close()

    def _put(self, data: Any) -> None:
        view = memoryview(data)
        self._at += len(view)
        while view:
            view = view[self._file.write(view) :]

    def _write_numbers(self, name: str, kind: str, column: Any, shift: int) -> bytes:
        start, count = self._at, column.size
        if kind == "bool":
            packed, encoding = np.packbits(column, bitorder="little"), _PLAIN
        else:
            narrow, values = kind != "i64", self._values[:count]
            np.subtract(column, shift, out=values) if shift else np.copyto(values, column)
            size = encode_delta(values.ctypes.data, count, narrow, self._deltas.ctypes.data, self._out.ctypes.data)
            packed, encoding = self._out[:size], _DELTA
        self._put(_page(_DATA_PAGE, packed.size, count, encoding))
        self._put(packed)
        return self._chunk(name, _PHYSICAL.get(kind, _INT32), [encoding], start=start, data=start, count=count)

    def _write_names(self, name: str, column: Named, count: int) -> bytes:
        start = self._at
        values = b"".join(len(raw).to_bytes(4, "little") + raw for raw in (one.encode() for one in column.names))
        self._put(_page(_DICTIONARY_PAGE, len(values), len(column.names), _PLAIN) + values)
        data = self._at
        width = max((len(column.names) - 1).bit_length(), 1)
        size = encode_codes(column.codes, width, self._out.ctypes.data)
        self._put(_page(_DATA_PAGE, size, count, _DICTIONARY))
        self._put(self._out[:size])
        return self._chunk(name, _BYTE_ARRAY, [_PLAIN, _DICTIONARY], start=start, data=data, count=count)

    def _chunk(self, name: str, physical: int, encodings: list[int], *, start: int, data: int, count: int) -> bytes:
        """The description of a column of a row group: its pages lie from ``start`` to here, the data from ``data``."""
        size = self._at - start
        meta = {
            1: (I32, integer(physical)),
            2: (LIST, listed(I32, [integer(encoding) for encoding in encodings])),
            3: (LIST, listed(TEXT, [text(name)])),
            4: (I32, integer(0)),
            5: (I64, integer(count)),
            6: (I64, integer(size)),
            7: (I64, integer(size)),
            9: (I64, integer(data)),
        }
        if data > start:
            meta[11] = (I64, integer(start))
        return struct({2: (I64, integer(start)), 3: (STRUCT, struct(meta))})
