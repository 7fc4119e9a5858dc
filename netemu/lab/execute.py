"""A Plan executed on Linux hosts of this kernel: build, prove, run, collect. Runs inside the cage.

The order is the point: nothing is measured before every setting was read back, every link probed and every recorder
shown to see packets; nothing is stopped before the last packet has had time to arrive.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from netemu.errors import VoidRun
from netemu.lab import members, probe, verify
from netemu.lab.counters import read_counters, write_counters
from netemu.lab.members import Member
from netemu.lab.network import Network
from netemu.lab.validity import Validity, judge_loss, judge_members
from netemu.lab.wire import start_wires
from netemu.recording.layout import Recording
from netemu.specs import AgentSpec, Plan

Progress = Callable[[str], None]

LEAD_NS = 50_000_000
"""From ``go`` to t0: time for every member to read its line before traffic starts."""

GRACE_S = 2.0
"""How long an agent may outlive its stop time before the run is void."""


def execute(plan: Plan, recording: Recording, progress: Progress) -> None:
    """Run ``plan`` and leave captures, logs, samples, wires and ``execution.json`` in ``recording``."""
    for directory in (recording.captures, recording.agents, recording.samples, recording.wires):
        directory.mkdir(exist_ok=True)
    validity = Validity()
    progress(f"building {len(plan.nodes)} nodes and {len(plan.links)} wires")
    with Network.build(plan) as network, tempfile.TemporaryDirectory(prefix="netemu-") as scratch:
        wires = start_wires(network.wire_sites, recording.wires, plan.seed)
        try:
            account = {"settings": verify.verify(network, plan)}
            progress(f"probing {len(plan.links)} links")
            account["links"] = probe.probe_links(network, plan, wires.backends)
            account |= _traffic(plan, recording, network, wires, Path(scratch), progress, validity)
        finally:
            account_wires = wires.stop()
    validity.voids.extend(account_wires.pop("void", []))
    judge_loss(plan, account_wires, validity)
    account |= {"wires": account_wires, "kernel": _kernel(), "void": validity.voids, "degraded": validity.degradations}
    text = json.dumps(account, indent=2, sort_keys=True, default=_plain)
    (recording.root / "execution.json").write_text(text + "\n")


def _traffic(
    plan: Plan,
    recording: Recording,
    network: Network,
    wires: Any,
    scratch: Path,
    progress: Progress,
    validity: Validity,
) -> dict[str, Any]:
    """Start the recorders and the agents, let them run, end them; their summaries."""
    recorders = _start_recorders(plan, recording, network, scratch)
    members.wait_ready(recorders)
    agents = [_start_agent(agent, recording, network, scratch) for agent in plan.agents]
    members.wait_ready(agents)
    before = read_counters(network) if plan.probes.counters else {}
    t0_ns = time.monotonic_ns() + LEAD_NS
    wires.go(t0_ns)
    for member in [*recorders, *agents]:
        member.say(f"go {t0_ns}")
    last_s = max((agent.stop_ns for agent in plan.agents), default=0) / 1e9
    progress(f"traffic of {len(agents)} agents, at most {min(last_s, plan.duration_ns / 1e9):g} s")
    _wait_agents(agents, t0_ns, plan, validity)
    time.sleep(plan.drain_ns / 1e9)
    if plan.probes.counters:
        write_counters(before, read_counters(network), recording.samples / "counters.jsonl")
    for member in recorders:
        member.say("stop")
    progress("collecting captures and samples")
    late = members.wait_end(recorders, time.monotonic() + 60)
    for member in late:
        raise VoidRun(f"{member.name} did not end within 60 s of being told to: {member.fault()}")
    summaries = {member.name: member.summary() for member in [*recorders, *agents]}
    judge_members(plan, summaries, validity)
    return {"members": summaries, "t0_monotonic_ns": t0_ns}


def _wait_agents(agents: Sequence[Member], t0_ns: int, plan: Plan, validity: Validity) -> None:
    """Wait for the agents' own end; those that a plan's duration cuts off are told to stop."""
    stop_ns = min(plan.duration_ns, max((agent.stop_ns for agent in plan.agents), default=0))
    deadline = (t0_ns + stop_ns) / 1e9 + GRACE_S
    late = members.wait_end(agents, deadline)
    for member in late:
        member.say("stop")
    for member in members.wait_end(late, deadline + GRACE_S):
        raise VoidRun(f"agent {member.name} did not end {2 * GRACE_S:g} s after its stop time: {member.fault()}")


def _start_recorders(plan: Plan, recording: Recording, network: Network, scratch: Path) -> list[Member]:
    started = []
    if plan.captures:
        interfaces = [
            {
                "namespace": network.namespaces[capture.node].path,
                "node": capture.node,
                "interface": capture.interface,
                "snap_bytes": capture.snap_bytes,
                "output": str(recording.captures / f"{capture.interface}.pcapng"),
            }
            for capture in plan.captures
        ]
        spec = {"program": "capture", "interfaces": interfaces, "plan_digest": plan.digest, "seed": plan.seed}
        started.append(members.start("capture", spec, scratch))
    hosts = [
        {"node": node.name, "namespace": network.namespaces[node.name].path} for node in plan.nodes if node.role == "host"
    ]
    if plan.probes.interval_ns:
        spec = {
            "program": "sampler",
            "hosts": hosts,
            "interval_ns": plan.probes.interval_ns,
            "output": str(recording.samples / "sockets.jsonl"),
        }
        started.append(members.start("sampler", spec, scratch))
    return started


def _start_agent(agent: AgentSpec, recording: Recording, network: Network, scratch: Path) -> Member:
    spec = {
        "name": agent.name,
        "host": agent.host,
        "program": agent.program,
        "args": agent.args,
        "start_ns": agent.start_ns,
        "stop_ns": agent.stop_ns,
        "log": str(recording.agents / f"{agent.name}.jsonl"),
    }
    return members.start(agent.name, spec, scratch, network.namespaces[agent.host])


def _kernel() -> dict[str, str]:
    system = os.uname()
    return {"release": system.release, "version": system.version, "machine": system.machine}


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} cannot be written to execution.json")
