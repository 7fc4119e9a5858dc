"""The clock of one capture against another's: offset from the shortest delays, skew from the lower envelope.

Moon, Skelly and Towsley (INFOCOM 1999) take for the skew the slope of the line that lies below all delays and as near
to them as can be. Here both directions of travel are used at once: a skew bends them opposite ways, a queue that fills
does not. The offset is known only as far as the path is symmetric: half the shortest round trip is its bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from netemu.trace.compiled import entry_of_arrays

LEAST_SPAN_NS = 10_000_000_000
LEAST_PACKETS = 20
"""A skew is estimated from this much time and this many packets each way; below, clocks are taken to run alike."""
_LARGEST_SKEW = 0.002
"""Beyond 2000 ppm it is no clock: quartz is good to 100 ppm, and Linux slews by 500 ppm at most."""


@dataclass(frozen=True, slots=True)
class Clock:
    """``t_other = t + offset_ns + skew * (t - at_ns)``; ``bound_ns`` is how far the offset may be off, None unknown."""

    at_ns: int = 0
    offset_ns: int = 0
    bound_ns: int | None = 0
    skew: float | None = 0.0
    shared: bool = False

    def ahead_ns(self, t_ns: Any) -> Any:
        """How far the other clock is ahead when this one shows ``t_ns``, an array; whole nanoseconds."""
        drift = np.rint((t_ns - self.at_ns) * (self.skew or 0.0)).astype(np.int64)
        return self.offset_ns + drift


@entry_of_arrays
def lower_hull(x: Any, y: Any) -> Any:
    """Indices of the lower convex hull of points sorted by ``x``, from left to right."""
    hull = np.empty(x.size, np.int64)
    count = 0
    for i in range(x.size):
        if count and x[hull[count - 1]] == x[i]:
            if y[i] >= y[hull[count - 1]]:
                continue
            count -= 1
        while count >= 2:
            a, b = hull[count - 2], hull[count - 1]
            if (y[b] - y[a]) * (x[i] - x[a]) >= (y[i] - y[a]) * (x[b] - x[a]):
                count -= 1
            else:
                break
        hull[count] = i
        count += 1
    return hull[:count]


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The lower hull of one direction's delays above ``base_ns`` and the mean of its times, in seconds."""

    x: Any
    y: Any
    mean: float
    base_ns: int

    @classmethod
    def of(cls, t_ns: Any, delay_ns: Any, at_ns: int) -> _Envelope:
        order = np.argsort(t_ns, kind="stable")
        base_ns = int(delay_ns.min())
        x, y = (t_ns[order] - at_ns) / 1e9, (delay_ns[order] - base_ns) / 1e9
        hull = lower_hull(x, y)
        return cls(x[hull], y[hull], float(x.mean()), base_ns)

    def height(self, slope: float) -> float:
        """Where the highest line of this slope below all points crosses time 0."""
        return float((self.y - slope * self.x).min())

    def height_ns(self, slope: float) -> int:
        """The same as a delay."""
        return self.base_ns + round(self.height(slope) * 1e9)

    def slopes(self) -> Any:
        """Slopes of the hull's edges."""
        return np.diff(self.y) / np.diff(self.x)


def estimate(forward: tuple[Any, Any], backward: tuple[Any, Any]) -> Clock | None:
    """The other clock from (time here, time there) of what went there, and of what came from there; all in ns.

    None when one direction shows nothing: then offset and delay cannot be told apart.
    """
    if not forward[0].size or not backward[0].size:
        return None
    at_ns = int(min(forward[0].min(), backward[0].min()))
    there = _Envelope.of(forward[0], forward[1] - forward[0], at_ns)
    here = _Envelope.of(backward[0], backward[0] - backward[1], at_ns)
    span_ns = int(max(forward[0].max(), backward[0].max())) - at_ns
    skew = None
    if span_ns >= LEAST_SPAN_NS and min(forward[0].size, backward[0].size) >= LEAST_PACKETS:
        skew = _best_skew(there, here)
    slope = skew or 0.0
    up_ns, down_ns = there.height_ns(slope), here.height_ns(-slope)
    return Clock(at_ns, (up_ns - down_ns) // 2, (up_ns + down_ns) // 2, skew)


def _best_skew(there: _Envelope, here: _Envelope) -> float:
    """The slope whose lines below both envelopes are nearest to their points on average."""
    candidates = np.concatenate([there.slopes(), -here.slopes(), [0.0]])
    candidates = candidates[np.abs(candidates) <= _LARGEST_SKEW]

    def nearness(slope: float) -> float:
        up, down = there.height(slope), here.height(-slope)
        return up + slope * there.mean + down - slope * here.mean

    return float(max(candidates, key=nearness))
