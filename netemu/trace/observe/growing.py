"""State of observers: one record per flow, in an array that grows with the file's connections."""

from __future__ import annotations

from typing import Any

import numpy as np


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
