"""The kernel's timers of one host: the timer wheel in jiffies, high-resolution timers in nanoseconds.

A wheel timer fires at a tick, and the longer it is the coarser: kernel/time/timer.c (calc_wheel_index, since 4.8) has
levels of 64 buckets, a bucket of level n being 8**n jiffies, and rounds the expiry up to the next bucket, never down.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

LVL_CLK_SHIFT, LVL_DEPTH, LVL_SIZE = 3, 9, 64


def wheel_expiry(expires: int, clk: int) -> tuple[int, int]:
    """The jiffy at which a timer for ``expires`` fires when armed at ``clk``, and its level (calc_wheel_index).

    Even on level 0 it is the jiffy after ``expires``, since the present one has already begun.
    """
    delta = expires - clk
    if delta < 0:
        return clk, 0
    level = 0
    while level < LVL_DEPTH - 1 and delta >= (LVL_SIZE - 1) << (level * LVL_CLK_SHIFT):
        level += 1
    shift = level * LVL_CLK_SHIFT
    return ((expires >> shift) + 1) << shift, level


class Timer:
    """One timer: ``function`` is called without arguments when it fires. ``expires`` is what was asked for, in jiffies
    for a wheel timer and in ns for a high-resolution one; None while it is not pending."""

    __slots__ = ("_key", "expires", "function")

    def __init__(self, function: Callable[[], None]) -> None:
        self.function = function
        self.expires: int | None = None
        self._key = -1

    @property
    def pending(self) -> bool:
        """Whether it will fire (timer_pending)."""
        return self.expires is not None


class Timers:
    """All timers of one host. Times are ``now_ns`` of the stack; jiffy ``j`` begins at ``j * tick_ns``."""

    __slots__ = ("_counter", "_heap", "_live", "now_ns", "tick_ns")

    def __init__(self, hz: int) -> None:
        self.tick_ns = 1_000_000_000 // hz
        self.now_ns = 0
        self._counter = 0
        # (fires at ns, -level, -order of arming, key, timer): higher levels first, then last armed first, as
        # __run_timers takes the buckets and hlist_add_head fills them.
        self._heap: list[tuple[int, int, int, int, Timer]] = []
        self._live = 0

    @property
    def jiffies(self) -> int:
        """The tick that has begun last."""
        return self.now_ns // self.tick_ns

    def mod_timer(self, timer: Timer, expires: int) -> None:
        """Arm ``timer`` for jiffy ``expires``, whether it was pending or not."""
        if timer.expires == expires:
            return
        fires, level = wheel_expiry(expires, self.jiffies)
        self._push(timer, expires, fires * self.tick_ns, -level)

    def start_hrtimer(self, timer: Timer, at_ns: int) -> None:
        """Arm ``timer`` for the instant ``at_ns``; a time gone by is now."""
        # At one instant the hrtimer's interrupt comes before the softirq of the tick.
        self._push(timer, at_ns, max(at_ns, self.now_ns), -LVL_DEPTH)

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
        """Call every timer that is due at ``now_ns``, those that the called ones arm for now included."""
        while (fires_ns := self.next_ns()) is not None and fires_ns <= self.now_ns:
            timer = heappop(self._heap)[4]
            timer.expires = None
            timer._key = -1
            self._live -= 1
            timer.function()

    def _push(self, timer: Timer, expires: int, fires_ns: int, order: int) -> None:
        if timer.expires is None:
            self._live += 1
        self._counter += 1
        timer.expires = expires
        timer._key = self._counter
        heappush(self._heap, (fires_ns, order, -self._counter, self._counter, timer))
        self._sweep()

    def _sweep(self) -> None:
        """Forget disarmed entries once they are most of the heap, so that memory follows pending timers."""
        if len(self._heap) > 64 and len(self._heap) > 4 * self._live:
            self._heap = [entry for entry in self._heap if entry[4]._key == entry[3]]
            heapify(self._heap)
