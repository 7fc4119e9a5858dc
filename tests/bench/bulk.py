"""The bulk transfer that a kernel and ns-3 both carry, and the race between them: data segments a second.

The sides take turns, and the ratio is taken within a round, since the speed of a machine drifts; the median over the
rounds counts. The slope between two sizes leaves start-up out. Wall time is judged, processor time (of all processes)
stands beside it.
"""

from __future__ import annotations

import functools
import resource
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from netemu.specs import AgentSpec, CaptureSpec, FixedLoss, LinkDirection, Plan, ProbeSpec, Queue
from tests.bench import ns3
from tests.lab import plans

RATE_BPS, DELAY_NS, QUEUE_PACKETS, MSS_BYTES = 20_000_000, 20_000_000, 100, 1448
DURATION_NS = 200 * 10**9
WAKE_BYTES = 16 * MSS_BYTES
"""SO_RCVLOWAT of the reader: a guest's process is woken for so much, not for every segment (ns-3's is no process)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: seconds of this machine's time, and of its processors."""

    wall_s: float
    cpu_s: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Do ``work``, here and in its child processes."""

    def used() -> float:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    begun, before = time.monotonic(), used()
    work()
    return Cost(time.monotonic() - begun, used() - before)


def bulk_plan(size_bytes: int, *, capture: bool, loss: float = 0.0) -> Plan:
    """One flow of ``size_bytes`` from h1 to h2."""
    link = LinkDirection(
        rate_bps=RATE_BPS,
        delay_ns=DELAY_NS,
        queue=Queue(packets=QUEUE_PACKETS),
        loss=FixedLoss(loss) if loss else None,
    )
    args = {"address": "10.0.0.2", "port": 5001, "bytes": size_bytes, "congestion": "cubic", "chunk_bytes": 1 << 20}
    read = {
        "port": 5001,
        "chunk_bytes": 1 << 20,
        "waitall": True,
        "setsockopt": [["SOL_SOCKET", "SO_RCVLOWAT", WAKE_BYTES]],
    }
    return msgspec.structs.replace(
        plans.pair(link),
        agents=(
            AgentSpec("t.server", "h2", "sink", read, 0, DURATION_NS),
            AgentSpec("t.client", "h1", "bulk_send", args, 0, DURATION_NS),
        ),
        captures=(CaptureSpec("h1", "h1-eth0", 96),) if capture else (),
        probes=ProbeSpec(interval_ns=0, counters=False, tracepoints=False),
        duration_ns=DURATION_NS,
    )


def beside_ns3(
    execute: Callable[[Plan], object], python: str, rounds: int, sizes: tuple[int, int], targets: Mapping[str, float]
) -> bool:
    """Data segments a second with capture off and on, beside ns-3; whether the ``targets``, ratios to it, are met."""

    def ours(size: int, *, capture: bool) -> Cost:
        return cost_of(functools.partial(execute, bulk_plan(size, capture=capture)))

    def theirs(size: int) -> Cost:
        return Cost(*ns3.transfer(python, size, RATE_BPS, DELAY_NS, QUEUE_PACKETS))

    sides: dict[str, Callable[[int], Cost]] = {
        "ns-3": theirs,
        **{label: functools.partial(ours, capture=label == "capture on") for label in targets},
    }
    found: dict[str, list[_Speed]] = {label: [] for label in sides}
    for number in range(1, rounds + 1):
        for label, side in sides.items():
            found[label].append(_slope(sizes, *map(side, sizes)))
        each = (f"{label} {speeds[-1].by_wall:,.0f} ({speeds[-1].by_cpu:,.0f})" for label, speeds in found.items())
        print(f"round {number}, data segments/s of wall (processor) time: {', '.join(each)}", flush=True)
    met = True
    for label, target in targets.items():
        pairs = list(zip(found[label], found["ns-3"], strict=True))
        by_wall = [mine.by_wall / other.by_wall for mine, other in pairs]
        by_cpu = statistics.median(mine.by_cpu / other.by_cpu for mine, other in pairs)
        ratio = statistics.median(by_wall)
        met = met and ratio >= target
        print(
            f"{label}: {ratio:.2f} x ns-3 in wall time ({min(by_wall):.2f} to {max(by_wall):.2f}; target {target:g}),"
            f" {by_cpu:.2f} x in processor time: {'ok' if ratio >= target else 'MISSED'}"
        )
    return met


@dataclass(frozen=True, slots=True)
class _Speed:
    """Data segments per second of wall time, and of processor time."""

    by_wall: float
    by_cpu: float


def _slope(sizes: tuple[int, int], small: Cost, large: Cost) -> _Speed:
    """Between the two sizes."""
    count = (sizes[1] - sizes[0]) / MSS_BYTES
    return _Speed(count / (large.wall_s - small.wall_s), count / (large.cpu_s - small.cpu_s))
