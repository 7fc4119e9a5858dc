"""The kernel's wires of a run: set by tc, read back, changed on time, counted from the qdiscs' own statistics."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.errors import VoidRun
from netemu.lab import netem
from netemu.lab.namespace import Namespace
from netemu.lab.relay_journal import COLUMNS

if TYPE_CHECKING:
    from netemu.lab.network import WireSite

_EGRESS = {"a_to_b": "b", "b_to_a": "a"}
_TC_TIMEOUT_S = 20.0


def missing_for_netem() -> str | None:
    """What tc says when a netem wire is tried on the loopback of a throw-away namespace; None when it works."""
    with Namespace("netem probe") as namespace:
        try:
            _batch(namespace, ["qdisc add dev lo root netem delay 1ms", *netem.redirect_lines("lo", "lo")])
        except VoidRun as error:
            return str(error)
    return None


def _batch(namespace: Namespace, lines: Sequence[str]) -> None:
    process = namespace.popen(
        ["tc", "-batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, errors = process.communicate("".join(f"{line}\n" for line in lines).encode(), timeout=_TC_TIMEOUT_S)
    if process.returncode != 0:
        raise VoidRun(f"{namespace.label}: tc: {' '.join(errors.decode(errors='replace').split())}")


def _show(namespace: Namespace, interface: str) -> list[dict[str, Any]]:
    process = namespace.popen(
        ["tc", "-s", "-j", "qdisc", "show", "dev", interface], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = process.communicate(timeout=_TC_TIMEOUT_S)
    if process.returncode != 0:
        raise VoidRun(f"{namespace.label}: tc: {' '.join(errors.decode(errors='replace').split())}")
    shown: list[dict[str, Any]] = json.loads(output)
    return shown


class _NetemWire:
    """One link: the qdiscs of both directions in its namespace, and the tc that waits to change them."""

    def __init__(self, site: WireSite) -> None:
        self.link = site.link
        self._namespace = site.namespace
        self._parameters = {
            name: netem.parameters_of(direction, f"link {site.link.name}.{name}")
            for name, direction in (("a_to_b", site.link.a_to_b), ("b_to_a", site.link.b_to_a))
        }
        self._before: dict[str, list[dict[str, Any]]] = {}
        self._changer: subprocess.Popen[bytes] | None = None
        # The queues stand before the first frame can be redirected into them.
        setup = [
            line
            for name, parameters in self._parameters.items()
            for line in netem.lines("add", _EGRESS[name], netem.stages(parameters, parameters.phases[0], chance=False))
        ]
        _batch(self._namespace, [*setup, *netem.redirect_lines("a", "b"), *netem.redirect_lines("b", "a")])
        self._check(phase=0, chance=False)

    def _check(self, phase: int, chance: bool) -> None:
        """:class:`VoidRun` unless the kernel has what was asked for."""
        for name, parameters in self._parameters.items():
            shown = _show(self._namespace, _EGRESS[name])
            wrong = netem.mismatches(parameters, parameters.phases[phase], shown, chance)
            if wrong:
                raise VoidRun(f"link {self.link.name} {name}: {'; '.join(wrong)}")

    def prepare(self) -> list[tuple[int, _NetemWire, list[str]]]:
        """Count from here, make the changer ready; what to change when (ns since the start of traffic)."""
        self._before = {name: _show(self._namespace, _EGRESS[name]) for name in _EGRESS}
        due = [
            (t_ns, self, lines)
            for name, parameters in self._parameters.items()
            for t_ns, lines in netem.changes(parameters, _EGRESS[name])
        ]
        if due:
            self._changer = self._namespace.popen(
                ["tc", "-batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
        return due

    def change(self, lines: Sequence[str]) -> None:
        """Hand lines to the waiting tc."""
        assert self._changer is not None and self._changer.stdin is not None
        self._changer.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self._changer.stdin.flush()

    def finish(self, *, all_changed: bool) -> dict[str, Any]:
        """The totals of both directions; :class:`VoidRun` when a change failed or a stage overflowed."""
        if self._changer is not None:
            _, errors = self._changer.communicate(timeout=_TC_TIMEOUT_S)
            if self._changer.returncode != 0:
                raise VoidRun(f"link {self.link.name}: tc: {' '.join(errors.decode(errors='replace').split())}")
            if all_changed:
                self._check(phase=-1, chance=True)
        after = {name: _show(self._namespace, _EGRESS[name]) for name in _EGRESS}
        found = {name: netem.totals(self._before.get(name, []), after[name]) for name in _EGRESS}
        for name, account in found.items():
            if account["overflowed"]:
                raise VoidRun(
                    f"link {self.link.name} {name}: {account['overflowed']} packets did not fit into the delay"
                )
        return {"backend": "netem", "directions": found, "qdiscs": after}

    def kill(self) -> None:
        """End the waiting tc."""
        if self._changer is not None and self._changer.poll() is None:
            self._changer.kill()
            self._changer.communicate()


class NetemWires:
    """The netem wires of a run. Raises :class:`VoidRun` when the kernel's settings are not those asked for."""

    def __init__(self, sites: Sequence[WireSite], directory: Path) -> None:
        self._wires = [_NetemWire(site) for site in sites]
        self._directory = directory
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._late_ns = 0
        self._error: OSError | None = None
        self._left = 0

    def go(self, t0_ns: int) -> None:
        """Traffic starts at ``t0_ns`` (monotonic)."""
        due = sorted((item for wire in self._wires for item in wire.prepare()), key=lambda item: item[0])
        self._left = len(due)
        if due:
            self._thread = threading.Thread(target=self._change_on_time, args=(t0_ns, due), name="netem schedule")
            self._thread.start()

    def _change_on_time(self, t0_ns: int, due: Sequence[tuple[int, _NetemWire, list[str]]]) -> None:
        for t_ns, wire, lines in due:
            if self._ended.wait(max(0, t0_ns + t_ns - time.monotonic_ns()) / 1e9):
                return
            try:
                wire.change(lines)
            except OSError as error:
                self._error = error
                return
            self._late_ns = max(self._late_ns, time.monotonic_ns() - t0_ns - t_ns)
            self._left -= 1

    def stop(self) -> tuple[dict[str, Any], list[str]]:
        """Take the totals: each link's summary, and the reasons why the run is void."""
        self._end_thread()
        voids = [] if self._error is None else [f"netem schedule: {self._error}"]
        summaries: dict[str, Any] = {}
        for wire in self._wires:
            try:
                summary = wire.finish(all_changed=self._left == 0)
            except VoidRun as error:
                voids.append(str(error))
                continue
            summaries[wire.link.name] = {**summary, "changes_late_ns": self._late_ns}
            self._account(wire.link.name)
        return summaries, voids

    def _account(self, link: str) -> None:
        """The account's file: netem keeps none of single packets, the captures on both sides of the wire tell."""
        header: dict[str, object] = {"columns": list(COLUMNS), "link": link, "backend": "netem"}
        (self._directory / f"{link}.jsonl").write_text(json.dumps(header) + "\n", encoding="ascii")

    def _end_thread(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def kill(self) -> None:
        """End the schedule and its helpers without an account."""
        self._end_thread()
        for wire in self._wires:
            wire.kill()
