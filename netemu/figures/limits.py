"""What kept a sender from sending more, interval by interval, and the evidence for it.

From the sender's socket samples (struct tcp_info): the kernel itself accounts the time a sender was bound by the
peer's window and by its send buffer (``tcp_chrono_start``, net/ipv4/tcp_output.c, since 4.9), in jiffies. What
these two leave is told by what waited: with unsent data in the queue, or as many segments in flight as the
congestion window allows, the congestion window bound it; with neither, the application gave nothing more to send.

Without samples only the packets are left: they tell when the advertised window had no room for another segment
(``tcp_snd_wnd_test``), and nothing of the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

LIMITERS = ("rwnd", "sndbuf", "cwnd", "application")


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``start_ns`` to ``stop_ns`` the sender was bound by ``limiter``, one of :data:`LIMITERS`."""

    limiter: str
    start_ns: int
    stop_ns: int


def limits_from_samples(samples: pl.DataFrame) -> list[Interval]:
    """Intervals between consecutive samples of one socket (table ``sockets``, in order of time), joined where equal."""
    found: list[Interval] = []
    columns = ("t_ns", "rwnd_limited_ns", "sndbuf_limited_ns", "notsent_bytes", "unacked_segments", "snd_cwnd_segments")
    rows = list(samples.select(columns).iter_rows())
    for before, after in pairwise(rows):
        rwnd_ns, sndbuf_ns = after[1] - before[1], after[2] - before[2]
        if max(rwnd_ns, sndbuf_ns) > 0:
            limiter = "rwnd" if rwnd_ns >= sndbuf_ns else "sndbuf"
        elif after[3] > 0 or (after[4] > 0 and after[4] >= after[5]):
            limiter = "cwnd"
        else:
            limiter = "application"
        _extend(found, Interval(limiter, before[0], after[0]))
    return found


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
