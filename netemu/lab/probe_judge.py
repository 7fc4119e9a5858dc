"""What to send over a direction of a link to learn its delay, MTU and rate, and whether what came is as asked. Pure.

A direction's rate is measured by a train of frames sent a little faster than the rate, so that the queue in front of
the line never runs empty; what the queue then cannot hold it drops, which does not change when the others arrive.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from netemu.specs import LinkDirection
from netemu.topology.wiring import Port

Kind = Literal["delay", "train"]

SMALL_IP_BYTES = 46
DELAY_FRAMES = 7
DELAY_GAP_NS = 3_000_000
DELAY_TOLERANCE_NS = {"relay": 1_000_000, "netem": 200_000}
RATE_TOLERANCE = {"relay": 0.02, "netem": 0.01}
TRAIN_NS = 60_000_000
SLOW_TRAIN_NS = 600_000_000
OVERFEED = 1.25
# By how much one arrival may be late: the wire is a process that the scheduler wakes.
NOISE_NS = {"relay": 150_000, "netem": 30_000}
LEAST_TRAIN = 5


@dataclass(frozen=True, slots=True)
class Target:
    """One direction of a link under test, from the interface ``source`` to ``sink``; ``number`` marks its frames."""

    number: int
    link: str
    direction: Literal["a_to_b", "b_to_a"]
    backend: str
    spec: LinkDirection
    source: Port
    sink: Port

    @property
    def place(self) -> str:
        """What a message calls it."""
        return f"link {self.link} {self.direction} ({self.source.interface} to {self.sink.interface})"

    @property
    def passing_mtu_bytes(self) -> int:
        """The largest packet that can arrive: an accepted black hole's receiver takes less than its sender sends."""
        return min(self.source.mtu_bytes, self.sink.mtu_bytes)

    def line_ns(self, ip_bytes: int) -> int:
        """How long a packet is on the line."""
        if self.spec.rate_bps is None:
            return 0
        return (ip_bytes + self.spec.overhead_bytes) * 8 * 1_000_000_000 // self.spec.rate_bps

    def queue_frames(self, ip_bytes: int) -> int:
        """How many packets of that size the queue in front of the line holds."""
        queue = self.spec.queue
        return queue.packets if queue.packets is not None else (queue.bytes or 0) // ip_bytes

    def line_free_ns(self, busy_until_ns: int, now_ns: int, ip_bytes: int) -> int:
        """Until when the line is busy at the least once a packet is sent at ``now_ns``, be it faster than asked for.

        A full queue drops the packet, and then as many as it holds are still to be sent.
        """
        least_ns = int(self.line_ns(ip_bytes) / OVERFEED)
        full_ns = max(self.line_ns(ip_bytes), self.queue_frames(ip_bytes) * least_ns)
        return min(busy_until_ns + least_ns, now_ns + full_ns)


@dataclass(frozen=True, slots=True)
class Shape:
    """Frames to send: ``burst`` at once, then one each ``gap_ns``, ``count`` in all, each of ``ip_bytes``.

    The first of a train has the MTU in any case.
    """

    kind: Kind
    ip_bytes: int
    count: int
    burst: int
    gap_ns: int

    @property
    def packets_per_s(self) -> float:
        """How many a second the wire is given."""
        return self.count * 1e9 / max(1, self.gap_ns * max(1, self.count - self.burst))


@dataclass(frozen=True, slots=True)
class Finding:
    """One quantity of one direction: ``ok`` None means it could not be proved, ``note`` then says why."""

    asked: int
    measured: int | None
    tolerance: int
    ok: bool | None
    note: str = ""


def delay_shape(target: Target) -> Shape:
    """Small frames so far apart that none waits for another."""
    gap_ns = max(DELAY_GAP_NS, 2 * target.line_ns(SMALL_IP_BYTES))
    return Shape("delay", SMALL_IP_BYTES, DELAY_FRAMES, 1, gap_ns)


def train_shape(target: Target) -> Shape:
    """Frames of exactly the MTU; behind the first, smaller ones where five of that size would take too long."""
    ip_bytes = target.passing_mtu_bytes
    line_ns = target.line_ns(ip_bytes)
    if line_ns == 0:
        return Shape("train", ip_bytes, 1, 1, DELAY_GAP_NS)
    if line_ns * LEAST_TRAIN > SLOW_TRAIN_NS:
        line_bytes = (ip_bytes + target.spec.overhead_bytes) * SLOW_TRAIN_NS // (line_ns * LEAST_TRAIN)
        ip_bytes = max(SMALL_IP_BYTES, line_bytes - target.spec.overhead_bytes)
        line_ns = target.line_ns(ip_bytes)
    wanted_ns = min(SLOW_TRAIN_NS, max(TRAIN_NS, 50 * target.spec.jitter_ns))
    count = max(LEAST_TRAIN, wanted_ns // line_ns)
    burst = min(max(2, math.ceil(TRAIN_NS / 4 / line_ns)), target.queue_frames(ip_bytes) // 2, count)
    return Shape("train", ip_bytes, count, max(1, burst), int(line_ns / OVERFEED))


def latest_arrival_ns(target: Target, shape: Shape, last_sent_ns: int) -> int:
    """When the last frame is on the far side at the latest, on a wire that is as asked and in time."""
    line_ns = target.line_ns(shape.ip_bytes)
    waiting = min(shape.count, target.queue_frames(shape.ip_bytes) + 1)
    first_ns = target.line_ns(target.passing_mtu_bytes)
    return last_sent_ns + first_ns + waiting * line_ns + target.spec.delay_ns + target.spec.jitter_ns


def judge_delay(target: Target, transits_ns: Sequence[int]) -> Finding:
    """The median of the transit times less the time on the line, against the delay asked for.

    A median off while the least is right is a machine too busy for this wire, not a wire wrongly set: not ``ok`` and
    not wrong either.
    """
    asked = target.spec.delay_ns
    tolerance = DELAY_TOLERANCE_NS[target.backend] + target.spec.jitter_ns
    if len(transits_ns) < DELAY_FRAMES:
        note = f"{DELAY_FRAMES - len(transits_ns)} of {DELAY_FRAMES} probes did not arrive"
        return Finding(asked, None, tolerance, False, note)
    line_ns = target.line_ns(SMALL_IP_BYTES)
    median = int(statistics.median(transits_ns)) - line_ns
    least = min(transits_ns) - line_ns
    if abs(median - asked) <= tolerance:
        return Finding(asked, median, tolerance, True)
    busy = median > asked and abs(least - asked) <= tolerance
    note = f"the least of {DELAY_FRAMES} was {least} ns: the machine is too busy" if busy else ""
    return Finding(asked, median, tolerance, None if busy else False, note)


def judge_rate(
    target: Target, shape: Shape, came_ns: Mapping[int, int], late_fed: Sequence[int] = ()
) -> Finding | None:
    """The rate at which the train came, against the rate asked for; None where none is asked for.

    ``came_ns`` is by frame. ``late_fed``: frames before which the queue in front of the line may have run empty, since
    the sender was late; what counts then is the longest part of the train without one.
    """
    asked = target.spec.rate_bps
    if asked is None:
        return None
    relative = RATE_TOLERANCE[target.backend]
    line_ns = target.line_ns(shape.ip_bytes)
    if len(came_ns) < 3:
        note = f"only {len(came_ns)} of {shape.count} frames of the train arrived"
        return Finding(asked, None, int(asked * relative), False, note)
    fed_ns = max(_parts(came_ns, late_fed), key=len)
    if late_fed and len(fed_ns) < LEAST_TRAIN:
        return Finding(asked, None, int(asked * relative), None, "the probe could not send as fast as that")
    steps, span_ns, samples = _envelope(fed_ns, line_ns)
    bits = steps * (shape.ip_bytes + target.spec.overhead_bytes) * 8
    measured = int(bits * 1e9 / max(span_ns, 1))
    noise_ns = (NOISE_NS[target.backend] + target.spec.jitter_ns) / math.sqrt(samples)
    resolution = noise_ns / (steps * line_ns)
    tolerance = int(asked * (relative + resolution))
    note = f"resolution {100 * resolution:.2g} %" if resolution > relative else ""
    return Finding(asked, measured, tolerance, abs(measured - asked) <= tolerance, note)


def _envelope(arrivals_ns: Sequence[int], line_ns: int) -> tuple[int, int, int]:
    """``(frames, ns they took, samples)``: from the earliest of the first third to the earliest of the last.

    Earliest against an even train at the rate asked for: a process that wakes late makes frames late, never early.
    """
    early_ns = [when - number * line_ns for number, when in enumerate(sorted(arrivals_ns))]
    third = max(1, len(early_ns) // 3)
    steps = len(early_ns) - third
    return steps, steps * line_ns + min(early_ns[-third:]) - min(early_ns[:third]), third


def _parts(came_ns: Mapping[int, int], late_fed: Sequence[int]) -> list[list[int]]:
    """The arrivals, parted before each frame of ``late_fed``, or the first behind it that came."""
    parts: list[list[int]] = [[]]
    breaks = deque(sorted(late_fed))
    for number in sorted(came_ns):
        if breaks and breaks[0] <= number:
            parts.append([])
        while breaks and breaks[0] <= number:
            breaks.popleft()
        parts[-1].append(came_ns[number])
    return parts


def judge_mtu(target: Target, passed: bool, larger_refused: bool) -> Finding:
    """Whether a packet of exactly the MTU arrived, and the interface refused one that is a byte longer."""
    asked = target.source.mtu_bytes
    if not larger_refused:
        return Finding(asked, None, 0, False, f"a packet of {asked + 1} bytes was not refused")
    if not passed:
        return Finding(asked, None, 0, False, f"a packet of {target.passing_mtu_bytes} bytes did not arrive")
    if target.passing_mtu_bytes < asked:
        return Finding(asked, target.passing_mtu_bytes, asked, True, "accepted as a black hole")
    return Finding(asked, asked, 0, True)


def judge_held(held_bytes: Sequence[int]) -> Finding | None:
    """Whether the wire lets go of the sender's memory: the least found while frames waited; None if none ever did."""
    if not held_bytes:
        return None
    least = min(held_bytes)
    note = "" if least == 0 else "packets waiting in the wire count as the sender's: the wire does not orphan them"
    return Finding(0, least, 0, least == 0, note)
