"""Arrays that grow where they lie: addresses are reserved, and memory comes with the first write to a page.

A table that doubles by copying takes three times its rows while it is copied. Whoever reads it meanwhile (observers,
two chunks behind the pass) finds it where it was.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

_HUGE_PAGE_BYTES = 1 << 21
_FIRST_BYTES = 2 * _HUGE_PAGE_BYTES
"""What is reserved for a table at first: most captures need no more, and addresses may be limited too."""


def reserved(rows: int, dtype: Any) -> Any:
    """``rows`` records of zeros that take no memory until they are written to."""
    kind = np.dtype(dtype)
    size = max(rows * kind.itemsize, 1)
    area = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size > _FIRST_BYTES:  # large pages, which few tables need: a processor finds 2,000 pages without a detour
        area.madvise(mmap.MADV_HUGEPAGE, _HUGE_PAGE_BYTES)
    return np.frombuffer(area, kind, rows)


class Table:
    """Records of ``dtype``, ``rows`` at first and about ``most`` at last; what was never written to is zero."""

    def __init__(self, rows: int, dtype: Any, most: int) -> None:
        kind = np.dtype(dtype)
        self._whole, self._most = reserved(max(rows, _FIRST_BYTES // kind.itemsize), kind), most
        self.array: Any = self._whole[:rows]

    def grow(self, rows: int) -> None:
        """Make room for ``rows`` records, and for twice what there are; the content stays, and mostly the address."""
        if rows <= self.array.size:
            return
        size = max(rows, min(2 * self.array.size, self._most))
        if size > self._whole.size:
            larger = reserved(max(size, self._most), self._whole.dtype)
            words = larger.view(np.int64), self.array.view(np.int64)
            words[0][: words[1].size] = words[1]
            self._whole = larger
        self.array = self._whole[:size]
