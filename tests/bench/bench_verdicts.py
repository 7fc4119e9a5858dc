"""Retransmission classes against the kernel's counters, over seeded runs on bad paths; other tools beside it.

``python -m tests.bench.bench_verdicts [--runs 50] [--seed 1000] [--json]``. Each run is one connection in its own
namespaces, its loss, delay, reordering, duplication, blackout, congestion control and write pattern drawn from the
seed. TCPFastRetrans, TCPSlowStartRetrans, TCPTimeouts and TCPSynRetrans of the sender say what each class must be.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from netemu.trace import analyze
from tests.trace.rig import Transfer, run

TSHARK_FILTER = (
    "tcp.analysis.retransmission || tcp.analysis.fast_retransmission || tcp.analysis.spurious_retransmission"
)


def draw(seed: int) -> Transfer:
    """The path and the traffic of one run."""
    rng = random.Random(seed)
    options: dict[str, Any] = {
        "send_bytes": rng.choice((20_000, 100_000, 300_000, 800_000)),
        "delay_ms": rng.choice((0.5, 5, 10, 40)),
        "loss": rng.choice((0.01, 0.03, 0.08, 0.15)),
        "ack_loss": rng.choice((0, 0, 0.02, 0.1)),
        "congestion": rng.choice(("cubic", "reno", "bbr")),
    }
    if rng.random() < 0.3:
        options |= {"write_bytes": rng.choice((200, 1448, 5000)), "gap_ms": rng.choice((1, 5, 20))}
        options["send_bytes"] //= 10
    for chance, choice in (
        (0.2, {"reorder": 0.05}),
        (0.15, {"duplicate": 0.03}),
        (0.2, {"blackout": (0.1, 0.1 + rng.choice((0.2, 0.5, 1.0)))}),
        (0.15, {"spike_ms": rng.choice((100, 300))}),
        (0.1, {"timestamps": False}),
        (0.1, {"sack": False}),
    ):
        if rng.random() < chance:
            options |= choice
    return Transfer(seed=seed, **options)


def by_kernel(counters: dict[str, int]) -> dict[str, int]:
    """The sender's counters as classes; a probe's retransmissions and bare FINs are what is left of RetransSegs."""
    fast, syn = counters["TcpExtTCPFastRetrans"], counters["TcpExtTCPSynRetrans"]
    timeout = counters["TcpExtTCPSlowStartRetrans"] + counters["TcpExtTCPTimeouts"] - syn
    total = counters["TcpRetransSegs"]
    return {"total": total, "fast": fast, "timeout": timeout, "syn": syn, "probe or fin": total - fast - timeout - syn}


def by_packets(row: dict[str, Any]) -> dict[str, int]:
    """The same from the analysis."""
    return {
        "total": row["a_retransmitted_segments"],
        "fast": row["a_retransmits_fast"],
        "timeout": row["a_retransmits_timeout"],
        "syn": row["a_retransmits_syn"],
        "probe or fin": row["a_retransmits_tail_loss_probe"] + row["a_retransmits_fin"],
    }


def by_tshark(capture: Path) -> int:
    """Every frame of the sender that tshark calls a retransmission of any kind."""
    words = ["tshark", "-n", "-r", str(capture), "-Y", f"({TSHARK_FILTER}) && ip.src == 10.77.0.1"]
    return len(subprocess.run(words, capture_output=True, check=True).stdout.splitlines())


def by_tcptrace(capture: Path) -> int:
    """The first direction's retransmitted packets."""
    text = subprocess.run(["tcptrace", "-ln", str(capture)], capture_output=True, text=True, check=True).stdout
    found = re.search(r"rexmt data pkts:\s+(\d+)", text)
    return int(found[1]) if found else 0


def measure(seeds: range) -> dict[str, Any]:
    """Sums over all runs: kernel, packets, the sum of differences per run, and runs that agree wholly."""
    kernel: Counter[str] = Counter()
    packets: Counter[str] = Counter()
    apart: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="netemu-bench-") as name:
            counters = run(draw(seed), Path(name))["counters"]["a"]
            capture = Path(name) / "a.pcap"
            rows = analyze([capture]).connections.to_dicts()
            theirs, ours = by_kernel(counters), by_packets(rows[0])
            others = {"tshark": by_tshark(capture), "tcptrace": by_tcptrace(capture)}
        kernel.update(theirs)
        packets.update(ours | others)
        apart.update({name: abs(ours[name] - theirs[name]) for name in theirs})
        equal.update({name: int(ours[name] == theirs[name]) for name in theirs})
        equal.update({name: int(count == theirs["total"]) for name, count in others.items()})
    return {"runs": len(seeds), "kernel": kernel, "packets": packets, "apart": apart, "equal": equal}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    result = measure(range(args.seed, args.seed + args.runs))
    if args.json:
        print(json.dumps(result))
    else:
        print(f"{'':<14}{'kernel':>8}{'packets':>9}{'apart':>7}{'runs equal':>12}   target")
        for name, count in result["kernel"].items():
            target = "every run" if name == "total" else "apart <= 1 %"
            line = (
                f"{name:<14}{count:>8}{result['packets'][name]:>9}{result['apart'][name]:>7}{result['equal'][name]:>12}"
            )
            print(f"{line}   {target}")
        for name in ("tshark", "tcptrace"):
            print(
                f"{name:<14}{result['kernel']['total']:>8}{result['packets'][name]:>9}"
                f"{'':>7}{result['equal'][name]:>12}   totals only"
            )
    return 0 if result["apart"]["total"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
