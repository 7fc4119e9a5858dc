"""Retransmissions seen in packets against the kernel's own counts, per connection, over seeded lossy runs.

``python -m tests.bench.bench_retransmits [--runs 50] [--seed 1]``. Each run has four connections over one link with
random loss in both directions; loss, rate, delay and congestion control come from the run's seed. For every
connection the analyzer's six classes must add up to tcpi_total_retrans, and all of them to TcpRetransSegs.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from netemu.experiment import Experiment, Run, bulk, small_writes
from netemu.recording.layout import Recording
from netemu.session import run_experiment
from topologies import chain

CLASSES = ("timeout", "fast", "tail_loss_probe", "syn", "syn_ack", "fin")


def lossy(seed: int) -> Experiment:
    """The experiment of one run."""
    draw = random.Random(seed)
    experiment = Experiment("lossy", question="Do packets and kernel count alike?", duration="30s")
    link = {
        "rate": f"{draw.choice((4, 10, 20))}Mbit/s",
        "delay": f"{draw.choice((2, 10, 30))}ms",
        "loss": draw.choice((0.005, 0.01, 0.02, 0.05)),
        "queue": f"{draw.choice((20, 50, 200))}p",
    }
    congestion = [draw.choice(("cubic", "reno", "bbr")) for _ in range(3)]
    experiment.topology(lambda p: chain(mtus=(1500,), **link))
    experiment.traffic(
        lambda p: [
            *(
                bulk(
                    f"bulk{n}", "h1", "h2", size=400_000, sender={"congestion": name}, start=f"{100 * n}ms", stop="25s"
                )
                for n, name in enumerate(congestion)
            ),
            small_writes("small", "h1", "h2", size=200, count=100, gap="10ms", stop="25s"),
        ]
    )
    return experiment


def kernel_counts(recording: Recording) -> dict[str, int]:
    """Flow -> tcpi_total_retrans of the client's socket, from the agents' last look at it."""
    members: dict[str, Any] = json.loads(recording.manifest.read_text())["members"]
    return {
        name.removesuffix(".client"): summary["connections"][0]["tcp_info"]["tcpi_total_retrans"]
        for name, summary in members.items()
        if name.endswith(".client") and summary["connections"]
    }


def compare(recording: Recording) -> tuple[list[str], Counter[str]]:
    """Disagreements of one run, and its retransmissions by class."""
    run = Run(recording)
    found: list[str] = []
    classes: Counter[str] = Counter()
    for flow, kernel in kernel_counts(recording).items():
        row = run.connection(flow, at="h1-eth0")
        classes.update({name: row[f"a_retransmits_{name}"] for name in CLASSES})
        if row["a_retransmitted_segments"] != kernel:
            found.append(f"{flow}: packets show {row['a_retransmitted_segments']}, tcpi_total_retrans is {kernel}")
    for host, side in (("h1", "a"), ("h2", "b")):
        rows = run.table("connections").filter(pl.col("capture") == f"{host}-eth0")
        seen, kernel = int(rows[f"{side}_retransmitted_segments"].sum()), run.counter(host, "TcpRetransSegs")
        if seen != kernel:
            found.append(f"{host}: packets show {seen}, TcpRetransSegs grew by {kernel}")
    return found, classes


def main() -> int:
    """Run, compare, print; exit code 1 when any count differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    disagreements, total = 0, Counter[str]()
    with tempfile.TemporaryDirectory(prefix="netemu-bench-") as directory:
        for seed in range(args.seed, args.seed + args.runs):
            summary = run_experiment(lossy(seed), seed=seed, results=Path(directory))
            if summary.validity == "void":
                print(f"seed {seed}: void: {summary.reasons[0]}")
                disagreements += 1
                continue
            found, classes = compare(Recording(summary.run))
            total += classes
            disagreements += bool(found)
            for line in found:
                print(f"seed {seed}: {line}", flush=True)
    print(f"retransmissions over {args.runs} runs: {sum(total.values())} ({dict(total)})")
    print(f"runs whose counts differ from the kernel's: {disagreements} of {args.runs} (target 0)")
    return int(disagreements > 0)


if __name__ == "__main__":
    sys.exit(main())
