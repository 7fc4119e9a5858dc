"""User-Mode Linux in virtual time: data segments a second beside ns-3, start-up, and whether runs repeat to the byte.

``python -m tests.bench.bench_uml [--kernel uml:7.2?time=virtual] [--ns3 PYTHON] [--runs 20] [--only speed]``; needs no
root. ``--ns3`` names an interpreter that can ``import ns`` (``pip install ns3``, in an environment of its own): the
same bulk transfer at the same rate, delay and queue. Speed is the slope between two transfer sizes, so start-up does
not count, in processor time (user and system, of all processes): what else this machine does cannot be seen in it; wall
times stand beside it. Exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from netemu.kernels.uml import UmlKernel
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, CaptureSpec, FixedLoss, LinkDirection, Plan, ProbeSpec, Queue
from tests.lab import plans

RATE_BPS, DELAY_NS, QUEUE_PACKETS, MSS_BYTES = 20_000_000, 20_000_000, 100, 1448
SIZES = (26_000_000, 104_000_000)
STARTS = {2: 3.5, 10: 5.0, 50: 15.0}
TARGETS = {"capture off": 4.0, "capture on": 1.5}
DURATION_NS = 120 * 10**9


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took: seconds of this machine's time, and of its processors."""

    wall_s: float
    cpu_s: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Do ``work`` and all that its child processes do."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

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


def execute(kernel: str, plan: Plan, progress: Callable[[str], None] = lambda text: None) -> dict[str, str]:
    """Run ``plan`` in a directory of its own; the SHA-256 of every file it left."""
    with tempfile.TemporaryDirectory() as directory:
        UmlKernel(kernel).execute(plan, Recording(Path(directory)), progress)
        files = sorted(path for path in Path(directory).rglob("*") if path.is_file())
        return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def slope(costs: Sequence[Cost]) -> tuple[float, float]:
    """Data segments per second of processor time and of wall time, between the two sizes."""
    count = (SIZES[1] - SIZES[0]) / MSS_BYTES
    return count / (costs[1].cpu_s - costs[0].cpu_s), count / (costs[1].wall_s - costs[0].wall_s)


def emulated(kernel: str, *, capture: bool) -> tuple[float, float]:
    """The slope of netemu's runs."""
    costs = [cost_of(functools.partial(execute, kernel, bulk_plan(size, capture=capture))) for size in SIZES]
    return slope(costs)


def simulated(ns3: str) -> tuple[float, float]:
    """The slope of ns-3's runs."""
    costs = []
    for size in SIZES:
        argv = [ns3, "-c", NS3, str(size), f"{RATE_BPS}bps", f"{DELAY_NS}ns", f"{QUEUE_PACKETS}p"]
        output = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        answer = json.loads(output.splitlines()[-1])
        assert answer["received_bytes"] == size, answer
        costs.append(Cost(answer["wall_s"], answer["cpu_s"]))
    return slope(costs)


def speed(kernel: str, ns3: str | None) -> bool:
    """Data segments a second with capture off and on, beside ns-3; whether the targets are met."""
    found = {label: emulated(kernel, capture=label == "capture on") for label in TARGETS}
    if ns3 is not None:
        found["ns-3"] = simulated(ns3)
    for label, (by_cpu, by_wall) in found.items():
        print(f"{label}: {by_cpu:,.0f} data segments/s of processor time, {by_wall:,.0f} of wall time")
    if ns3 is None:
        print("ns-3: not measured (pip install ns3 in an environment of its own, then --ns3 PYTHON)")
        return True
    ratios = {label: found[label][0] / found["ns-3"][0] for label in TARGETS}
    for label, target in TARGETS.items():
        print(
            f"{label}: {ratios[label]:.2f} x ns-3 (target {target:g}): {'ok' if ratios[label] >= target else 'MISSED'}"
        )
    return all(ratios[label] >= target for label, target in TARGETS.items())


NS3 = """
import json, sys, time
from ns import ns
size, rate, delay, queue = sys.argv[1:]
ns.Config.SetDefault("ns3::TcpSocket::SegmentSize", ns.UintegerValue(1448))
ns.Config.SetDefault("ns3::TcpSocket::SndBufSize", ns.UintegerValue(4 << 20))
ns.Config.SetDefault("ns3::TcpSocket::RcvBufSize", ns.UintegerValue(6 << 20))
nodes = ns.NodeContainer()
nodes.Create(2)
link = ns.PointToPointHelper()
link.SetDeviceAttribute("DataRate", ns.StringValue(rate))
link.SetChannelAttribute("Delay", ns.StringValue(delay))
link.SetQueue("ns3::DropTailQueue", "MaxSize", ns.StringValue(queue))
devices = link.Install(nodes)
ns.InternetStackHelper().Install(nodes)
addresses = ns.Ipv4AddressHelper()
addresses.SetBase(ns.Ipv4Address("10.0.0.0"), ns.Ipv4Mask("255.255.255.0"))
interfaces = addresses.Assign(devices)
kind = "ns3::TcpSocketFactory"
sink = ns.PacketSinkHelper(kind, ns.InetSocketAddress(ns.Ipv4Address.GetAny(), 5000).ConvertTo()).Install(nodes.Get(1))
sink.Start(ns.Seconds(0))
sender = ns.BulkSendHelper(kind, ns.InetSocketAddress(interfaces.GetAddress(1), 5000).ConvertTo())
sender.SetAttribute("MaxBytes", ns.UintegerValue(int(size)))
sender.SetAttribute("SendSize", ns.UintegerValue(1448))
sender.Install(nodes.Get(0)).Start(ns.Seconds(0))
wall, cpu = time.perf_counter(), time.process_time()
ns.Simulator.Stop(ns.Seconds(1000))
ns.Simulator.Run()
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"wall_s": wall, "cpu_s": cpu, "received_bytes": int(sink.Get(0).GetTotalRx())}))
"""


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
            digest = hashlib.sha256(json.dumps(execute(kernel, plan), sort_keys=True).encode()).hexdigest()
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


def main() -> int:
    """All three, or the one that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="uml:7.2?time=virtual")
    parser.add_argument("--ns3", metavar="PYTHON")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--only", choices=("speed", "starts", "repeats"))
    args = parser.parse_args()
    parts = {
        "starts": lambda: starts(args.kernel),
        "repeats": lambda: repeats(args.kernel, args.runs),
        "speed": lambda: speed(args.kernel, args.ns3),
    }
    results = [part() for name, part in parts.items() if args.only in (None, name)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
