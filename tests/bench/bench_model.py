"""Models in virtual time: data segments a second of a bulk transfer beside ns-3, and whether runs repeat.

``python -m tests.bench.bench_model [--kernel model:linux-7] [--form compiled] [--rounds 3] [--ns3 PYTHON]``; needs no
root. The models' compiled form is built first where it is not there (minutes).

The transfer is that of :mod:`tests.bench.bulk`: the same rate, delay, queue and sizes on both sides, the slope
between two sizes, so that start-up does not count. The sides take turns; of each the least time counts. Exit code 1
when a target is missed.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
from pathlib import Path

from netemu import compiled
from netemu.kernels.build import Effort
from netemu.kernels.model import ModelKernel
from netemu.kernels.model_build import build_model
from netemu.recording.digest import digest
from netemu.recording.layout import Recording
from netemu.specs import Plan
from tests.bench import ns3
from tests.bench.bulk import beside_ns3, bulk_plan

SIZES = (6_000_000, 32_000_000)
TARGETS = {"capture off": 1.0, "capture on": 0.5}


def execute(kernel: str, plan: Plan) -> str | None:
    """Run ``plan``; the digest of all that it left."""
    with tempfile.TemporaryDirectory() as directory:
        recording = Recording(Path(directory))
        ModelKernel(kernel).execute(plan, recording, lambda text: None)
        return digest(recording, "everything")


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
    parser.add_argument("--form", choices=("compiled", "interpreted"), default="compiled")
    parser.add_argument("--only", choices=("speed", "repeats"))
    args = parser.parse_args()
    if args.form == "compiled":
        build_model(functools.partial(print, flush=True), Effort(idle=False))
    os.environ[compiled.VARIABLE] = args.form
    print(f"models: {compiled.form()}")
    results = []
    if args.only in (None, "repeats"):
        print(f"-- repeats: {args.kernel}", flush=True)
        results.append(repeats(args.kernel, args.runs))
    if args.only in (None, "speed"):
        print(f"-- speed: {args.kernel}", flush=True)
        run = functools.partial(execute, args.kernel)
        results.append(beside_ns3(run, ns3.interpreter(args.ns3), args.rounds, SIZES, TARGETS))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
