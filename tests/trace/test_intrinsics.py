"""That what compiled code is made of is not loaded where machine code is kept; what it does is in test_memory.py."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from netemu.trace import intrinsics


def test_names_of_memory_load_nothing_of_it() -> None:
    program = (
        "import sys, netemu.trace.memory; print([m for m in ('numba', 'netemu.trace.intrinsics') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"[]\n"


def test_a_record_takes_whole_numbers_for_words() -> None:
    record = intrinsics.record_of(np.dtype([("a", np.int8), ("b", np.uint32)], align=True))
    assert {str(record.typeof(name)) for name in "ab"} == {"int64"}
    with pytest.raises(KeyError):
        record.typeof("c")
