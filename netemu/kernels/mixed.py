"""A plan whose nodes run on several kernels at once, in real time: a guest for each, a relay between them.

::

    guest A: h1-eth0 -- half wire -- vec0 ==socket== relay ==socket== vec0 -- half wire -- h2-eth0 :guest B

Links within a guest are its own affair, as in a run on one kernel. Those that cross are carried by the relay on this
machine, exact and seeded, and are proved like any other. All of it is an ordinary user's.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from netemu.errors import VoidRun
from netemu.kernels.mixed_guests import PartGuest, PartGuests, Setup
from netemu.kernels.mixed_merge import merge_members, merge_recordings, merge_settings
from netemu.kernels.mixed_plan import Group, groups_of, kernel_of_nodes, links_between
from netemu.kernels.mixed_probe import CrossingLinks
from netemu.kernels.ready import module_files
from netemu.kernels.store import open_store
from netemu.kernels.uml import options_for
from netemu.kernels.uml_boot import Machine, memory_place
from netemu.lab.part_network import device_mtu_bytes
from netemu.lab.probe import unproved
from netemu.lab.relay_socket import guest_socket_pair
from netemu.lab.stolen import stolen_ns
from netemu.lab.tsc import Offset, Reading, offset_of, read_clock, require_common_counter
from netemu.lab.validity import LATENESS_NS, Validity, judge_wires
from netemu.lab.wire_relay import RelayWires, SocketSite
from netemu.recording.account import read_account, write_account
from netemu.recording.layout import Recording
from netemu.specs import LinkSpec, Plan, to_json

Progress = Callable[[str], None]

LEAD_NS = 200_000_000
"""From the choice of t0 to t0: time for every guest to hear of it."""

BUILD_S = 300.0
STEP_S = 120.0
GRACE_S = 30.0


def execute_mixed(kernel: str, given: Mapping[str, str], plan: Plan, recording: Recording, progress: Progress) -> None:
    """Run ``plan`` on the kernels that its nodes ask for, and leave what :meth:`UmlKernel.execute` leaves.

    ``kernel`` is the run's, for nodes that ask for none; ``given`` says for some nodes what counts instead of their
    attribute. Raises as :meth:`netemu.kernels.Kernel.execute`.
    """
    require_common_counter()
    groups = groups_of(plan, kernel_of_nodes(plan, kernel, given), open_store())
    links = links_between(plan, groups)
    for group in groups:
        group.entry.verify()
    memory_place(sum(group.options.memory_bytes for group in groups), recording.root)
    recording.plan.write_text(to_json(plan))
    recording.make_directories()
    with contextlib.ExitStack() as stack:
        pairs = {link.name: (guest_socket_pair(), guest_socket_pair()) for link in links}
        for end in (end for pair in pairs.values() for ends in pair for end in ends):
            stack.enter_context(end)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="netemu-")))
        sites = [SocketSite(link, (pairs[link.name][0][0].fileno(), pairs[link.name][1][0].fileno())) for link in links]
        wires = RelayWires(sites, recording.wires, plan.seed, scratch)
        stack.callback(wires.kill)
        setups = [_setup(number, group, links, pairs) for number, group in enumerate(groups)]
        releases = ", ".join(group.entry.manifest.version for group in groups)
        progress(f"booting Linux {releases} in real time")
        guests = stack.enter_context(PartGuests.boot(plan, setups, recording.root))
        run = _Run(plan, links, guests, wires, progress)
        account = run.prove() | run.traffic()
        guests.wait_end(STEP_S)
        wire_accounts, voids = wires.stop()
    run.validity.voids.extend(voids)
    _conclude(run, account, wire_accounts, recording)


def _setup(number: int, group: Group, links: Sequence[LinkSpec], pairs: Mapping[str, Any]) -> Setup:
    """What the guest of ``group`` is started with."""
    sockets = {}
    for link in links:
        for end, node in enumerate((link.a.node, link.b.node)):
            if node in group.nodes:
                sockets[link.name] = (pairs[link.name][end][1], device_mtu_bytes(link))
    machine = Machine(
        group.entry.binary,
        group.options.memory_bytes,
        modules=module_files(group.entry),
        options=options_for(group.entry.manifest.version),
        standstill_s=group.options.standstill_ns / 1e9,
    )
    return Setup(group, machine, sockets, f"part{number}")


class _Run:
    """The steps of a run, each taken by all guests together."""

    def __init__(
        self, plan: Plan, links: Sequence[LinkSpec], guests: PartGuests, wires: RelayWires, progress: Progress
    ) -> None:
        self.plan = plan
        self.links = links
        self.guests = guests
        self.wires = wires
        self.progress = progress
        self.validity = Validity()

    def prove(self) -> dict[str, Any]:
        """Wait for every guest's own proofs, then probe the links between them."""
        self.progress(f"building {len(self.plan.nodes)} nodes and {len(self.plan.links)} wires")
        self.guests.wait("built", BUILD_S)
        offsets = self._offsets("clock", "clock")[0]
        self.progress(f"probing {len(self.links)} links between guests")
        links = CrossingLinks(self.plan, self.links, self.guests, offsets).prove()
        self.validity.degradations.extend(unproved(links))
        return {"crossing": links}

    def _offsets(self, command: str, answer: str, timeout_s: float = STEP_S) -> tuple[list[Offset], list[Any]]:
        """Give all guests ``command``; each one's clock by what it answers, and the answers."""
        before = read_clock()
        self.guests.tell(command)
        answers = self.guests.wait(answer, timeout_s)
        after = read_clock()
        return [offset_of(Reading.of(said["clock"]), before, after) for said in answers], answers

    def traffic(self) -> dict[str, Any]:
        """Start everything in all guests at one t0, wait until the last agent has ended, and collect."""
        at_start, _ = self._offsets("start", "ready")
        stolen_before_ns = stolen_ns()
        t0_ns = read_clock(1).monotonic_ns + LEAD_NS
        self.wires.go(t0_ns)
        for guest, offset in zip(self.guests.guests, at_start, strict=True):
            guest.tell("go", t0_ns=t0_ns + offset.ns)
        stop_ns = min(self.plan.duration_ns, max((agent.stop_ns for agent in self.plan.agents), default=0))
        self.progress(f"traffic of {len(self.plan.agents)} agents, at most {stop_ns / 1e9:g} s")
        self.guests.wait("agents_ended", (LEAD_NS + stop_ns) / 1e9 + GRACE_S)
        time.sleep(self.plan.drain_ns / 1e9)
        stolen = stolen_ns() - stolen_before_ns
        self.progress("collecting captures and samples")
        at_end, _ = self._offsets("finish", "finished")
        return {
            "stolen_ns": stolen,
            "clocks": [self._judge_clock(*three) for three in zip(self.guests.guests, at_start, at_end, strict=True)],
        }

    def _judge_clock(self, guest: PartGuest, start: Offset, end: Offset) -> dict[str, Any]:
        """The account of a guest's clock; times of guests whose clocks drifted apart are not comparable."""
        drift_ns = end.ns - start.ns
        if not start.agrees(end):
            text = (
                f"{guest.group.kernel}: its clock moved by {drift_ns / 1000:.1f} us against this machine's"
                f" (its uncertainty is {(start.uncertainty_ns + end.uncertainty_ns) / 1000:.1f} us)"
            )
            (self.validity.voids if abs(drift_ns) > LATENESS_NS else self.validity.degradations).append(text)
        return {
            "kernel": guest.group.kernel,
            "nodes": guest.group.nodes,
            "offset_start": asdict(start),
            "offset_end": asdict(end),
            "drift_ns": drift_ns,
        }


def _conclude(run: _Run, account: dict[str, Any], crossing_wires: dict[str, Any], recording: Recording) -> None:
    """Merge the guests' recordings and accounts into one."""
    parts = []
    for guest in run.guests.guests:
        if not guest.recording.execution.exists():
            raise VoidRun(f"{guest.group.kernel}: the guest left no account")
        parts.append((guest, read_account(guest.recording)))
    validity = run.validity
    for _, part in parts:
        validity.voids.extend(part["void"])
        validity.degradations.extend(part["degraded"])
    wires = dict(crossing_wires)
    for _, part in parts:
        wires |= part["wires"]
    judge_wires(run.plan, wires, validity, account["stolen_ns"])
    probed = [*account.pop("crossing"), *(link for _, part in parts for link in part["links"])]
    order = {link.name: number for number, link in enumerate(run.plan.links)}
    account |= {
        "settings": merge_settings(part["settings"] for _, part in parts),
        "links": sorted(probed, key=lambda link: (order[link["link"]], link["direction"])),
        "members": merge_members(
            [(guest.group.kernel, part["members"]) for guest, part in parts], (agent.name for agent in run.plan.agents)
        ),
        "wires": wires,
        "kernel": _kernels(parts),
        "guests": [_guest(guest, part) for guest, part in parts],
        "void": validity.voids,
        "degraded": validity.degradations,
    }
    merge_recordings([guest.recording for guest, _ in parts], recording)
    write_account(recording, account)


def _kernels(parts: Sequence[tuple[PartGuest, Mapping[str, Any]]]) -> dict[str, Any]:
    """In place of the one kernel of other runs: which nodes ran on which release."""
    nodes = {node: part["kernel"]["release"] for guest, part in parts for node in guest.group.nodes}
    release = "; ".join(f"{', '.join(guest.group.nodes)}: {part['kernel']['release']}" for guest, part in parts)
    return {"release": release, "nodes": nodes, "machine": os.uname().machine}


def _guest(guest: PartGuest, part: Mapping[str, Any]) -> dict[str, Any]:
    """Which kernel it was, by the hash of its program, and what ran on it."""
    manifest = guest.group.entry.manifest
    return {
        "kernel": guest.group.entry.name,
        "name": guest.group.kernel,
        "nodes": guest.group.nodes,
        "origin": manifest.origin,
        "sha256": manifest.binary_sha256,
        "config_sha256": manifest.config_sha256,
        "command_line": guest.machine.command_line,
        "time": "real",
        "memory_bytes": guest.machine.memory_bytes,
        "details": part["kernel"],
        "devices": part["devices"],
    }
