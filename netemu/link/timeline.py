"""The values of a link over time: a schedule known beforehand, so that a change also reaches what is waiting.

A real line that slows down slows the packet it is sending. Since every change is known before it happens, the end
of a transmission is reckoned across changes when the packet is accepted, and stays exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from netemu.link.parameters import Phase

_BIT_NS = 8 * 10**9


class Timeline:
    """The phases of one direction on the caller's clock; before :meth:`start` the first phase holds for ever."""

    __slots__ = ("_phases", "_starts_ns")

    def __init__(self, phases: Sequence[Phase]) -> None:
        self._phases = tuple(phases)
        self._starts_ns: list[int] = []

    def start(self, t0_ns: int) -> None:
        """The start of traffic: phase ``i`` begins at ``t0_ns + phases[i].start_ns``."""
        self._starts_ns = [t0_ns + phase.start_ns for phase in self._phases[1:]]

    def at(self, t_ns: int) -> Phase:
        """The phase that holds at ``t_ns``; a change holds from its own moment on."""
        if not self._starts_ns:
            return self._phases[0]
        return self._phases[bisect_right(self._starts_ns, t_ns)]

    def finish_ns(self, start_ns: int, line_bytes: int) -> int:
        """When ``line_bytes`` whose transmission begins at ``start_ns`` have left, rounded up to whole nanoseconds."""
        number = bisect_right(self._starts_ns, start_ns) if self._starts_ns else 0
        rate_bps = self._phases[number].rate_bps
        left = line_bytes * _BIT_NS
        while rate_bps is not None:
            end_ns = start_ns - (-left // rate_bps)
            if number >= len(self._starts_ns) or end_ns <= self._starts_ns[number]:
                return end_ns
            left -= (self._starts_ns[number] - start_ns) * rate_bps
            start_ns = self._starts_ns[number]
            number += 1
            rate_bps = self._phases[number].rate_bps
        return start_ns

    def smallest_ns(self, line_bytes: int, *, without_delay: bool) -> int:
        """The least time that ``line_bytes`` can take in any phase; a packet that overtakes is ``without_delay``."""
        return min(
            (0 if phase.rate_bps is None else line_bytes * _BIT_NS // phase.rate_bps)
            + (0 if without_delay else phase.delay_ns - phase.jitter_ns)
            for phase in self._phases
        )
