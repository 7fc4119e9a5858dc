"""Kernel ``vm:<version or path>``: a distribution's own kernel in a virtual machine, in real time.

``vm:6.1`` is Debian's stock kernel of that series (``netemu kernels get vm:6.1``), ``vm:/path/to/vmlinuz`` any other:
what users run, with its modules and configuration. KVM carries it where a probe has booted, else QEMU's emulation
(TCG), which is slow: rates above :data:`TCG_RATE_BPS` are refused there. Options: ``memory=``, ``accel=auto|kvm|tcg``,
``cpus=`` and ``standstill=``. Needs no root.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netemu.errors import BadInput, MissingCapability
from netemu.kernels import Progress
from netemu.kernels.guest import GUEST_RECORDING, Guest, Listener, describe_guest, guard, run_lab
from netemu.kernels.guest_name import memory_bytes, refuse_other_kernels, split_name
from netemu.kernels.store import open_store
from netemu.kernels.vm_accel import choose_accel
from netemu.kernels.vm_boot import ICOUNT, VirtualMachine, run_vm
from netemu.kernels.vm_image import check_version, find_image
from netemu.kernels.vm_tools import require_programs, versions
from netemu.kernels.withheld import Withheld, tell_withheld
from netemu.lab.cage import RUN_ID_VARIABLE
from netemu.recording.layout import Recording
from netemu.specs import LinkDirection, Plan, to_json
from netemu.units import format_rate, parse_time_ns

TCG_RATE_BPS = 10_000_000
"""The most that a link in an emulated guest may carry: above it the guest is measured, not the network."""

ACCEL_CACHE = "vm-accel.json"
_MOST_CPUS = 8


@dataclass(frozen=True, slots=True)
class VmOptions:
    """What stands behind ``vm:``; ``kernel``: a version or a path."""

    kernel: str
    accel: str = "auto"
    memory_bytes: int = 1 << 30
    cpus: int = 1
    standstill_ns: int = 300 * 10**9


def parse_name(name: str) -> VmOptions:
    """The options in ``vm:<version or path>[?key=value[&...]]``; :class:`BadInput` names what is wrong in it."""
    known = {"memory": "1G", "accel": "auto|kvm|tcg", "cpus": "1", "standstill": "300s"}
    kernel, given = split_name(name, "vm", "vm:VERSION or vm:PATH, such as vm:6.1 or vm:/boot/vmlinuz", known)
    if "/" not in kernel:
        check_version(kernel)
    accel = given.get("accel", "auto")
    if accel not in ("auto", "kvm", "tcg"):
        raise BadInput(f"--kernel {name!r}: accel={accel!r}: it is 'auto', 'kvm' or 'tcg'")
    cpus = given.get("cpus", "1")
    if not cpus.isdecimal() or not 1 <= int(cpus) <= _MOST_CPUS:
        raise BadInput(f"--kernel {name!r}: cpus={cpus!r}: write a number from 1 to {_MOST_CPUS}")
    memory = memory_bytes(given.get("memory", "1G"), name)
    return VmOptions(kernel, accel, memory, int(cpus), parse_time_ns(given.get("standstill", "300s"), name))


def refuse_rates(plan: Plan, limit_bps: int, name: str) -> None:
    """:class:`MissingCapability` names the first link of ``plan`` that is, at any time, faster than ``limit_bps``."""
    for link in plan.links:
        for where, direction in (("a_to_b", link.a_to_b), ("b_to_a", link.b_to_a)):
            rate = fastest_bps(direction)
            if rate is None or rate > limit_bps:
                has = "no rate" if rate is None else f"a rate of {format_rate(rate)}"
                raise MissingCapability(
                    f"--kernel {name!r}: link {link.name} {where} has {has}; a guest that is emulated, not run by KVM,"
                    f" carries at most {format_rate(limit_bps)}: lower it (such as --set rate=10Mbit/s, where the"
                    " experiment has that parameter), or run on uml: or host"
                )


def fastest_bps(direction: LinkDirection) -> int | None:
    """The highest rate that the direction ever has; None where it has none at some time."""
    if direction.rate_bps is None:
        return None
    return max([direction.rate_bps, *(change.rate_bps or 0 for change in direction.schedule)])


class VmKernel:
    """Executes plans by :mod:`netemu.lab` inside a virtual machine."""

    parallel = False

    def __init__(self, name: str) -> None:
        self.options = parse_name(name)
        self.name = name

    @contextlib.contextmanager
    def guarded(self, directory: Path) -> Iterator[None]:
        """See :meth:`netemu.kernels.Kernel.guarded`; it takes no root, and a directory that was renamed stays."""
        with guard([directory]):
            yield

    def execute(self, plan: Plan, recording: Recording, progress: Progress) -> None:
        """See :meth:`netemu.kernels.Kernel.execute`."""
        refuse_other_kernels(plan, self.name)
        store = open_store()
        image = find_image(self.options.kernel, store)
        image.verify()
        require_programs()
        hardware = VirtualMachine(
            image,
            memory_bytes=self.options.memory_bytes,
            cpus=self.options.cpus,
            standstill_s=self.options.standstill_ns / 1e9,
        )
        accel, why = choose_accel(hardware, self.options.accel, store.own.parent / ACCEL_CACHE, progress)
        if accel == "tcg":
            refuse_rates(plan, TCG_RATE_BPS, self.name)
        machine = replace(hardware, accel=accel)
        recording.plan.write_text(to_json(plan))

        def boot(on_message: Listener) -> Guest:
            # The lab finds itself in a cage, the guest.
            argv = ["netemu.lab", GUEST_RECORDING]
            return run_vm(machine, argv, recording.root, on_message, {RUN_ID_VARIABLE: "guest"})

        progress(f"booting Linux {image.release} in a virtual machine ({accel})")
        watch = Withheld(progress)
        guest = run_lab(self.name, machine.memory_bytes, watch, boot)
        describe_guest(recording, _account(machine, guest, why))
        if accel == "kvm":
            tell_withheld(recording, plan, watch.ns)


def _account(machine: VirtualMachine, guest: Guest, why: str) -> dict[str, Any]:
    """Which kernel it was, by the hash of its image, and on what it ran."""
    image = machine.image
    return {
        "kernel": image.name,
        "origin": "file" if image.manifest is None else "debian",
        "release": guest.release,
        "sha256": image.sha256,
        "config_sha256": None if image.manifest is None else image.manifest.config_sha256,
        "accel": machine.accel,
        "accel_reason": why,
        "command_line": (guest.command_line or "").split(),
        "time": "real" if machine.accel == "kvm" else "emulated",
        "icount": None if machine.accel == "kvm" else ICOUNT,
        "memory_bytes": machine.memory_bytes,
        "cpus": machine.cpus,
        **versions(),
    }
