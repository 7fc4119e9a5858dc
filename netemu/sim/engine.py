"""What happens when: a queue of events in virtual nanoseconds, on the monotonic clock that all hosts share."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

TIMER, INTERRUPT, PROCESS, RECORDER = 0, 1, 2, 3
"""Who goes first at one instant: hosts' timers, packets, processes that can run, what only looks on.

A packet that a wire delivers has been through a timer and a softirq more than the timer of a socket by then; bbr, whose
pacing meets the ACKs of what it paced a round trip before to the nanosecond, shows it.
"""


class Engine:
    """Events in order of time, then of the classes above, then of their being asked for. ``now_ns`` never goes back."""

    __slots__ = ("_counter", "_queue", "now_ns", "stopped")

    def __init__(self, start_ns: int) -> None:
        self.now_ns = start_ns
        self.stopped = False
        self._counter = 0
        self._queue: list[tuple[int, int, int, Callable[[Any], object], Any]] = []

    def at(self, t_ns: int, order: int, function: Callable[[Any], object], argument: Any = None) -> None:
        """Call ``function(argument)`` at ``t_ns``.

        :raises ValueError: that time is gone.
        """
        if t_ns < self.now_ns:
            raise ValueError(f"an event for {t_ns} ns was asked for at {self.now_ns} ns")
        self._counter += 1
        heappush(self._queue, (t_ns, order, self._counter, function, argument))

    def run(self, until_ns: int) -> None:
        """Handle every event up to and at ``until_ns``, or until ``stopped``; the clock then stands there."""
        queue = self._queue
        self.stopped = False
        while queue and not self.stopped and queue[0][0] <= until_ns:
            self.now_ns, _, _, function, argument = heappop(queue)
            function(argument)
        if not self.stopped:
            self.now_ns = until_ns
