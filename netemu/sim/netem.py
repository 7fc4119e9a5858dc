"""A wire that the kernel's netem carries: what it does otherwise than the relay where nanoseconds decide.

A lab puts two netems behind each other (netemu.lab.netem): one that delays, and inside it the line with its queue.

- ``netem_dequeue`` (net/sched/sch_netem.c, 6.12 and 7.2) of the outer hands all that is due to the inner before it asks
  that for what may leave. So a packet that reaches the queue in the very nanosecond in which another leaves it finds
  that one still there, and the last place taken. Without a delay nothing is due there, and what a host sends on a
  packet's arrival comes after the timers that let packets leave, as on a relay.
- ``packet_time_ns`` (same file) cuts a packet's time on the line to whole nanoseconds; a relay rounds it up.
"""

from __future__ import annotations

from netemu.link import LinkModel, LinkParameters
from netemu.link.timeline import Timeline

_BIT_NS = 8 * 10**9


class _CutTimeline(Timeline):
    """Times on the line in whole nanoseconds, the rest cut; no rate changes where a netem has one."""

    __slots__ = ()

    def finish_ns(self, start_ns: int, line_bytes: int) -> int:
        rate_bps = self._phases[0].rate_bps
        return start_ns if rate_bps is None else start_ns + line_bytes * _BIT_NS // rate_bps


class NetemModel(LinkModel):
    """One direction of a link that netem can express exactly (:func:`netemu.topology.carriers.expressible`)."""

    def __init__(self, parameters: LinkParameters, seed: int) -> None:
        delayed = any(phase.delay_ns for phase in parameters.phases)
        super().__init__(parameters, seed, early_ns=-1 if delayed else 0)
        self._timeline = _CutTimeline(parameters.phases)
