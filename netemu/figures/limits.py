"""What kept a sender from sending more, interval by interval, and the evidence for it.

From the sender's socket samples (struct tcp_info): the kernel itself accounts the time in which a sender had
something to send (``tcpi_busy_time``), and of it the time in which the peer's window or the send buffer bound it
(``tcp_chrono_start``, net/ipv4/tcp_output.c, since 4.9). Where these two make up less than half, what waits decides:
with unsent data in the queue, or as many segments in flight as the congestion window allows, that window bound it;
with neither, the application had nothing more to send.

The account runs in jiffies (4 ms at HZ=250), while samples may come faster: an interval in which a busy sender's
account stood still is joined to the next.

Without samples only the packets are left: they tell when the advertised window had no room for another segment
(``tcp_snd_wnd_test``), and nothing of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl

LIMITERS = ("rwnd", "sndbuf", "cwnd", "application")


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``start_ns`` to ``stop_ns`` the sender was bound by ``limiter``, one of :data:`LIMITERS`."""

    limiter: str
    start_ns: int
    stop_ns: int


class _Sample(NamedTuple):
    t_ns: int
    busy_ns: int
    rwnd_limited_ns: int
    sndbuf_limited_ns: int
    notsent_bytes: int
    unacked_segments: int
    snd_cwnd_segments: int


def limits_from_samples(samples: pl.DataFrame) -> list[Interval]:
    """Intervals between consecutive samples of one socket (table ``sockets``, in order of time), joined where equal."""
    found: list[Interval] = []
    rows = [_Sample(*row) for row in samples.select(_Sample._fields).iter_rows()]
    begin = rows[0] if rows else None
    for index, row in enumerate(rows):
        outstanding = row.unacked_segments > 0 or row.notsent_bytes > 0
        if begin is None or (outstanding and row.busy_ns == begin.busy_ns and index + 1 < len(rows)):
            continue
        _extend(found, Interval(_limiter(begin, row), begin.t_ns, row.t_ns))
        begin = row
    return found


def _limiter(before: _Sample, after: _Sample) -> str:
    rwnd_ns = after.rwnd_limited_ns - before.rwnd_limited_ns
    sndbuf_ns = after.sndbuf_limited_ns - before.sndbuf_limited_ns
    bound_ns = max(rwnd_ns, sndbuf_ns)
    if bound_ns > 0 and 2 * bound_ns >= after.busy_ns - before.busy_ns:
        return "rwnd" if rwnd_ns >= sndbuf_ns else "sndbuf"
    full = 0 < after.snd_cwnd_segments <= after.unacked_segments
    return "cwnd" if after.notsent_bytes > 0 or full else "application"


def limits_from_packets(flight: pl.DataFrame, segment_bytes: int) -> list[Interval]:
    """When flight plus one segment of ``segment_bytes`` exceeded the window: rows t_ns, flight, window_bytes."""
    found: list[Interval] = []
    rows = list(flight.select("t_ns", "flight", "window_bytes").iter_rows())
    for before, after in pairwise(rows):
        if before[1] is not None and before[2] is not None and before[1] + segment_bytes > before[2]:
            _extend(found, Interval("rwnd", before[0], after[0]))
    return found


def _extend(found: list[Interval], new: Interval) -> None:
    """Append ``new``, or lengthen the last interval when it goes on."""
    if new.stop_ns == new.start_ns:
        return
    if found and found[-1].limiter == new.limiter and found[-1].stop_ns == new.start_ns:
        found[-1] = Interval(new.limiter, found[-1].start_ns, new.stop_ns)
    else:
        found.append(new)
