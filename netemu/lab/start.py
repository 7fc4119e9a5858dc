"""When traffic starts: soon; or, where time is virtual, at an instant that does not depend on how long the lab took.

A guest in virtual time must give the same bytes whatever interpreter and libraries it found. How often those read the
clock or draw random numbers before traffic is theirs; from t0 on nothing may be. So t0 is the next whole multiple of
``NETEMU_START_STEP_NS`` (timers, ports and timestamps see the same time) and, just before, the kernel's random number
generator is keyed anew (ports, initial sequence numbers and netem's dice are the same).
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

LEAD_NS = 50_000_000
"""From the choice of t0 to t0: time for every member to read its line before traffic starts."""

STEP_VARIABLE = "NETEMU_START_STEP_NS"
_RNDRESEEDCRNG = 0x5207


def time_is_virtual() -> bool:
    """Whether this lab runs where computing takes no time."""
    return STEP_VARIABLE in os.environ


def next_multiple(now_ns: int, step_ns: int, lead_ns: int) -> int:
    """The first multiple of ``step_ns`` that is at least ``lead_ns`` away."""
    return -(-(now_ns + lead_ns) // step_ns) * step_ns


def choose_t0_ns() -> int:
    """t0 on the monotonic clock, at least :data:`LEAD_NS` from now; with a step, returns at that lead exactly."""
    step = os.environ.get(STEP_VARIABLE)
    if step is None:
        return time.monotonic_ns() + LEAD_NS
    t0_ns = next_multiple(time.monotonic_ns(), int(step), LEAD_NS)
    sleep_until_ns(t0_ns - LEAD_NS)
    reseed()
    return t0_ns


def settle() -> None:
    """Where time is virtual: come to an instant and a state of the random numbers that do not depend on what was done.

    Before processes start whose timers then have the same phase every time.
    """
    step = os.environ.get(STEP_VARIABLE)
    if step is not None:
        sleep_until_ns(next_multiple(time.monotonic_ns(), int(step), LEAD_NS))
        reseed()


def sleep_until_ns(t_ns: int) -> None:
    """Sleep until ``t_ns`` of the monotonic clock."""
    while (left_ns := t_ns - time.monotonic_ns()) > 0:
        time.sleep(left_ns / 1e9)


def reseed() -> None:
    """Have the kernel key its random number generator anew; one with ``random_seed=`` has the same key every time."""
    with Path("/dev/urandom").open("rb", buffering=0) as device:
        fcntl.ioctl(device, _RNDRESEEDCRNG)
