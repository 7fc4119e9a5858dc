"""Many runs in one plan: pairs of hosts that share a kernel and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx

from netemu.experiment import Experiment
from netemu.kernels import kernel_named
from netemu.recording.account import read_account
from netemu.recording.layout import Recording
from netemu.results import store
from netemu.specs import Plan, ProbeSpec
from tests.accuracy.scenario import Pair, draw


@dataclass(frozen=True)
class Size:
    """How many pairs go into a plan, and how long a flow may take: real time has to be waited for."""

    pairs: int
    stop_s: int


VIRTUAL, REAL = Size(20, 40), Size(8, 7)


def size_for(kernel: str) -> Size:
    return VIRTUAL if "time=virtual" in kernel else REAL


def plan_of(pairs: Sequence[Pair], stop_s: int, *, sampled: bool) -> Plan:
    """The plan of these pairs. ``sampled``: sockets are, to tell tracepoints of others on this machine apart."""
    graph = nx.Graph(ipv6=True)
    for pair in pairs:
        for host in pair.hosts:
            graph.add_node(host, sysctls=pair.sysctls.get(host, {}))
        graph.add_edge(*pair.hosts, **pair.edge)
    experiment = Experiment(
        "accuracy",
        question="What did the kernels and the wires do?",
        probes=ProbeSpec(interval_ns=20_000_000 if sampled else 0),
        duration=f"{stop_s + 2}s",
        drain="500ms",
    )
    experiment.topology(lambda p: graph)
    experiment.traffic(lambda p: [pair.flow for pair in pairs if pair.flow is not None])
    return experiment.plan(seed=pairs[0].seed)


@dataclass(frozen=True)
class Batch:
    """A finished plan: where its captures, samples and counters are, whose they are, and why it may be void."""

    kernel: str
    pairs: tuple[Pair, ...]
    recording: Recording
    void: tuple[str, ...]


def run_batch(kernel: str, seeds: range, results: Path) -> Batch:
    """Run the pairs of ``seeds`` in one plan; whoever is done with the batch calls :func:`discard`."""
    size = size_for(kernel)
    pairs = tuple(draw(seed, number, size.stop_s) for number, seed in enumerate(seeds, 1))
    plan = plan_of(pairs, size.stop_s, sampled=kernel == "host")
    recording = store.begin(results, plan.experiment, plan.digest)
    executor = kernel_named(kernel)
    with executor.guarded(recording.root):
        executor.execute(plan, recording, lambda line: None)
        void = tuple(read_account(recording)["void"])
        recording = store.finish(recording)
    return Batch(kernel, pairs, recording, void)


def discard(batch: Batch) -> None:
    shutil.rmtree(batch.recording.root)
