"""Memory that ends at a page nobody may touch: what reads or writes one byte too far ends the process at once."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np

from netemu.trace import layout, records, state
from netemu.trace.container import Container
from netemu.trace.source import Window

_PAGE = mmap.PAGESIZE
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
_PROT_NONE = 0


def guarded(rows: int, dtype: Any = np.int64) -> Any:
    """An array of zeros that ends where a page begins that can be neither read nor written."""
    size = rows * np.dtype(dtype).itemsize
    pages = -(-size // _PAGE) * _PAGE
    area = mmap.mmap(-1, pages + _PAGE)
    whole = np.frombuffer(area, np.uint8)
    if _LIBC.mprotect(whole.ctypes.data + pages, _PAGE, _PROT_NONE):
        raise OSError(ctypes.get_errno(), "mprotect")
    return whole[pages - size : pages].view(dtype)


class GuardedTable:
    """A table of a state that ends at such a page, whatever its size."""

    def __init__(self, rows: int, dtype: Any, most: int) -> None:
        self.array = guarded(rows, dtype)

    def grow(self, rows: int) -> None:
        """Make room by copying, for a size that the real table could have."""
        old = self.array
        if rows > old.size:
            self.array = guarded(max(rows, 2 * old.size), old.dtype)
            self.array.view(np.int64)[: old.view(np.int64).size] = old.view(np.int64)


def guarded_columns(rows: int) -> layout.Columns:
    """The output columns of a chunk, each guarded."""
    return layout.Columns(*(guarded(rows, dtype) for _, dtype, _ in layout.FIELDS))


@contextmanager
def guarded_tables(columns: layout.Columns) -> Iterator[None]:
    """Within it, tables of new states are guarded, and chunks are the given columns over and over."""
    with (
        mock.patch.object(state, "_zeros", guarded),
        mock.patch.object(state, "Table", GuardedTable),
        mock.patch.object(layout, "new_columns", lambda _rows: columns),
    ):
        yield


@dataclass
class GuardedSource:
    """A source of which each window ends with a record, at the guard: nothing behind it can be read unnoticed.

    ``records`` is how many a window holds: with 1 all of them are guarded, with more it takes less time.
    """

    data: bytes
    container: Container
    records: int = 1
    fault: str | None = None
    _area: Any = field(init=False)

    def __post_init__(self) -> None:
        self._area = guarded(min(max(len(self.data), 64), 1 << 19), np.uint8)

    def first(self) -> Window:
        return self._window(0, min(28, len(self.data)))

    def following(self, window: Window, position: int) -> Window:
        base = window.base + position
        size = 0
        for _ in range(self.records):
            size += self._next_bytes(base + size)
            if base + size >= len(self.data):
                break
        if position == 0 and size <= window.data.size:
            size = 2 * window.data.size + 64
        return self._window(base, min(size, len(self.data) - base, self._area.size))

    def close(self) -> None:
        """Nothing is open."""

    def _window(self, base: int, size: int) -> Window:
        place = self._area[self._area.size - size :]
        place[:] = np.frombuffer(self.data, np.uint8, size, base) if size else 0
        return Window(place, base, base + size >= len(self.data))

    def _next_bytes(self, base: int) -> int:
        """Bytes of the record or block at ``base``, as the file says."""
        scan = self.container.scan[0]
        order = "<" if scan["little"] else ">"
        head = self.data[base : base + 12]
        if len(head) < 12:
            return len(head)
        if scan["format"] == records.FORMAT_PCAP:
            return int(scan["record_header"]) + int(struct.unpack_from(order + "I", head, 8)[0])
        if head[:4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if head[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        return max(int(struct.unpack_from(order + "I", head, 4)[0]), 12)
