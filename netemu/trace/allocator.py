"""What the C library keeps of freed memory while a capture is analysed.

glibc keeps arrays of up to 32 MB for later ones, in an arena for each thread, once one of that size has been freed
(``M_MMAP_THRESHOLD`` in mallopt(3) grows by itself): with three threads a tenth of what a large analysis takes at most.
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MAPPED_BYTES, _KEPT_BYTES = 1 << 22, 1 << 23


def give_freed_memory_back() -> None:
    """From now on arrays of four megabytes return to the system when they are freed."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
