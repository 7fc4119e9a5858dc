"""Freed arrays return to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

KEPT = """
import sys
from pathlib import Path
import numpy as np
from netemu.trace.allocator import give_freed_memory_back

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

if sys.argv[1] == "back":
    give_freed_memory_back()
np.ones(30 << 20, np.uint8)  # glibc now keeps arrays of this size
before = resident_mb()
arrays = [np.ones(5 << 20, np.uint8) for _ in range(50)]
last = np.ones(5 << 20, np.uint8)
del arrays
print(resident_mb() - before)
"""


@pytest.mark.parametrize(("how", "most", "least"), [("back", 20, 0), ("as it was", 1000, 200)])
def test_what_was_freed_is_not_kept(how: str, most: int, least: int) -> None:
    done = subprocess.run([sys.executable, "-c", KEPT, how], capture_output=True, text=True, check=True)
    assert least <= int(done.stdout) <= most
