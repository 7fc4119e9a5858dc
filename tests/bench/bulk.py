"""The bulk transfer that a kernel and ns-3 both carry, and the race between them: data segments a second.

The sides take turns; of each the least time counts, since what else this machine does only adds. The slope between two
sizes leaves start-up out. Wall time is judged, processor time (of all processes) stands beside it.
"""

from __future__ import annotations

import functools
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from netemu.specs import AgentSpec, CaptureSpec, FixedLoss, LinkDirection, Plan, ProbeSpec, Queue
from tests.bench import ns3
from tests.lab import plans

RATE_BPS, DELAY_NS, QUEUE_PACKETS, MSS_BYTES = 20_000_000, 20_000_000, 100, 1448
DURATION_NS = 200 * 10**9


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
    return msgspec.structs.replace(
        plans.pair(link),
        agents=(
            AgentSpec(
                "t.server", "h2", "sink", {"port": 5001, "chunk_bytes": 1 << 20, "waitall": True}, 0, DURATION_NS
            ),
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
    costs: dict[str, tuple[list[Cost], list[Cost]]] = {label: ([], []) for label in sides}
    for _ in range(rounds):
        for number, size in enumerate(sizes):
            for label, side in sides.items():
                costs[label][number].append(side(size))
    found = {label: _slope(sizes, _least(small), _least(large)) for label, (small, large) in costs.items()}
    for label, (by_wall, by_cpu) in found.items():
        print(f"{label}: {by_wall:,.0f} data segments/s of wall time, {by_cpu:,.0f} of processor time")
    met = True
    for label, target in targets.items():
        by_wall, by_cpu = (mine / other for mine, other in zip(found[label], found["ns-3"], strict=True))
        met = met and by_wall >= target
        verdict = "ok" if by_wall >= target else "MISSED"
        print(f"{label}: {by_wall:.2f} x ns-3 in wall time (target {target:g}), {by_cpu:.2f} x in CPU time: {verdict}")
    return met


def _least(costs: Sequence[Cost]) -> Cost:
    """The least wall time and the least processor time."""
    return Cost(min(cost.wall_s for cost in costs), min(cost.cpu_s for cost in costs))


def _slope(sizes: tuple[int, int], small: Cost, large: Cost) -> tuple[float, float]:
    """Data segments per second of wall time and of processor time, between the two sizes."""
    count = (sizes[1] - sizes[0]) / MSS_BYTES
    return count / (large.wall_s - small.wall_s), count / (large.cpu_s - small.cpu_s)
