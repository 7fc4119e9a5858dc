"""The kernel's wires of a run: set by netlink, read back, changed on time, counted from the qdiscs' own statistics."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.errors import MissingCapability, VoidRun
from netemu.lab import netem
from netemu.lab.namespace import Namespace
from netemu.lab.netem_netlink import netem_request, read_qdiscs, redirect_requests
from netemu.lab.rtnetlink import LOOPBACK_INDEX
from netemu.link.account import COLUMNS
from netemu.topology.wiring import WIRE_INDEX

if TYPE_CHECKING:
    from netemu.lab.network import WireSite

_EGRESS = {"a_to_b": "b", "b_to_a": "a"}


def missing_for_netem() -> str | None:
    """What the kernel says when a netem wire is tried on the loopback of a throw-away namespace; None if it works."""
    stage = netem.Stage("delay", "1:", None, {"limit": 1, "delay_ns": 1_000_000})
    with Namespace("netem probe") as namespace:
        try:
            namespace.netlink.execute(
                [
                    netem_request(stage, LOOPBACK_INDEX, "qdisc netem"),
                    *redirect_requests(LOOPBACK_INDEX, LOOPBACK_INDEX, "qdisc clsact with a redirection"),
                ]
            )
        except MissingCapability as error:
            return str(error)
    return None


class _NetemWire:
    """One link: the qdiscs of both directions in its namespace."""

    def __init__(self, site: WireSite) -> None:
        self.link = site.link
        self.late_ns = 0
        self._parameters = {
            name: netem.parameters_of(direction, f"link {site.link.name}.{name}")
            for name, direction in (("a_to_b", site.link.a_to_b), ("b_to_a", site.link.b_to_a))
        }
        self._phase = dict.fromkeys(_EGRESS, 0)
        self._chance = False
        self._before: dict[str, list[dict[str, Any]]] = {}
        self._namespace = site.namespace
        self._build()

    def _build(self) -> None:
        # The queues stand before the first frame can be redirected into them.
        for name, parameters in self._parameters.items():
            first = netem.stages(parameters, parameters.phases[0], chance=False)
            self._execute(name, first, change=False)
        place = f"link {self.link.name}: redirection"
        both = ((WIRE_INDEX["a"], WIRE_INDEX["b"]), (WIRE_INDEX["b"], WIRE_INDEX["a"]))
        self._namespace.netlink.execute([request for ends in both for request in redirect_requests(*ends, place)])
        for name in _EGRESS:
            self._check(name)

    def _execute(self, name: str, wanted: Sequence[netem.Stage], *, change: bool) -> None:
        index = WIRE_INDEX[_EGRESS[name]]
        place = f"link {self.link.name} {name}: netem"
        requests = [netem_request(stage, index, f"{place} {stage.handle}", change=change) for stage in wanted]
        self._namespace.netlink.execute(requests)

    def _check(self, name: str) -> list[dict[str, Any]]:
        """The qdiscs of one direction; :class:`VoidRun` unless the kernel has what was asked for."""
        parameters = self._parameters[name]
        shown = read_qdiscs(self._namespace.netlink, WIRE_INDEX[_EGRESS[name]], f"link {self.link.name} {name}")
        wrong = netem.mismatches(parameters, parameters.phases[self._phase[name]], shown, self._chance)
        if wrong:
            raise VoidRun(f"link {self.link.name} {name}: {'; '.join(wrong)}")
        return shown

    def begin(self) -> list[tuple[int, str, int]]:
        """Let chance begin and count from here; the changes to come as (ns since t0, direction, phase)."""
        self._chance = True
        due = []
        for name, parameters in self._parameters.items():
            first = parameters.phases[0]
            if netem.stages(parameters, first, chance=True) != netem.stages(parameters, first, chance=False):
                self._apply(name)
            self._before[name] = self._check(name)
            due += [(phase.start_ns, name, number) for number, phase in enumerate(parameters.phases) if number]
        return due

    def _apply(self, name: str) -> None:
        parameters = self._parameters[name]
        wanted = netem.stages(parameters, parameters.phases[self._phase[name]], chance=True)
        self._execute(name, wanted, change=True)

    def change(self, name: str, phase: int, due_ns: int) -> None:
        """Go to ``phase``, which was to hold from ``due_ns`` (monotonic); notes how late it was."""
        self._phase[name] = phase
        self._apply(name)
        self._check(name)
        self.late_ns = max(self.late_ns, time.monotonic_ns() - due_ns)

    def finish(self) -> dict[str, Any]:
        """The totals of both directions; :class:`VoidRun` when settings changed."""
        after = {name: self._check(name) for name in _EGRESS}
        found = {name: netem.totals(self._before.get(name, []), after[name]) for name in _EGRESS}
        return {"backend": "netem", "directions": found, "qdiscs": after, "changes_late_ns": self.late_ns}


class NetemWires:
    """The netem wires of a run. Raises :class:`VoidRun` when the kernel's settings are not those asked for."""

    def __init__(self, sites: Sequence[WireSite], directory: Path) -> None:
        self._directory = directory
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._voids: list[str] = []
        self._wires = [_NetemWire(site) for site in sites]

    def go(self, t0_ns: int) -> None:
        """Traffic starts at ``t0_ns`` (monotonic): chance begins at once, so that it is there from the first packet."""
        due = sorted((item, wire) for wire in self._wires for item in wire.begin())
        late_ns = time.monotonic_ns() - t0_ns
        if late_ns > 0:
            self._voids.append(f"netem: loss was switched on {late_ns / 1e6:.1f} ms after the start of traffic")
        if due:
            self._thread = threading.Thread(target=self._change_on_time, args=(t0_ns, due), name="netem schedule")
            self._thread.start()

    def _change_on_time(self, t0_ns: int, due: Sequence[tuple[tuple[int, str, int], _NetemWire]]) -> None:
        for (t_ns, name, phase), wire in due:
            if self._ended.wait(max(0, t0_ns + t_ns - time.monotonic_ns()) / 1e9):
                return
            try:
                wire.change(name, phase, t0_ns + t_ns)
            except (VoidRun, MissingCapability) as error:
                self._voids.append(str(error))
                return

    def stop(self) -> tuple[dict[str, Any], list[str]]:
        """Take the totals: each link's summary, and the reasons why the run is void."""
        self._end_thread()
        summaries: dict[str, Any] = {}
        for wire in self._wires:
            try:
                summaries[wire.link.name] = wire.finish()
            except (VoidRun, MissingCapability) as error:
                self._voids.append(str(error))
            self._account(wire.link.name)
        self.kill()
        return summaries, self._voids

    def _account(self, link: str) -> None:
        """The account's file: netem keeps none of single packets, the captures on both sides of the wire tell."""
        header: dict[str, object] = {"columns": list(COLUMNS), "link": link, "backend": "netem"}
        (self._directory / f"{link}.jsonl").write_text(json.dumps(header) + "\n", encoding="ascii")

    def _end_thread(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def kill(self) -> None:
        """End the schedule without an account; the qdiscs go with their namespace."""
        self._end_thread()
        self._wires.clear()
