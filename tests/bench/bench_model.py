"""Models in virtual time: data segments a second of a bulk transfer beside ns-3, and whether runs repeat.

``python -m tests.bench.bench_model [--kernel model:linux-7] [--rounds 3] [--ns3 PYTHON]``; needs no root.

The transfer is that of :mod:`tests.bench.bench_uml`: the same rate, delay, queue and sizes on both sides, the slope
between two sizes, so that start-up does not count. The sides take turns; of each the least time counts. Exit code 1
when a target is missed.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from netemu.kernels.model import ModelKernel
from netemu.recording.digest import digest
from netemu.recording.layout import Recording
from netemu.specs import Plan
from tests.bench import ns3
from tests.bench.bench_uml import DELAY_NS, MSS_BYTES, QUEUE_PACKETS, RATE_BPS, Cost, bulk_plan, least

SIZES = (6_000_000, 32_000_000)
TARGETS = {"capture off": 1.0, "capture on": 0.5}


def execute(kernel: str, plan: Plan) -> str | None:
    """Run ``plan``; the digest of all that it left."""
    with tempfile.TemporaryDirectory() as directory:
        recording = Recording(Path(directory))
        ModelKernel(kernel).execute(plan, recording, lambda text: None)
        return digest(recording, "everything")


def cost_of(work: Callable[[], object]) -> Cost:
    """Do ``work``, which is done in this process."""
    begun, before = time.monotonic(), time.process_time()
    work()
    return Cost(time.monotonic() - begun, time.process_time() - before)


def slope(costs: dict[int, Cost]) -> tuple[float, float]:
    """Data segments per second of wall time and of processor time, between the two sizes."""
    count = (SIZES[1] - SIZES[0]) / MSS_BYTES
    small, large = costs[SIZES[0]], costs[SIZES[1]]
    return count / (large.wall_s - small.wall_s), count / (large.cpu_s - small.cpu_s)


def speed(kernel: str, python: str, rounds: int) -> bool:
    """Data segments a second with capture off and on, beside ns-3; whether the targets are met."""

    def modelled(size: int, *, capture: bool) -> Cost:
        return cost_of(functools.partial(execute, kernel, bulk_plan(size, capture=capture)))

    def simulated(size: int) -> Cost:
        return Cost(*ns3.transfer(python, size, RATE_BPS, DELAY_NS, QUEUE_PACKETS))

    sides: dict[str, Callable[[int], Cost]] = {
        "ns-3": simulated,
        **{label: functools.partial(modelled, capture=label == "capture on") for label in TARGETS},
    }
    costs: dict[tuple[str, int], list[Cost]] = {}
    for _ in range(rounds):
        for size in SIZES:
            for label, side in sides.items():
                costs.setdefault((label, size), []).append(side(size))
    found = {label: slope({size: least(costs[label, size]) for size in SIZES}) for label in sides}
    for label, (by_wall, by_cpu) in found.items():
        print(f"{label}: {by_wall:,.0f} data segments/s of wall time, {by_cpu:,.0f} of processor time")
    met = True
    for label, target in TARGETS.items():
        by_wall, by_cpu = (ours / theirs for ours, theirs in zip(found[label], found["ns-3"], strict=True))
        met = met and by_wall >= target
        verdict = "ok" if by_wall >= target else "MISSED"
        print(f"{label}: {by_wall:.2f} x ns-3 in wall time (target {target:g}), {by_cpu:.2f} x in CPU time: {verdict}")
    return met


def repeats(kernel: str, runs: int) -> bool:
    """Whether lossy runs of one plan leave the same bytes."""
    plan = bulk_plan(1_000_000, capture=True, loss=0.01)
    found = {execute(kernel, plan) for _ in range(runs)}
    print(f"{runs} runs: {len(found)} different (target 1): {'ok' if len(found) == 1 else 'MISSED'}")
    return len(found) == 1


def main() -> int:
    """Both parts, or the one that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="model:linux-7")
    parser.add_argument("--ns3", metavar="PYTHON", help="an interpreter that can `from ns import ns`")
    parser.add_argument("--rounds", type=int, default=3, help="of speed")
    parser.add_argument("--runs", type=int, default=5, help="of repeats")
    parser.add_argument("--only", choices=("speed", "repeats"))
    args = parser.parse_args()
    results = []
    if args.only in (None, "repeats"):
        print(f"-- repeats: {args.kernel}", flush=True)
        results.append(repeats(args.kernel, args.runs))
    if args.only in (None, "speed"):
        print(f"-- speed: {args.kernel}", flush=True)
        results.append(speed(args.kernel, ns3.interpreter(args.ns3), args.rounds))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
