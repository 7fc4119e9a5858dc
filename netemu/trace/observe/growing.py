"""State of observers, one record per flow in an array that grows, and columns of rows made from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from netemu.trace import state
from netemu.trace.column import Column, Named
from netemu.trace.engine import Reader
from netemu.trace.reserved import Table
from netemu.trace.state import as_words
from netemu.trace.tables import address_text, endpoint_texts


class Growing:
    """Records of ``dtype``, all zero at first but for the words in ``unknown``, which are -1.

    Compiled code is given :attr:`address`.
    """

    def __init__(self, dtype: np.dtype[Any], unknown: Sequence[str] = ()) -> None:
        self._new = np.zeros(1, dtype)
        for name in unknown:
            self._new[name] = -1
        self._table, self._used = Table(1 << 10, dtype, 2 * state.MAX_CONNECTIONS), 0
        self.grow(1 << 10)

    @property
    def array(self) -> Any:
        """The records for which there was room asked so far."""
        return self._table.array[: self._used]

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` records; the content stays. Memory is taken for those, and for none beyond."""
        if rows > self._used:
            self._table.grow(rows)
            first, self._used = self._used, rows
            self._renew(first, rows)

    def _renew(self, first: int, behind: int) -> None:
        """Give these records the values of new ones."""
        as_words(self.array)[first:behind] = as_words(self._new)

    def set_aside(self, rows: Any) -> Any:
        """A copy of some records, which are then as new ones are."""
        found = self.array[:0].copy()
        found.resize(rows.size)
        as_words(found)[:] = as_words(self.array)[rows]
        as_words(self.array)[rows] = as_words(self._new)
        return found

    def restart(self, kept: Any, used: int) -> None:
        """The first ``used`` records as new, but ``kept`` the first of them; without any the file has ended."""
        if kept.size:
            as_words(self.array)[: kept.size] = as_words(kept)
            self._renew(kept.size, used)

    @property
    def address(self) -> int:
        """Where the first record lies, until the next :meth:`grow`."""
        return int(self._table.array.ctypes.data)


def text_columns(reader: Reader, rows: Any, *, ports: bool, of: Any = None) -> dict[str, Column]:
    """Capture, source and destination of keyed records; with ``ports``, ``x`` and ``y`` are the two ports.

    One row for each record, or for each number of a record in ``of``.
    """
    source = _texts(rows, "src_hi", "src_lo", "x" if ports else None)
    destination = _texts(rows, "dst_hi", "dst_lo", "y" if ports else None)
    capture = rows["capture"].astype(np.uint16)
    if of is not None:
        capture, source, destination = capture[of], source.gather(of), destination.gather(of)
    return {"capture": Named(capture, reader.names), "source": source, "destination": destination}


def _texts(rows: Any, high: str, low: str, port: str | None) -> pl.Series:
    if port is not None:
        return endpoint_texts(rows["version"], rows[high], rows[low], rows[port])
    ends = zip(*(rows[name].tolist() for name in ("version", high, low)), strict=True)
    return pl.Series([address_text(*end) for end in ends], dtype=pl.String)
