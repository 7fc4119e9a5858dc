"""Kernel ``uml:<version>``: another Linux kernel as an ordinary process, in real time or in virtual time.

``uml:6.12`` keeps this machine's time; ``uml:6.12?time=virtual`` has a clock of its own that stands still while the
guest computes, so that nothing this machine does can be seen in a result, and the same plan gives the same bytes.
Further options: ``memory=`` (the guest's RAM, which decides ``tcp_rmem[2]``) and ``standstill=`` (after how much
of this machine's time without a new instant in the guest it counts as hung). Needs no root.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netemu.errors import BadInput
from netemu.kernels import Progress
from netemu.kernels.guest import GUEST_RECORDING, Guest, Listener, describe_guest, guard, run_lab
from netemu.kernels.guest_name import memory_bytes, split_name
from netemu.kernels.ready import module_files
from netemu.kernels.store import Entry, check_name, open_store, version_key
from netemu.kernels.uml_boot import Machine, run_guest
from netemu.kernels.withheld import Withheld, tell_withheld
from netemu.lab.cage import RUN_ID_VARIABLE
from netemu.lab.start import STEP_VARIABLE
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json
from netemu.units import parse_time_ns

START_STEP_NS = 10 * 10**9
"""In virtual time traffic starts at a multiple of this, much longer than what differs from one machine to another."""


@dataclass(frozen=True, slots=True)
class UmlOptions:
    """What stands behind ``uml:``. The default memory gives TCP the window limits of a machine with plenty.

    ``nodes``: the kernels of single nodes, as pairs of node and kernel's name.
    """

    version: str
    virtual: bool = False
    memory_bytes: int = 1 << 30
    standstill_ns: int = 300 * 10**9
    nodes: tuple[tuple[str, str], ...] = ()


def parse_name(name: str) -> UmlOptions:
    """The options in ``uml:<version>[?key=value[&key=value...]]``; :class:`BadInput` names what is wrong in it."""
    known = {"time": "real|virtual", "memory": "1G", "standstill": "300s"}
    plain, nodes = split_nodes(name)
    version, given = split_name(plain, "uml", "uml:VERSION, such as uml:6.12 or 'uml:6.12?time=virtual'", known)
    check_name(version)
    time = given.get("time", "real")
    if time not in ("real", "virtual"):
        raise BadInput(f"--kernel {name!r}: time={time!r}: it is 'real' or 'virtual'")
    memory = memory_bytes(given.get("memory", "1G"), name)
    return UmlOptions(version, time == "virtual", memory, parse_time_ns(given.get("standstill", "300s"), name), nodes)


def split_nodes(name: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """``uml:7.2?memory=1G&node.h1=5.10`` without its nodes, and their kernels: ``("h1", "uml:5.10?memory=1G")``.

    A node's kernel has the options that the run's has.
    """
    head, _, query = name.partition("?")
    items = query.split("&") if query else []
    rest = "&".join(item for item in items if not item.startswith("node."))
    options = f"?{rest}" if rest else ""
    found: dict[str, str] = {}
    for item in items:
        if item.startswith("node."):
            node, _, version = item.removeprefix("node.").partition("=")
            if not node or not version or node in found:
                raise BadInput(f"--kernel {name!r}: {item!r}: write node.NODE=VERSION once, such as node.h1=5.10")
            check_name(version)
            found[node] = f"uml:{version}{options}"
    return head + options, tuple(found.items())


def random_seed(plan: Plan) -> int:
    """The 64-bit number that makes the guest's random numbers: a function of the plan's seed alone."""
    return int.from_bytes(hashlib.sha256(f"netemu seed {plan.seed}".encode()).digest()[:8], "big")


def options_for(version: str) -> tuple[str, ...]:
    """Options that make this version's guests faster and change nothing else: system calls without ptrace (6.16)."""
    return ("seccomp=auto",) if version_key(version) >= version_key("6.16") else ()


class UmlKernel:
    """Executes plans by :mod:`netemu.lab` inside a guest."""

    def __init__(self, name: str) -> None:
        self.options = parse_name(name)
        self.name = name
        self.parallel = self.options.virtual

    @contextlib.contextmanager
    def guarded(self, directory: Path) -> Iterator[None]:
        """See :meth:`netemu.kernels.Kernel.guarded`; it takes no root, and a directory that was renamed stays."""
        with guard([directory]):
            yield

    def execute(self, plan: Plan, recording: Recording, progress: Progress) -> None:
        """See :meth:`netemu.kernels.Kernel.execute`."""
        plain, given = split_nodes(self.name)
        if given or any(node.kernel not in (None, plain) for node in plan.nodes):
            from netemu.kernels.mixed import execute_mixed

            execute_mixed(plain, dict(given), plan, recording, progress)
            return
        entry = open_store().find(self.options.version, virtual_time=self.options.virtual)
        entry.verify()
        machine = self._machine(entry, plan)
        recording.plan.write_text(to_json(plan))

        def boot(on_message: Listener) -> Guest:
            # The lab finds itself in a cage, the guest.
            step = {STEP_VARIABLE: str(START_STEP_NS)} if machine.virtual else {}
            environment = {RUN_ID_VARIABLE: "guest"} | step
            return run_guest(machine, ["netemu.lab", GUEST_RECORDING], recording.root, on_message, environment)

        progress(f"booting Linux {entry.manifest.version} in {'virtual' if machine.virtual else 'real'} time")
        watch = Withheld(progress)
        run_lab(self.name, machine.memory_bytes, watch, boot)
        describe_guest(recording, _account(entry, machine))
        if not machine.virtual:
            tell_withheld(recording, plan, watch.ns)

    def _machine(self, entry: Entry, plan: Plan) -> Machine:
        return Machine(
            entry.binary,
            self.options.memory_bytes,
            virtual=self.options.virtual,
            random_seed=random_seed(plan),
            modules=module_files(entry),
            options=options_for(entry.manifest.version),
            standstill_s=self.options.standstill_ns / 1e9,
        )


def _account(entry: Entry, machine: Machine) -> dict[str, Any]:
    """Which kernel it was, by the hash of its program."""
    return {
        "kernel": entry.name,
        "origin": entry.manifest.origin,
        "sha256": entry.manifest.binary_sha256,
        "config_sha256": entry.manifest.config_sha256,
        "command_line": machine.command_line,
        "time": "virtual" if machine.virtual else "real",
        "memory_bytes": machine.memory_bytes,
    }
