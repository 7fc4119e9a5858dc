"""The monotonic clocks of several kernels on one machine, compared by the processor's time-stamp counter.

A User-Mode Linux guest has a monotonic clock of its own, which began when it booted. Its programs run on the same
processor as ours, though, and read the same counter (the instruction is not privileged, and nothing traps it). A
reading of a kernel's clock between two readings of the counter says what that clock showed at that count, and no
message has to travel for it, whose journey would be the uncertainty.
"""

from __future__ import annotations

import ctypes
import mmap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from netemu.errors import MissingCapability

_RDTSCP = bytes.fromhex("0f01f9 48c1e220 4809d0 c3")
"""rdtscp; shl rdx, 32; or rax, rdx; ret (Intel SDM volume 2, RDTSCP): waits for the instructions before it."""

_NEEDED = ("rdtscp", "constant_tsc", "nonstop_tsc")
READINGS = 64


@dataclass(frozen=True, slots=True)
class Reading:
    """A kernel's CLOCK_MONOTONIC was ``monotonic_ns`` at a count between ``before`` and ``after``."""

    before: int
    monotonic_ns: int
    after: int

    @property
    def middle(self) -> float:
        """The count to which the reading is attributed."""
        return (self.before + self.after) / 2

    def as_list(self) -> list[int]:
        """For JSON."""
        return [self.before, self.monotonic_ns, self.after]

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Reading:
        """From :meth:`as_list`."""
        before, monotonic_ns, after = numbers
        return cls(before, monotonic_ns, after)


@dataclass(frozen=True, slots=True)
class Offset:
    """What to add to this machine's monotonic time to have the guest's; true to ``uncertainty_ns`` either way."""

    ns: int
    uncertainty_ns: int

    def agrees(self, other: Offset) -> bool:
        """Whether both can be true."""
        return abs(self.ns - other.ns) <= self.uncertainty_ns + other.uncertainty_ns


_code: list[object] = []
"""What the functions made here consist of, which must not go before they do."""


@cache
def _counter() -> Callable[[], int]:
    """A function that reads the time-stamp counter."""
    memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(_RDTSCP)
    entry = ctypes.c_char.from_buffer(memory)
    _code.append(entry)
    function: Callable[[], int] = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(entry))
    return function


def require_common_counter() -> None:
    """:class:`MissingCapability` unless this machine's counter runs evenly, whatever the processor does."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    flags = next((line.split() for line in text.splitlines() if line.startswith("flags")), [])
    missing = [name for name in _NEEDED if name not in flags]
    if missing:
        raise MissingCapability(
            f"this machine's processor lacks {', '.join(missing)} (/proc/cpuinfo): the clocks of guests cannot be"
            " compared; run every node on one kernel"
        )


def read_clock(readings: int = READINGS) -> Reading:
    """The tightest of several readings of this kernel's monotonic clock."""
    counter = _counter()
    best: Reading | None = None
    for _ in range(readings):
        before = counter()
        monotonic_ns = time.monotonic_ns()
        after = counter()
        if best is None or after - before < best.after - best.before:
            best = Reading(before, monotonic_ns, after)
    assert best is not None
    return best


def offset_of(guest: Reading, first: Reading, last: Reading) -> Offset:
    """The guest's clock less ours, by a reading of it taken between two of ours.

    Between ours the count is taken to run evenly; the uncertainty is half the width of the guest's reading and of the
    wider of ours.
    """
    if not first.before <= guest.before <= guest.after <= last.after:
        raise ValueError(f"the guest's reading {guest} is not between {first} and {last}")
    ns_per_count = (last.monotonic_ns - first.monotonic_ns) / (last.middle - first.middle)
    ours_ns = first.monotonic_ns + (guest.middle - first.middle) * ns_per_count
    widest = max(first.after - first.before, last.after - last.before)
    width_ns = (guest.after - guest.before + widest) * ns_per_count
    return Offset(guest.monotonic_ns - round(ours_ns), round(width_ns / 2) + 1)
