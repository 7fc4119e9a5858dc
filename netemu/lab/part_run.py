"""``python -m netemu.lab.part_run DIRECTORY``: execute a part of the plan in DIRECTORY, as told from outside.

The steps are those of :mod:`netemu.lab.execute`, and between them this waits for the other parts:

=================  ====================================  =====================================================
said               heard then                            meaning
=================  ====================================  =====================================================
``built``          ``clock``, ``refused``, ``send``,     the network is up and its own links are proved; crossing
                   ``collect``, and then ``start``       links are probed (netemu.lab.part_probe)
``ready``          ``go`` with ``t0_ns``                 recorders and agents wait; t0 is on this guest's clock
``agents_ended``   ``finish``                            this part's traffic is over, the others' may go on
``finished``                                             everything is written
=================  ====================================  =====================================================

What is said is ``{"part": word, "clock": [counter, monotonic ns, counter], ...}``; errors and progress are told as by
``python -m netemu.lab``.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from netemu.errors import NetemuError, VoidRun
from netemu.lab import probe, verify
from netemu.lab.execute import Execution
from netemu.lab.part import PART_FILE, Part, plan_of_part
from netemu.lab.part_control import Control, say
from netemu.lab.part_network import PartNetwork, verify_half_wires
from netemu.lab.part_probe import CrossingProbes
from netemu.lab.tsc import read_clock
from netemu.lab.wire import start_wires
from netemu.recording.layout import Recording
from netemu.specs import Plan, from_json

LEAST_LEAD_NS = 5_000_000
"""``go`` must come this long before t0, or members may hear of it too late."""


def report(word: str, **more: Any) -> None:
    """Say that this part has come to ``word``, and what time it is here."""
    say({"part": word, "clock": read_clock().as_list(), **more})


def execute_part(plan: Plan, part: Part, recording: Recording, control: Control) -> None:
    """Run ``part`` of ``plan`` and leave its captures, logs, samples, wires and ``execution.json``."""
    recording.make_directories()
    with (
        PartNetwork.build_part(plan, part) as network,
        tempfile.TemporaryDirectory(prefix="netemu-") as scratch,
        start_wires(network.wire_sites, recording.wires, plan.seed) as wires,
    ):
        own = _plan_with_crossing_links(plan, part)
        execution = PartExecution(own, recording, network, wires, Path(scratch), plan.digest, lambda text: None)
        account = execution.prove()
        report("built")
        execution.probe_crossing(control)
        account |= execution.traffic_when_told(control)
    execution.leave_account(account)


def _plan_with_crossing_links(plan: Plan, part: Part) -> Plan:
    """The part's own plan, with the links that leave it: their addresses tell whose an event is."""
    own = plan_of_part(plan, part.nodes)
    crossing = tuple(link for link in plan.links if link.name in part.devices)
    return msgspec.structs.replace(own, links=own.links + crossing)


@dataclass(slots=True)
class PartExecution(Execution):
    """One part on its built network with running wires."""

    @property
    def _part_network(self) -> PartNetwork:
        assert isinstance(self.network, PartNetwork)
        return self.network

    def prove(self) -> dict[str, Any]:
        """Read every setting of this part back and probe the links within it; raises on the first mismatch."""
        network = self._part_network
        settings = verify.verify(network, network.plan)
        settings["wires"] |= verify_half_wires(network)
        links = probe.probe_links(network, network.plan, self.wires.backends)
        self.validity.degradations.extend(probe.unproved(links))
        return {"settings": settings, "links": links}

    def probe_crossing(self, control: Control) -> None:
        """Send and collect as told, until ``start`` comes."""
        network = self._part_network
        probes: CrossingProbes | None = None
        try:
            while (command := control.read())["do"] != "start":
                if command["do"] == "refused":
                    links = [link for link in network.whole.links if link.name in command["links"]]
                    probes = CrossingProbes(network, links)
                    report("refused", refused=probes.refused())
                elif command["do"] == "clock":
                    report("clock")
                elif command["do"] == "send":
                    assert probes is not None
                    sent = probes.send(command["kind"], command["targets"], command["load_per_s"])
                    report("sent", sent=sent)
                elif command["do"] == "collect":
                    assert probes is not None
                    report("came", came=probes.collect())
                else:
                    raise ValueError(f"unknown command {command!r}")
        finally:
            if probes is not None:
                probes.close()

    def traffic_when_told(self, control: Control) -> dict[str, Any]:
        """Start the recorders and the agents, let them run from the common t0 on, end them; their summaries."""
        self.start_members()
        losses_before = {half.link.name: half.losses() for half in self._part_network.half_wires}
        report("ready")
        t0_ns = int(control.expect("go")["t0_ns"])
        self.go(t0_ns)
        lead_ns = t0_ns - time.monotonic_ns()
        if lead_ns < LEAST_LEAD_NS:
            self.validity.voids.append(f"the start of traffic was heard of {-lead_ns / 1e6:.1f} ms after it was due")
        self.wait_agents(t0_ns)
        report("agents_ended")
        control.expect("finish")
        return {"members": self.collect(), "devices": self._devices(losses_before)}

    def _devices(self, before: dict[str, dict[str, int]]) -> dict[str, Any]:
        """What the devices of the crossing links lost during traffic; any loss makes the run void."""
        found = {}
        for half in self._part_network.half_wires:
            lost = {name: value - before[half.link.name][name] for name, value in half.losses().items()}
            found[half.link.name] = {"device": half.device, **lost}
            self.validity.voids.extend(
                f"{half.place}: {half.device} at {self._part_network.own_port(half).node} counts {name} {count}: the"
                " relay or the guest was too slow for this link"
                for name, count in lost.items()
                if count
            )
        return found


def _terminated(number: int, frame: FrameType | None) -> None:
    raise VoidRun(f"the run was ended by {signal.Signals(number).name}")


def main() -> int:
    """Execute and report; the exit code is the error's."""
    recording = Recording(Path(sys.argv[1]))
    signal.signal(signal.SIGTERM, _terminated)
    try:
        plan = from_json(recording.plan.read_bytes(), Plan, str(recording.plan))
        part_file = recording.root / PART_FILE
        part = from_json(part_file.read_bytes(), Part, str(part_file))
        with Control() as control:
            execute_part(plan, part, recording, control)
    except NetemuError as error:
        say({"error": type(error).__name__, "message": str(error)})
        return error.exit_code
    report("finished")
    return 0


if __name__ == "__main__":
    sys.exit(main())
