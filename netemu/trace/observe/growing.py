"""State of observers, one record per flow in an array that grows, and columns of rows made from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from netemu.trace.column import Column, Named
from netemu.trace.engine import Reader
from netemu.trace.tables import address_text, endpoint_texts


class Growing:
    """Records of ``dtype``, all zero at first but for the words in ``unknown``, which are -1.

    Compiled code is given :attr:`address`.
    """

    def __init__(self, dtype: np.dtype[Any], unknown: Sequence[str] = ()) -> None:
        self._unknown = unknown
        self.array: Any = self._new(1 << 10, dtype, 0)

    def _new(self, rows: int, dtype: np.dtype[Any], kept: int) -> Any:
        array = np.zeros(rows, dtype)
        for name in self._unknown:
            array[name][kept:] = -1
        return array

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` records; the content stays, the address does not."""
        if self.array.size < rows:
            old = self.array
            self.array = self._new(max(2 * old.size, rows), old.dtype, old.size)
            self.array[: old.size] = old

    @property
    def address(self) -> int:
        """Where the first record lies, until the next :meth:`grow`."""
        return int(self.array.ctypes.data)


def text_columns(reader: Reader, rows: Any, *, ports: bool) -> dict[str, Column]:
    """Capture, source and destination of keyed records; with ``ports``, ``x`` and ``y`` are the two ports."""
    return {
        "capture": Named(rows["capture"].astype(np.uint16), reader.names),
        "source": _texts(rows, "src_hi", "src_lo", "x" if ports else None),
        "destination": _texts(rows, "dst_hi", "dst_lo", "y" if ports else None),
    }


def _texts(rows: Any, high: str, low: str, port: str | None) -> pl.Series:
    if port is not None:
        return endpoint_texts(rows["version"], rows[high], rows[low], rows[port])
    ends = zip(*(rows[name].tolist() for name in ("version", high, low)), strict=True)
    return pl.Series([address_text(*end) for end in ends], dtype=pl.String)
