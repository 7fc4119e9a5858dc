"""What virtual machines need of this machine: QEMU, virtme-ng and a few small programs. All of it is optional."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from netemu.errors import MissingCapability
from netemu.lab.capabilities import Finding

REMEDY = "tools/setup --vm"
"""The one command that adds all of it (Debian packages: tools/debian-packages-vm; virtme-ng: the extra ``vm``)."""

PROGRAMS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "file": "file",
    "depmod": "kmod",
    "modprobe": "kmod",
}
"""Program -> the Debian package that holds it."""

VIRTME = "virtme-run"
_PURPOSE = "stock kernels in virtual machines, for --kernel vm"


def program_places() -> list[str]:
    """Where programs are looked for: beside this interpreter, on the PATH, and where root's are as well."""
    return [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"]


def find_program(name: str) -> str | None:
    """The path of a program."""
    return shutil.which(name, path=os.pathsep.join(program_places()))


def missing_programs() -> dict[str, str]:
    """Each program that is not there, with what holds it."""
    missing = {name: package for name, package in PROGRAMS.items() if find_program(name) is None}
    return missing if find_program(VIRTME) else missing | {VIRTME: "virtme-ng"}


def require_programs() -> None:
    """:class:`MissingCapability` names all that is missing, and the one command that adds it."""
    if os.uname().machine != "x86_64":
        raise MissingCapability(
            f"vm: virtual machines are known to work on x86_64 only, this is {os.uname().machine}: use --kernel host"
        )
    missing = missing_programs()
    if missing:
        held = ", ".join(f"{name} ({package})" for name, package in missing.items())
        raise MissingCapability(f"vm: to run a virtual machine, {held} is missing: {REMEDY}")


@functools.cache
def versions() -> dict[str, str]:
    """QEMU's and virtme-ng's versions, for a run's account."""
    return {"qemu": _version("qemu-system-x86_64"), "virtme_ng": _version("vng")}


def _version(name: str) -> str:
    """The first number that the program gives as its version."""
    program = find_program(name)
    if program is None:
        return "unknown"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"\d+(\.\d+)+", said)
    return match[0] if match else "unknown"


def findings() -> list[Finding]:
    """One line of ``netemu doctor``."""
    missing = missing_programs()
    if missing:
        held = ", ".join(missing)
        return [Finding("virtual machines", "missing", f"without {held}", _PURPOSE, REMEDY)]
    return [Finding("virtual machines", "ok", "QEMU and virtme-ng", _PURPOSE)]
