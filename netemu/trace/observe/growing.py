"""State of observers, one record per flow in an array that grows, and columns of rows made from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.trace.engine import Reader
from netemu.trace.tables import address_text, endpoint_text, enumerated


class Growing:
    """Records of ``dtype``, all zero at first; compiled code is given :attr:`address`."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.array: Any = np.zeros(1 << 10, dtype)

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` records; the content stays, the address does not."""
        if self.array.size < rows:
            old = self.array
            self.array = np.zeros(max(2 * old.size, rows), old.dtype)
            self.array[: old.size] = old

    @property
    def address(self) -> int:
        """Where the first record lies, until the next :meth:`grow`."""
        return int(self.array.ctypes.data)


def nullable(values: Any, absent: int, origin_ns: int = 0) -> pl.Series:
    """``values`` less ``origin_ns``, null where they are ``absent``."""
    series = pl.Series(values - origin_ns)
    return series.set(pl.Series(values == absent), None)


def named(kind: str, codes: Any) -> pl.Series:
    """Codes of a closed list as its names, null where they are negative."""
    names = enumerated(kind, np.maximum(codes, 0).astype(np.uint8))
    return names.zip_with(pl.Series(codes >= 0), pl.Series([None], dtype=names.dtype))


def null_where(absent: Any, values: Any) -> pl.Series:
    """``values``, null where ``absent``."""
    return pl.Series(np.ascontiguousarray(values)).set(pl.Series(absent), None)


def text_columns(reader: Reader, rows: Any, *, ports: bool) -> dict[str, Any]:
    """Capture, source and destination of keyed records; with ``ports``, ``x`` and ``y`` are the two ports."""
    sources = zip(*(rows[name].tolist() for name in ("version", "src_hi", "src_lo", "x")), strict=True)
    destinations = zip(*(rows[name].tolist() for name in ("version", "dst_hi", "dst_lo", "y")), strict=True)
    text = endpoint_text if ports else _address
    return {
        "capture": pl.Series(reader.names, dtype=pl.String).gather(rows["capture"].astype(np.uint32)),
        "source": pl.Series([text(*end) for end in sources], dtype=pl.String),
        "destination": pl.Series([text(*end) for end in destinations], dtype=pl.String),
    }


def _address(version: int, high: int, low: int, _: int) -> str:
    return address_text(version, high, low)
