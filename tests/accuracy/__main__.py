"""``python -m tests.accuracy --seed S --runs N [--kernel K ...] [--json]``: the table.

Exit code 1 when netemu misses what is asked of a class. Without ``--kernel`` the runs are dealt out to several.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from netemu.kernels import kernel_named
from tests.accuracy.batch import Score, judge
from tests.accuracy.lab import discard, run_batch, size_for
from tests.accuracy.table import below_target, figures, lines

KERNELS = ("uml:7.2?time=virtual", "uml:6.12?time=virtual", "uml:6.1?time=virtual", "host")


def batches(kernels: list[str], seed: int, runs: int) -> list[tuple[str, range]]:
    """The seeds ``seed .. seed + runs - 1``, dealt out to the kernels and cut into plans."""
    found = []
    for index, kernel in enumerate(kernels):
        first = seed + runs * index // len(kernels)
        last = seed + runs * (index + 1) // len(kernels)
        pairs = size_for(kernel).pairs
        found += [(kernel, range(start, min(start + pairs, last))) for start in range(first, last, pairs)]
    return found


def measure(kernel: str, seeds: range, keep: Path | None) -> Score:
    """Run and judge one batch."""
    with tempfile.TemporaryDirectory(prefix="netemu-accuracy-") as name:
        batch = run_batch(kernel, seeds, keep or Path(name))
        score = judge(batch, Path(name) if keep is None else batch.recording.root)
        if keep is None:
            discard(batch)
        return score


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--kernel", action="append", help=f"may be repeated (default: {', '.join(KERNELS)})")
    parser.add_argument("--jobs", type=int, default=2, help="guests in virtual time at once")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print the first N misjudgements")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the recordings there")
    args = parser.parse_args()
    scores: dict[str, Score] = {}
    planned = batches(args.kernel or list(KERNELS), args.seed, args.runs)
    parallel = [item for item in planned if kernel_named(item[0]).parallel]
    with ProcessPoolExecutor(args.jobs) as pool:
        waiting = [(kernel, pool.submit(measure, kernel, seeds, args.keep)) for kernel, seeds in parallel]
        for kernel, future in waiting:
            scores.setdefault(kernel, Score()).add(future.result())
    for kernel, seeds in planned:
        if not kernel_named(kernel).parallel:
            scores.setdefault(kernel, Score()).add(measure(kernel, seeds, args.keep))
    if len(scores) > 1:
        total = Score()
        for score in scores.values():
            total.add(score)
        scores["all kernels"] = total
    if args.json:
        print(json.dumps({"seed": args.seed, "runs": args.runs, "kernels": {k: figures(s) for k, s in scores.items()}}))
    else:
        for kernel, score in scores.items():
            print("\n".join(lines(kernel, score)), "\n")
    last = list(scores.values())[-1]
    if last.six is not None and not args.json:
        print("\n".join(lines(f"{list(scores)[-1]}, IPv6 alone", last.six)))
    for text in last.wrong[: args.show]:
        print(text, file=sys.stderr)
    return int(any(below_target(score) for score in scores.values()))


if __name__ == "__main__":
    sys.exit(main())
