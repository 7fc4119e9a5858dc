"""Processor time that a hypervisor withheld from this machine: lateness that nothing in it can help."""

from __future__ import annotations

import os
from pathlib import Path

_STEAL = 8
"""The column of /proc/stat's first line (proc(5)): the name, user, nice, system, idle, iowait, irq, softirq, steal."""


def stolen_ns(stat: Path = Path("/proc/stat")) -> int:
    """Since boot, over all processors, in steps of a clock tick; always 0 on a machine that is not virtual."""
    words = stat.read_text().split(maxsplit=_STEAL + 1)
    return int(words[_STEAL]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
