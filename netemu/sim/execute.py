"""A Plan executed on models in virtual time: refuse, build, run, collect; the order is that of netemu.lab.execute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any

from netemu.errors import MissingCapability, VoidRun
from netemu.recording.account import write_account
from netemu.sim.agent import Agent
from netemu.sim.engine import Engine
from netemu.sim.network import Network
from netemu.sim.samples import Sampler, read_counters, write_counters
from netemu.sim.settings import links, settings
from netemu.sim.tracing import Tracer
from netemu.stack.stack import LinuxStack

if TYPE_CHECKING:
    from netemu.recording.layout import Recording
    from netemu.specs import Plan
    from netemu.stack.profile import Profile

Progress = Callable[[str], None]

READY_BEFORE_NS = 9_000_000_000
"""How long before t0 the agents' sockets are bound, as in a guest in virtual time."""

GRACE_NS = 2_000_000_000
"""How long an agent may outlive its stop time before the run is void."""


def execute(plan: Plan, profile: Profile, recording: Recording, progress: Progress, kernel: Mapping[str, Any]) -> None:
    """Run ``plan`` and leave captures, logs, samples, wires and ``execution.json`` in ``recording``.

    ``kernel``: what the account says of the kernel.

    :raises MissingCapability: the plan asks for what a model cannot do; nothing was run.
    :raises VoidRun: an agent would not end.
    """
    refuse(plan)
    recording.make_directories()
    progress(f"building {len(plan.nodes)} nodes and {len(plan.links)} wires")
    run = Run(plan, profile, recording)
    run.prepare()
    progress(f"traffic of {len(plan.agents)} agents, at most {run.stop_ns / 1e9:g} s")
    run.traffic()
    run.drain()
    progress("collecting captures and samples")
    write_account(recording, run.collect(kernel))


def refuse(plan: Plan) -> None:
    """Raise :class:`MissingCapability` for what a model cannot do, by its name."""
    for link in plan.links:
        if link.backend == "netem":
            raise MissingCapability(
                f"link {link.name}: backend 'netem' is the Linux kernel's, and a model has none: use 'auto'"
            )
        if link.offloads:
            raise MissingCapability(
                f"link {link.name}: offloads are on, and models send each segment by itself: use a real kernel"
            )
    known = {
        str(ip_interface(address).ip)
        for link in plan.links
        for end in (link.a, link.b)
        for address in (end.ipv4, end.ipv6)
        if address is not None
    }
    for agent in plan.agents:
        address = agent.args.get("address")
        if address is not None and address not in known | {"0.0.0.0", "::", "::1"} and not address.startswith("127."):
            raise MissingCapability(
                f"agent {agent.name!r}: nobody has the address {address}, and a model asks nobody who has (no ARP):"
                " use a real kernel"
            )


class Run:
    """One execution; ``stop_ns`` since t0: when the last agent is told to stop."""

    def __init__(self, plan: Plan, profile: Profile, recording: Recording) -> None:
        self.plan, self.recording = plan, recording
        self.t0_ns = profile.t0_after_boot_ns
        self.stop_ns = min(plan.duration_ns, max((agent.stop_ns for agent in plan.agents), default=0))
        self.engine = Engine(max(0, self.t0_ns - READY_BEFORE_NS))
        self.network = Network(plan, profile, self.engine, self.t0_ns)
        self.agents: list[Agent] = []
        self._sampler: Sampler | None = None
        self._tracer: Tracer | None = None
        self._before = {name: {} for name in self.network.hosts}  # type: dict[str, dict[str, int]]

    def prepare(self) -> None:
        """Open the recorders, start the agents up to their ``ready``, read the counters."""
        plan, engine = self.plan, self.engine
        self.network.capture(self.recording, plan.digest)
        samples = self.recording.samples
        if plan.probes.interval_ns:
            hosts = [self.network.hosts[node.name] for node in plan.nodes if node.role == "host"]
            path = samples / "sockets.jsonl"
            self._sampler = Sampler(engine, hosts, plan.probes.interval_ns, path, self.t0_ns)
        if plan.probes.tracepoints:
            self._tracer = Tracer(engine, samples / "trace.jsonl", self.t0_ns)
            for host in self.network.hosts.values():
                host.on_trace = self._tracer.note
        for host in self.network.hosts.values():
            if isinstance(host.stack, LinuxStack):
                host.stack.tracing = plan.probes.tracepoints
        for spec in plan.agents:
            log = self.recording.agents / f"{spec.name}.jsonl"
            agent = Agent(spec, self.network.hosts[spec.host], engine, log, self.t0_ns)
            agent.on_end = self._agent_ended
            agent.prepare()
            self.agents.append(agent)
        if plan.probes.counters:
            self._before = read_counters(self.network.hosts)

    def traffic(self) -> None:
        """Run until every agent has ended."""
        for agent in self.agents:
            if agent.session.is_ready and agent.summary is None:
                agent.go(self.t0_ns)
        if self._sampler is not None:
            self._sampler.start()
        self.engine.run(self.t0_ns)
        self.engine.run(self.t0_ns + self.stop_ns)
        if self._running():
            for agent in self._running():
                agent.stop("stop")
            self.engine.run(self.t0_ns + self.stop_ns + GRACE_NS)
        for agent in self._running():
            raise VoidRun(f"agent {agent.spec.name} did not end {GRACE_NS / 1e9:g} s after its stop time")

    def drain(self) -> None:
        """Let the last packets arrive."""
        self.engine.run(self.engine.now_ns + self.plan.drain_ns)

    def collect(self, kernel: Mapping[str, Any]) -> dict[str, Any]:
        """End the recorders and write the wires' accounts; the content of ``execution.json``."""
        if self.plan.probes.counters:
            write_counters(self._before, read_counters(self.network.hosts), self.recording.samples / "counters.jsonl")
        members: dict[str, Any] = {agent.spec.name: agent.summary for agent in self.agents}
        if self.network.captures:
            interfaces = [capture.finish() for capture in self.network.captures]
            members["capture"] = {"program": "capture", "interfaces": interfaces, "void": []}
        if self._sampler is not None:
            members["sampler"] = self._sampler.finish()
        if self._tracer is not None:
            members["tracing"] = self._tracer.finish()
        wires = self.network.finish_wires(self.recording.wires)
        return {
            "members": members,
            "wires": wires,
            "links": links(self.plan),
            "settings": settings(self.network),
            "stolen_ns": 0,
            **kernel,
            "void": [],
            "degraded": [
                f"link {link} {name}: {rule} never met its packet"
                for link, wire in wires.items()
                for name, direction in wire["directions"].items()
                for rule in direction["unmet_drops"]
            ],
        }

    def _running(self) -> list[Agent]:
        return [agent for agent in self.agents if agent.summary is None]

    def _agent_ended(self) -> None:
        self.engine.stopped = not self._running()
