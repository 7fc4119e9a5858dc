"""Time in ticks: conversions between jiffies, milli- and microseconds, rounded as the kernel rounds them.

A timer must never fire early, so what becomes jiffies is rounded up; what becomes time is exact for an HZ that divides
a second (100, 250, 1000, the only ones that profiles may have).
"""

from __future__ import annotations

INITIAL_JIFFIES_S = 300
"""A kernel boots this many seconds before its 32-bit jiffies wrap (include/linux/jiffies.h, INITIAL_JIFFIES). The wheel
rounds the jiffies themselves, so that where they begin decides when a long timer fires."""

MAX_JIFFY_OFFSET = (1 << 62) - 2
"""What stands for no limit of time."""


def initial_jiffies(hz: int) -> int:
    """The jiffies a kernel boots with."""
    return (1 << 32) - INITIAL_JIFFIES_S * hz


def msecs_to_jiffies(ms: int, hz: int) -> int:
    """Milliseconds in jiffies, rounded up; a negative value is no limit (kernel/time/time.c, __msecs_to_jiffies)."""
    if ms < 0:
        return MAX_JIFFY_OFFSET
    per_jiffy = 1000 // hz
    return (ms + per_jiffy - 1) // per_jiffy


def usecs_to_jiffies(us: int, hz: int) -> int:
    """Microseconds in jiffies, rounded up (kernel/time/time.c, __usecs_to_jiffies)."""
    per_jiffy = 1_000_000 // hz
    return (us + per_jiffy - 1) // per_jiffy


def nsecs_to_jiffies(ns: int, hz: int) -> int:
    """Nanoseconds in jiffies, rounded down, unlike the others (kernel/time/time.c, nsecs_to_jiffies64)."""
    return ns * hz // 1_000_000_000


def jiffies_to_msecs(jiffies: int, hz: int) -> int:
    """Jiffies in milliseconds."""
    return jiffies * (1000 // hz)


def jiffies_to_usecs(jiffies: int, hz: int) -> int:
    """Jiffies in microseconds."""
    return jiffies * (1_000_000 // hz)
