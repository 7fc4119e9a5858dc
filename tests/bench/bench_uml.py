"""User-Mode Linux in virtual time: data segments a second beside ns-3, start-up, exactness, and whether runs repeat.

``python -m tests.bench.bench_uml [--kernel uml:7.2?time=virtual ...] [--only speed] [--ns3 PYTHON]``; needs no root.

- *speed*: data segments a second of a bulk transfer beside ns-3 (:mod:`tests.bench.bulk`).
- *starts*: wall time from power-on to traffic, probing included.
- *exact*: delays and rates of netem, asked and measured (:mod:`tests.bench.exact`).
- *repeats*: runs beside four busy loops, how many different results.

Without ``--kernel``: the newest in the cache with virtual time, and all of them for *exact*. Without ``--ns3`` an
environment with ns-3 is made below the cache (:mod:`tests.bench.ns3`). Exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from netemu.kernels.uml import UmlKernel
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, LinkDirection, Plan, ProbeSpec
from tests.bench import exact, ns3
from tests.bench.bulk import DELAY_NS, RATE_BPS, beside_ns3, bulk_plan, cost_of
from tests.kernels.machines import virtual_kernels
from tests.lab import plans

SIZES = (26_000_000, 390_000_000)
STARTS = {2: 3.5, 10: 5.0, 50: 15.0}
TARGETS = {"capture off": 4.0, "capture on": 1.5}


@contextlib.contextmanager
def executed(kernel: str, plan: Plan, progress: Callable[[str], None] = lambda text: None) -> Iterator[Recording]:
    """Run ``plan`` in a directory of its own; what it left is there within the ``with``."""
    with tempfile.TemporaryDirectory() as directory:
        recording = Recording(Path(directory))
        UmlKernel(kernel).execute(plan, recording, progress)
        yield recording


def execute(kernel: str, plan: Plan, progress: Callable[[str], None] = lambda text: None) -> None:
    """Run ``plan`` and forget what it left."""
    with executed(kernel, plan, progress):
        pass


def digest_of(kernel: str, plan: Plan) -> str:
    """The SHA-256 of all that a run of ``plan`` leaves."""
    with executed(kernel, plan) as recording:
        files = sorted(path for path in recording.root.rglob("*") if path.is_file())
        found = {str(path.relative_to(recording.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def speed(kernel: str, python: str, rounds: int) -> bool:
    """The bulk transfer beside ns-3."""
    return beside_ns3(functools.partial(execute, kernel), python, rounds, SIZES, TARGETS)


def starts(kernel: str) -> bool:
    """Wall time from power-on to traffic, probing included, for stars of some sizes."""
    met = True
    for hosts, target in STARTS.items():
        plan = msgspec.structs.replace(
            plans.star(hosts, LinkDirection(rate_bps=RATE_BPS, delay_ns=DELAY_NS)),
            agents=(AgentSpec("server", "h2", "sink", {"port": 5001}, 0, 10**9),),
            probes=ProbeSpec(interval_ns=0, counters=False, tracepoints=False),
        )
        stages: list[tuple[str, float]] = []
        begun = time.monotonic()
        work = functools.partial(execute, kernel, plan, _Stages(stages))
        cost = cost_of(work)
        traffic_s = next(when for text, when in stages if text.startswith("traffic")) - begun
        met = met and traffic_s <= target
        verdict = "ok" if traffic_s <= target else "MISSED"
        print(
            f"{hosts} hosts: traffic after {traffic_s:.2f} s (target {target:g} s): {verdict}; the run took"
            f" {cost.cpu_s:.2f} s of processor time"
        )
    return met


class _Stages:
    """Progress that notes when each step began."""

    def __init__(self, seen: list[tuple[str, float]]) -> None:
        self._seen = seen

    def __call__(self, text: str) -> None:
        self._seen.append((text, time.monotonic()))


def repeats(kernel: str, runs: int) -> bool:
    """Runs with four busy loops beside them: how many different results."""
    loops = [multiprocessing.get_context("spawn").Process(target=_spin, daemon=True) for _ in range(4)]
    plan = bulk_plan(2_000_000, capture=True, loss=0.01)
    found: dict[str, int] = {}
    try:
        for loop in loops:
            loop.start()
        for _ in range(runs):
            digest = digest_of(kernel, plan)
            found[digest] = found.get(digest, 0) + 1
    finally:
        for loop in loops:
            loop.kill()
    print(
        f"{runs} runs beside 4 busy loops: {len(found)} different (target 1): {'ok' if len(found) == 1 else 'MISSED'}"
    )
    return len(found) == 1


def _spin() -> None:
    while True:
        pass


def exactness(kernel: str) -> bool:
    """Delays and rates of netem, asked and measured."""
    with executed(kernel, exact.plan()) as recording:
        found = list(exact.judge(recording))
    print("\n".join(line for _, line in found))
    return all(met for met, _ in found)


def main() -> int:
    """All parts, or the one that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", action="append", help="may be given several times")
    parser.add_argument("--ns3", metavar="PYTHON", help="an interpreter that can `from ns import ns`")
    parser.add_argument("--rounds", type=int, default=3, help="of speed")
    parser.add_argument("--runs", type=int, default=20, help="of repeats")
    parser.add_argument("--only", choices=("speed", "starts", "exact", "repeats"))
    args = parser.parse_args()
    there = [f"uml:{entry.manifest.version}?time=virtual" for entry in virtual_kernels()]
    if not (args.kernel or there):
        print("no kernel with virtual time is in the cache: netemu kernels build 7.2")
        return 1
    newest = args.kernel or there[:1]
    python = ns3.interpreter(args.ns3) if args.only in (None, "speed") else ""
    parts: dict[str, tuple[Callable[[str], bool], list[str]]] = {
        "starts": (starts, newest),
        "exact": (exactness, args.kernel or there),
        "repeats": (functools.partial(repeats, runs=args.runs), newest),
        "speed": (functools.partial(speed, python=python, rounds=args.rounds), newest),
    }
    results = []
    for name, (part, kernels) in parts.items():
        for kernel in kernels if args.only in (None, name) else ():
            print(f"-- {name}: {kernel}", flush=True)
            results.append(part(kernel))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
