"""Whether a kernel boots under KVM on this machine: found out by booting it once, and remembered.

That ``/dev/kvm`` can be opened proves little: in a virtual machine it may be there and stock kernels hang on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from netemu.errors import MissingCapability, NetemuError
from netemu.kernels import Progress
from netemu.kernels.vm_boot import Accel, VirtualMachine, run_vm
from netemu.kernels.vm_tools import versions

KVM = Path("/dev/kvm")
_PROBE_S = 60.0
"""A kernel under KVM is up in about two seconds."""
_PROBE_BYTES = 512 << 20


def choose_accel(machine: VirtualMachine, asked: str, cache: Path, progress: Progress) -> tuple[Accel, str]:
    """What runs ``machine``'s guest, and why; ``asked``: ``auto``, ``kvm`` or ``tcg``.

    The answer of a probe is kept in ``cache``, by kernel and machine.

    :raises MissingCapability: KVM is asked for and cannot be had.
    """
    if asked == "tcg":
        return "tcg", "asked for"
    obstacle = kvm_obstacle()
    if obstacle is None:
        obstacle = _remembered_probe(machine, cache, progress)
    if obstacle is None:
        return "kvm", "a probe booted"
    if asked == "kvm":
        raise MissingCapability(
            f"vm: accel=kvm: {obstacle}: leave accel= out, or write accel=tcg, for slow emulation (after a change of"
            f" this machine remove {cache}, where the answer is kept)"
        )
    return "tcg", obstacle


def kvm_obstacle(device: Path = KVM) -> str | None:
    """Why KVM is out of the question without a probe; None when it is not."""
    if not device.exists():
        return f"{device} is not there"
    if not os.access(device, os.R_OK | os.W_OK):
        return f"{device} is not for this user (join its group, often kvm)"
    return None


def machine_key(kernel_sha256: str, cpuinfo: str, host_release: str) -> str:
    """Names a kernel on a machine: another processor, kernel of the host or QEMU may give another answer."""
    model = next((line for line in cpuinfo.splitlines() if line.startswith("model name")), "")
    parts = (kernel_sha256, model, host_release, versions()["qemu"])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _remembered_probe(machine: VirtualMachine, cache: Path, progress: Progress) -> str | None:
    key = machine_key(machine.image.sha256, Path("/proc/cpuinfo").read_text(), os.uname().release)
    answers = _read(cache)
    if key not in answers:
        progress("trying whether this kernel boots under KVM (the answer is kept)")
        answers = {**answers, key: {"kernel": machine.image.name, "obstacle": probe(machine)}}
        _write(cache, answers)
    obstacle: str | None = answers[key]["obstacle"]
    return obstacle


def probe(machine: VirtualMachine) -> str | None:
    """Boot ``machine`` under KVM with nothing to do; what went wrong, None when nothing did."""
    trial = replace(machine, accel="kvm", memory_bytes=_PROBE_BYTES, up_s=_PROBE_S, standstill_s=_PROBE_S)
    with tempfile.TemporaryDirectory(prefix="netemu-probe-") as scratch:
        try:
            guest = run_vm(trial, ["platform"], Path(scratch), lambda message: None)
        except NetemuError as error:
            return f"a probe under KVM failed: {error}"
    return None if guest.exit_code == 0 else f"a probe under KVM ended with {guest.exit_code}: {guest.said}"


def _read(cache: Path) -> dict[str, Any]:
    """Remembered answers; a file that is none is made anew."""
    try:
        answers = json.loads(cache.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return answers if isinstance(answers, dict) else {}


def _write(cache: Path, answers: dict[str, Any]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=cache.parent, delete=False) as file:
        json.dump(answers, file, indent=2)
    Path(file.name).rename(cache)
