"""Kernel ``uml:<version>``: another Linux kernel as an ordinary process, in real time or in virtual time.

``uml:6.12`` keeps this machine's time; ``uml:6.12?time=virtual`` has a clock of its own that stands still while the
guest computes, so that nothing this machine does can be seen in a result, and the same plan gives the same bytes.
Further options: ``memory=`` (the guest's RAM, which decides ``tcp_rmem[2]``) and ``standstill=`` (after how much
of this machine's time without a new instant in the guest it counts as hung). Needs no root.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netemu import errors
from netemu.errors import BadInput, MissingCapability, NetemuError, VoidRun
from netemu.kernels import Progress
from netemu.kernels.ready import module_files
from netemu.kernels.store import Entry, check_name, open_store, version_key
from netemu.kernels.uml_boot import Machine, guard, run_guest
from netemu.lab.cage import RUN_ID_VARIABLE
from netemu.lab.start import STEP_VARIABLE
from netemu.recording.layout import Recording
from netemu.specs import Plan, to_json
from netemu.units import parse_time_ns

GUEST_RECORDING = "/run/netemu/recording"
"""Where the guest sees the run's directory, whatever it is called outside."""

START_STEP_NS = 10 * 10**9
"""In virtual time traffic starts at a multiple of this, much longer than what differs from one machine to another."""

_MEMORY = re.compile(r"^(\d+)([MG])$")
_LEAST_BYTES = 128 << 20


@dataclass(frozen=True, slots=True)
class UmlOptions:
    """What stands behind ``uml:``. The default memory gives TCP the window limits of a machine with plenty."""

    version: str
    virtual: bool = False
    memory_bytes: int = 1 << 30
    standstill_ns: int = 300 * 10**9


def parse_name(name: str) -> UmlOptions:
    """The options in ``uml:<version>[?key=value[&key=value...]]``; :class:`BadInput` names what is wrong in it."""
    family, _, rest = name.partition(":")
    version, _, query = rest.partition("?")
    if family != "uml" or not version:
        raise BadInput(f"--kernel {name!r}: write uml:VERSION, such as uml:6.12 or 'uml:6.12?time=virtual'")
    check_name(version)
    given: dict[str, str] = {}
    for item in query.split("&") if query else []:
        key, _, value = item.partition("=")
        if key not in ("time", "memory", "standstill") or key in given or not value:
            raise BadInput(
                f"--kernel {name!r}: {item!r}: the options are time=real|virtual, memory=1G, standstill=300s"
            )
        given[key] = value
    time = given.get("time", "real")
    if time not in ("real", "virtual"):
        raise BadInput(f"--kernel {name!r}: time={time!r}: it is 'real' or 'virtual'")
    memory = _memory_bytes(given.get("memory", "1G"), name)
    return UmlOptions(version, time == "virtual", memory, parse_time_ns(given.get("standstill", "300s"), name))


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
        for node in plan.nodes:
            if node.kernel not in (None, self.name):
                raise MissingCapability(
                    f"node {node.name!r} asks for kernel {node.kernel!r}; the kernel {self.name!r} runs every node in"
                    " one guest: remove the attribute"
                )
        entry = open_store().find(self.options.version, virtual_time=self.options.virtual)
        entry.verify()
        machine = self._machine(entry, plan)
        recording.plan.write_text(to_json(plan))
        failure: list[NetemuError] = []

        def on_message(message: dict[str, Any]) -> None:
            if "error" in message:
                failure.append(_error(message))
            elif "progress" in message:
                progress(message["progress"])

        progress(f"booting Linux {entry.manifest.version} in {'virtual' if machine.virtual else 'real'} time")
        # The lab finds itself in a cage, the guest.
        environment = {RUN_ID_VARIABLE: "guest"} | ({STEP_VARIABLE: str(START_STEP_NS)} if machine.virtual else {})
        guest = run_guest(machine, ["netemu.lab", GUEST_RECORDING], recording.root, on_message, environment)
        if failure:
            raise failure[0]
        if guest.exit_code != 0:
            said = " | ".join(guest.tail) or "nothing"
            if guest.out_of_memory:
                raise VoidRun(
                    f"the guest ran out of its {machine.memory_bytes >> 20} MiB of memory: give it more, such as"
                    f" --kernel '{self.name}{'&' if '?' in self.name else '?'}memory=4G'; the console said: {said}"
                )
            raise VoidRun(
                f"the lab in the guest ended with exit code {guest.exit_code}; the console's last lines: {said}"
            )
        _describe(recording, entry, machine)

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


def _describe(recording: Recording, entry: Entry, machine: Machine) -> None:
    """Add to the execution's account which kernel it was, by the hash of its program."""
    path = recording.root / "execution.json"
    account = json.loads(path.read_text())
    account["guest"] = {
        "kernel": entry.name,
        "origin": entry.manifest.origin,
        "sha256": entry.manifest.binary_sha256,
        "config_sha256": entry.manifest.config_sha256,
        "command_line": machine.command_line,
        "time": "virtual" if machine.virtual else "real",
        "memory_bytes": machine.memory_bytes,
    }
    path.write_text(json.dumps(account, indent=2, sort_keys=True) + "\n")


def _error(message: dict[str, Any]) -> NetemuError:
    kind = getattr(errors, message["error"], VoidRun)
    error: NetemuError = kind(message["message"])
    return error


def _memory_bytes(text: str, name: str) -> int:
    match = _MEMORY.match(text)
    size = int(match[1]) << (20 if match[2] == "M" else 30) if match else 0
    if size < _LEAST_BYTES:
        raise BadInput(f"--kernel {name!r}: memory={text!r}: write at least 128M, such as 512M or 2G")
    return size
