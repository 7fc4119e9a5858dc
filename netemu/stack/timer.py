"""The kernel's timers of one host: the timer wheel in jiffies, high-resolution timers in nanoseconds.

A wheel timer fires at a tick, and the longer it is the coarser: kernel/time/timer.c (calc_wheel_index, since 4.8) has
levels of 64 buckets, a bucket of level n being 8**n jiffies, and rounds the expiry up to the next bucket, never down.
What is rounded is the jiffies counter itself, which does not begin at 0: a kernel boots 300 s before its 32 bits wrap.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

from netemu.stack.jiffies import initial_jiffies

LVL_CLK_SHIFT, LVL_SIZE = 3, 64


def wheel_depth(hz: int) -> int:
    """Levels of the wheel."""
    return 9 if hz > 100 else 8


def wheel_expiry(expires: int, clk: int, depth: int) -> tuple[int, int]:
    """The jiffy at which a timer for ``expires`` fires when the wheel stands at ``clk``, and its level.

    Even on level 0 it is the jiffy after ``expires``, since the present one has already begun; what has passed already
    fires at ``clk``, and what lies beyond the wheel at its end (calc_wheel_index, calc_index).
    """
    delta = expires - clk
    if delta < 0:
        return clk, 0
    level = 0
    limit = LVL_SIZE - 1
    while delta >= limit:
        level += 1
        limit <<= LVL_CLK_SHIFT
        if level == depth:
            level = depth - 1
            expires = clk + (limit >> LVL_CLK_SHIFT) - (1 << (level * LVL_CLK_SHIFT))
            break
    shift = level * LVL_CLK_SHIFT
    return ((expires >> shift) + 1) << shift, level


class Timer:
    """One timer: ``function`` is called without arguments when it fires. ``expires`` is what was asked for, in jiffies
    for a wheel timer and in ns for a high-resolution one; None while it is not pending."""

    __slots__ = ("_fires_ns", "_key", "_order", "expires", "function")

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function
        self.expires: int | None = None
        self._key = -1
        self._fires_ns = self._order = 0

    @property
    def pending(self) -> bool:
        """Whether it will fire (timer_pending)."""
        return self.expires is not None


_SOFT_HRTIMER = 1
"""Order of high-resolution timers: their softirq comes after the wheel's (include/linux/interrupt.h), -level before."""


class Timers:
    """All timers of one host. Times are ``now_ns`` of the stack; tick ``k`` is at ``k * tick_ns + phase_ns``.

    ``jiffies`` is the counter at ``now_ns``, ``clk`` what the wheel counts from: one ahead of it once the present
    tick's timers have run (__run_timers), so that what they arm for now waits for the next tick. ``coarse``: False
    for the wheel before 4.8, whose timers fire at the very tick asked for.
    """

    __slots__ = (
        "_base",
        "_coarse",
        "_counter",
        "_depth",
        "_heap",
        "_live",
        "clk",
        "jiffies",
        "now_ns",
        "phase_ns",
        "tick_ns",
    )

    def __init__(self, hz: int, phase_ns: int = 0, *, coarse: bool = True) -> None:
        self._coarse = coarse
        self.tick_ns = 1_000_000_000 // hz
        self.phase_ns = phase_ns
        self.now_ns = 0
        self._base = initial_jiffies(hz)
        self._depth = wheel_depth(hz)
        self.jiffies = self.clk = self._base
        self._counter = 0
        # (fires at ns, -level, order of arming, key, timer): higher levels first, then last armed first, as
        # __run_timers takes the buckets and hlist_add_head fills them.
        self._heap: list[tuple[int, int, int, int, Timer]] = []
        self._live = 0

    def advance(self, now_ns: int) -> None:
        """The clock shows ``now_ns``."""
        self.now_ns = now_ns
        self.jiffies = self._base + (now_ns - self.phase_ns) // self.tick_ns

    def mod_timer(self, timer: Timer, expires: int) -> None:
        """Arm ``timer`` for jiffy ``expires``, whether it was pending or not.

        A pending one that is asked for the same jiffy, or falls into the bucket that it is in, keeps its place: it may
        fire later than a new one would, since it was put there from further away (__mod_timer).
        """
        if timer.expires == expires:
            return
        clk = max(self.clk, self.jiffies)
        fires, level = wheel_expiry(expires, clk, self._depth) if self._coarse else (max(expires, clk), 0)
        fires_ns = (fires - self._base) * self.tick_ns + self.phase_ns
        if timer.expires is not None and timer._fires_ns == fires_ns and timer._order == -level:
            timer.expires = expires
            return
        self._push(timer, expires, fires_ns, -level)

    def start_hrtimer(self, timer: Timer, at_ns: int) -> None:
        """Arm ``timer`` for the instant ``at_ns``; a time gone by is now."""
        self._push(timer, at_ns, max(at_ns, self.now_ns), _SOFT_HRTIMER)

    def del_timer(self, timer: Timer) -> bool:
        """Disarm; whether it was pending."""
        if timer.expires is None:
            return False
        timer.expires = None
        timer._key = -1
        self._live -= 1
        self._sweep()
        return True

    def next_ns(self) -> int | None:
        """When the next timer fires; None when none is pending."""
        heap = self._heap
        while heap and heap[0][4]._key != heap[0][3]:
            heappop(heap)
        return heap[0][0] if heap else None

    def run(self) -> None:
        """Call every timer that is due at ``now_ns``, high-resolution ones that these arm for now included."""
        while (fires_ns := self.next_ns()) is not None and fires_ns <= self.now_ns:
            timer = heappop(self._heap)[4]
            timer.expires = None
            timer._key = -1
            self._live -= 1
            if timer._order != _SOFT_HRTIMER:
                self.clk = self.jiffies + 1
            timer.function()

    def _push(self, timer: Timer, expires: int, fires_ns: int, order: int) -> None:
        if timer.expires is None:
            self._live += 1
        self._counter += 1
        timer.expires = expires
        timer._key = self._counter
        timer._fires_ns = fires_ns
        timer._order = order
        # Of one bucket the last armed fires first; of high-resolution timers at one instant, the first armed.
        armed = self._counter if order == _SOFT_HRTIMER else -self._counter
        heappush(self._heap, (fires_ns, order, armed, self._counter, timer))
        self._sweep()

    def _sweep(self) -> None:
        """Forget disarmed entries once they are most of the heap, so that memory follows pending timers."""
        if len(self._heap) > 64 and len(self._heap) > 4 * self._live:
            self._heap = [entry for entry in self._heap if entry[4]._key == entry[3]]
            heapify(self._heap)
