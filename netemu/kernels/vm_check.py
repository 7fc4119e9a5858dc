"""``netemu kernels check vm:...``: boot an image as runs would, and report what it proved."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from netemu.errors import NetemuError
from netemu.kernels import Progress
from netemu.kernels.check import Report, prove
from netemu.kernels.vm_accel import choose_accel
from netemu.kernels.vm_boot import VirtualMachine, run_vm
from netemu.kernels.vm_image import VmImage
from netemu.kernels.vm_tools import require_programs

_MEMORY_BYTES = 512 << 20


def check_image(image: VmImage, cache: Path, progress: Progress) -> Report:
    """Boot ``image`` under KVM if a probe of it does, else emulated; ``cache``: where the probe's answer is kept."""
    image.verify()
    require_programs()
    report = Report(image.name, image.sha256, family="vm")
    hardware = VirtualMachine(image, memory_bytes=_MEMORY_BYTES)
    accel, why = choose_accel(hardware, "auto", cache, progress)
    progress(f"booting in real time ({accel})")
    try:
        findings = prove(partial(run_vm, replace(hardware, accel=accel)))
        report.findings["real"] = [*findings, {"check": "accel", "measured": f"{accel}: {why}", "ok": True}]
    except NetemuError as error:
        report.errors["real"] = str(error)
    return report
