"""Guests in real time: TCP fills a link of 50 Mbit/s, on each kernel alone and between two guests of different kernels.

``python -m tests.bench.bench_real_time [--kernel uml:6.12 ...] [--rate 50Mbit/s] [--seconds 10]``; needs no root.

Without ``--kernel``: every kernel that netemu built, the newest last, and then the oldest and the newest together
(``uml:7.2?node.h1=5.10``). What is judged is the payload that the reader got after the first second, beside what the
line has room for, and that the run is neither void nor degraded. It shares this machine's processors, so the machine
should have nothing else to do. Exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from netemu.errors import VoidRun
from netemu.kernels.uml import UmlKernel
from netemu.recording.account import read_account
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, LinkDirection, Plan, ProbeSpec, Queue
from netemu.units import parse_rate_bps
from tests.kernels.machines import virtual_kernels
from tests.lab import plans

TARGET = 0.99
"""Of the payload that the line has room for."""
_SETTLED_NS = 10**9
_PAYLOAD_SHARE = 1448 / 1514


def real_time_plan(rate_bps: int, seconds: int) -> Plan:
    """One flow from h1 to h2 that fills a link of ``rate_bps`` for about ``seconds``."""
    link = LinkDirection(rate_bps=rate_bps, delay_ns=5_000_000, queue=Queue(packets=200))
    size_bytes = int(rate_bps / 8 * seconds * _PAYLOAD_SHARE)
    end_ns = (seconds + 10) * 10**9
    send = {"address": "10.0.0.2", "port": 5001, "bytes": size_bytes, "congestion": "cubic", "chunk_bytes": 1 << 18}
    read = {"port": 5001, "chunk_bytes": 1 << 17, "waitall": True}
    return msgspec.structs.replace(
        plans.pair(link),
        agents=(
            AgentSpec("server", "h2", "sink", read, 0, end_ns),
            AgentSpec("client", "h1", "bulk_send", send, 0, end_ns),
        ),
        probes=ProbeSpec(interval_ns=0, counters=False, tracepoints=False),
        duration_ns=end_ns,
    )


def reads_of(recording: Recording, agent: str) -> Iterator[tuple[int, int]]:
    """Of each recv() of ``agent``: when it was asked for, and the bytes that it brought."""
    _, *rows = (recording.agents / f"{agent}.jsonl").read_text().splitlines()
    for row in map(json.loads, rows):
        if row["call"].startswith("recv") and row["done_bytes"]:
            yield row["t_ns"], row["done_bytes"]


def goodput_bps(reads: list[tuple[int, int]]) -> float:
    """Payload a second, from the first call after the first second to the last one."""
    settled = [read for read in reads if read[0] >= _SETTLED_NS]
    return sum(count for _, count in settled[:-1]) * 8e9 / (settled[-1][0] - settled[0][0])


def judge(kernel: str, plan: Plan, room_bps: float) -> bool:
    """Run ``plan`` and print what came of it; whether the target is met."""
    with tempfile.TemporaryDirectory() as directory:
        recording = Recording(Path(directory))
        try:
            UmlKernel(kernel).execute(plan, recording, lambda text: None)
        except VoidRun as error:
            print(f"{kernel}: no traffic, for a link did not prove what was asked: MISSED\n    {error}", flush=True)
            return False
        found_bps = goodput_bps(list(reads_of(recording, "server")))
        account = read_account(recording)
    reasons = [*account["void"], *account["degraded"]]
    met = found_bps >= TARGET * room_bps and not reasons
    print(
        f"{kernel}: {found_bps / 1e6:.2f} of {room_bps / 1e6:.2f} Mbit/s of payload (target {TARGET:.0%}),"
        f" {account['stolen_ns'] / 1e6:.0f} ms withheld by a hypervisor: {'ok' if met else 'MISSED'}",
        flush=True,
    )
    for reason in reasons:
        print(f"    {reason}")
    return met


def main() -> int:
    """Every kernel that was asked for, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", action="append", help="may be given several times")
    parser.add_argument("--rate", default="50Mbit/s")
    parser.add_argument("--seconds", type=int, default=10)
    args = parser.parse_args()
    rate_bps = parse_rate_bps(args.rate, "--rate")
    versions = [entry.manifest.version for entry in reversed(virtual_kernels())]
    alone = [f"uml:{version}" for version in versions]
    mixed = [f"{alone[-1]}?node.h1={versions[0]}"] if len(versions) > 1 else []
    kernels = args.kernel or [*alone, *mixed]
    if not kernels:
        print("no kernel that netemu built is in the cache: netemu kernels build 7.2")
        return 1
    plan = real_time_plan(rate_bps, args.seconds)
    print(f"one flow over {args.rate} for {args.seconds} s")
    results = [judge(kernel, plan, rate_bps * _PAYLOAD_SHARE) for kernel in kernels]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
