"""A Plan executed on Linux hosts of this kernel: build, prove, run, collect. Runs inside the cage.

The order is the point: nothing is measured before every setting was read back, every link probed and every recorder
shown to see packets; nothing is stopped before the last packet has had time to arrive.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netemu.errors import VoidRun
from netemu.lab import members, probe, verify
from netemu.lab.cage import current_registry
from netemu.lab.counters import HostCounters, read_counters, write_counters
from netemu.lab.kernel_config import kernel_config
from netemu.lab.members import Member
from netemu.lab.network import Network
from netemu.lab.registry import TRACING
from netemu.lab.start import choose_t0_ns, settle, time_is_virtual
from netemu.lab.stolen import stolen_ns
from netemu.lab.validity import Validity, judge_members, judge_wires
from netemu.lab.wire import RunningWires, start_wires
from netemu.recording.account import write_account
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, Plan

Progress = Callable[[str], None]

GRACE_S = 2.0
"""How long an agent may outlive its stop time before the run is void."""

COLLECT_S = 60.0
"""How long a recorder may take to write what it holds."""

CAPTURE_IN_VIRTUAL_TIME = {"ring_bytes": 4 << 20, "retire_ms": 1000, "nap_ms": 0}
"""The clock waits for who reads a ring, so a full block is soon enough; each wake-up and page costs a guest dear."""


def execute(plan: Plan, recording: Recording, progress: Progress) -> None:
    """Run ``plan`` and leave captures, logs, samples, wires and ``execution.json`` in ``recording``."""
    recording.make_directories()
    progress(f"building {len(plan.nodes)} nodes and {len(plan.links)} wires")
    with (
        Network.build(plan) as network,
        tempfile.TemporaryDirectory(prefix="netemu-") as scratch,
        start_wires(network.wire_sites, recording.wires, plan.seed) as wires,
    ):
        execution = Execution(plan, recording, network, wires, Path(scratch), plan.digest, progress)
        account = execution.prove() | execution.traffic()
    judge_wires(plan, wires.summary, execution.validity, account["stolen_ns"])
    execution.leave_account(account)


@dataclass(slots=True)
class Execution:
    """One plan on a built network with running wires: first the proof, then the traffic, then the account.

    ``digest`` is that of the run's plan, of which ``plan`` may be a part.
    """

    plan: Plan
    recording: Recording
    network: Network
    wires: RunningWires
    scratch: Path
    digest: str
    progress: Progress
    validity: Validity = field(default_factory=Validity)
    recorders: list[Member] = field(default_factory=list)
    agents: list[Member] = field(default_factory=list)
    counters_before: HostCounters | None = None

    def prove(self) -> dict[str, Any]:
        """Read every setting back and probe every link; raises on the first mismatch."""
        # An interface works once linkwatch has seen it, a hundred of them a second (net/core/link_watch.c), whereas in
        # virtual time building takes no time at all.
        settle()
        settings = verify.verify(self.network, self.plan)
        self.progress(f"probing {len(self.plan.links)} links")
        links = probe.probe_links(self.network, self.plan, self.wires.backends)
        self.validity.degradations.extend(probe.unproved(links))
        return {"settings": settings, "links": links}

    def traffic(self) -> dict[str, Any]:
        """Start the recorders and the agents, let them run, end them; their summaries."""
        settle()
        self.start_members()
        stolen_before_ns = stolen_ns()
        t0_ns = choose_t0_ns()
        self.go(t0_ns)
        self.progress(f"traffic of {len(self.agents)} agents, at most {self._stop_ns / 1e9:g} s")
        self.wait_agents(t0_ns)
        time.sleep(self.plan.drain_ns / 1e9)
        stolen = stolen_ns() - stolen_before_ns
        self.progress("collecting captures and samples")
        return {"members": self.collect(), "stolen_ns": stolen}

    def start_members(self) -> None:
        """Start the recorders, then the agents; all are ready when this returns, and the counters read."""
        self.recorders = self._start_recorders()
        members.wait_ready(self.recorders)
        self.agents = [self._start_agent(agent) for agent in self.plan.agents]
        members.wait_ready(self.agents)
        self.counters_before = read_counters(self.network) if self.plan.probes.counters else None

    def go(self, t0_ns: int) -> None:
        """Tell wires and members when traffic begins."""
        self.wires.go(t0_ns)
        for member in [*self.recorders, *self.agents]:
            member.say(f"go {t0_ns}")

    def collect(self) -> dict[str, Any]:
        """Read the counters again and end the recorders; every member's summary, judged."""
        if self.counters_before is not None:
            after = read_counters(self.network)
            write_counters(self.counters_before, after, self.recording.samples / "counters.jsonl")
        # The tracer tells this run's sockets from others by what the sampler has written, so it ends after it.
        self._end([member for member in self.recorders if member.name != "tracing"])
        self._end([member for member in self.recorders if member.name == "tracing"])
        summaries = {member.name: member.summary() for member in [*self.recorders, *self.agents]}
        judge_members(summaries, self.validity)
        return summaries

    def leave_account(self, account: dict[str, Any]) -> None:
        """Write ``execution.json``: ``account``, what the wires gave at their end, the kernel, and the reasons."""
        wires = {link: summary for link, summary in self.wires.summary.items() if link != "void"}
        told = {
            "wires": wires,
            "kernel": running_kernel(),
            "void": [*self.validity.voids, *self.wires.summary["void"]],
            "degraded": self.validity.degradations,
        }
        write_account(self.recording, account | told)

    @property
    def _stop_ns(self) -> int:
        return min(self.plan.duration_ns, max((agent.stop_ns for agent in self.plan.agents), default=0))

    def wait_agents(self, t0_ns: int) -> None:
        """Wait for the agents' own end; those that the plan's duration cuts off are told to stop."""
        deadline = (t0_ns + self._stop_ns) / 1e9
        late = members.wait_end(self.agents, deadline)
        for member in late:
            member.say("stop")
        for member in members.wait_end(late, deadline + GRACE_S):
            raise VoidRun(f"agent {member.name} did not end {GRACE_S:g} s after its stop time: {member.fault()}")

    def _end(self, recorders: Sequence[Member]) -> None:
        for member in recorders:
            member.say("stop")
        for member in members.wait_end(recorders, time.monotonic() + COLLECT_S):
            raise VoidRun(f"{member.name} did not end within {COLLECT_S:g} s of being told to: {member.fault()}")

    def _start_recorders(self) -> list[Member]:
        started = []
        if self.plan.captures:
            started.append(members.start("capture", self._capture_spec(), self.scratch))
        if self.plan.probes.interval_ns:
            started.append(members.start("sampler", self._sampler_spec(), self.scratch))
        registry = current_registry()
        if self.plan.probes.tracepoints and registry is not None and (TRACING / "events" / "tcp").is_dir():
            started.append(members.start("tracing", self._tracing_spec(registry.add_instance()), self.scratch))
        return started

    def _capture_spec(self) -> dict[str, Any]:
        interfaces = [
            {
                "namespace": self.network.namespaces[capture.node].path,
                "node": capture.node,
                "interface": capture.interface,
                "snap_bytes": capture.snap_bytes,
                "output": str(self.recording.captures / f"{capture.interface}.pcapng"),
            }
            for capture in self.plan.captures
        ]
        spec = {
            "program": "capture",
            "interfaces": interfaces,
            "plan_digest": self.digest,
            "seed": self.plan.seed,
        }
        return spec | (CAPTURE_IN_VIRTUAL_TIME if time_is_virtual() else {})

    def _sampler_spec(self) -> dict[str, Any]:
        hosts = [node.name for node in self.plan.nodes if node.role == "host"]
        return {
            "program": "sampler",
            "hosts": [{"node": name, "namespace": self.network.namespaces[name].path} for name in hosts],
            "interval_ns": self.plan.probes.interval_ns,
            "output": str(self.recording.samples / "sockets.jsonl"),
        }

    def _tracing_spec(self, instance: Path) -> dict[str, Any]:
        ends = [end for link in self.plan.links for end in (link.a, link.b)]
        addresses = {
            address.partition("/")[0]: end.node
            for end in ends
            for address in (end.ipv4, end.ipv6)
            if address is not None
        }
        samples = [str(self.recording.samples / "sockets.jsonl")] if self.plan.probes.interval_ns else []
        logs = [str(self.recording.agents / f"{agent.name}.jsonl") for agent in self.plan.agents]
        return {
            "program": "tracing",
            "tracefs": str(TRACING),
            "instance": instance.name,
            "output": str(self.recording.samples / "trace.jsonl"),
            "addresses": addresses,
            "cookies_from": samples + logs,
        }

    def _start_agent(self, agent: AgentSpec) -> Member:
        spec = {
            "name": agent.name,
            "host": agent.host,
            "program": agent.program,
            "args": agent.args,
            "start_ns": agent.start_ns,
            "stop_ns": agent.stop_ns,
            "log": str(self.recording.agents / f"{agent.name}.jsonl"),
        }
        return members.start(agent.name, spec, self.scratch, self.network.namespaces[agent.host])


def running_kernel() -> dict[str, Any]:
    """The kernel that this process runs on: release, version, machine and configuration."""
    system = os.uname()
    return {"release": system.release, "version": system.version, "machine": system.machine, "config": kernel_config()}
