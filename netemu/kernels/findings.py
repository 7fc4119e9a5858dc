"""What ``netemu doctor`` says of guests: the kernels that are here, what running one needs, what building needs."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

from netemu import compiled
from netemu.errors import BadInput, MissingCapability
from netemu.kernels.overview import outdated
from netemu.kernels.recipe import missing_tools
from netemu.kernels.sources import UNPACKED_BYTES
from netemu.kernels.store import Entry, open_store
from netemu.kernels.uml import UmlOptions
from netemu.kernels.uml_boot import memory_place
from netemu.kernels.uml_guard import landlock_version
from netemu.lab.capabilities import Finding

KERNELS, MEMORY, PTRACE, MODELS = "guest kernels", "guest memory", "ptrace", "models"
_PTRACE_TRACEME = 0
_WITHOUT_ROOT = "other kernels as ordinary processes (--kernel uml:VERSION), without root"


def findings() -> list[Finding]:
    """Look at the store and at this machine; nothing is booted."""
    try:
        store = open_store()
        stored = kernel_findings(store.entries(), str(store.own))
    except BadInput as error:
        stored = [Finding(KERNELS, "unknown", str(error), _WITHOUT_ROOT, "chmod -R a+rX DIR   # by its owner")]
    return [
        *stored,
        memory_finding(),
        ptrace_finding(can_be_traced()),
        landlock_finding(landlock_version()),
        build_finding(missing_tools()),
        models_finding(),
    ]


def guests_lack(found: Sequence[Finding]) -> list[str]:
    """What experiments in guests need and these findings do not show to be there."""
    status = {finding.name: finding.status for finding in found}
    return [name for name in (KERNELS, MEMORY, PTRACE) if status.get(name) != "ok"]


def guests_can_run(found: Sequence[Finding]) -> bool:
    """Whether experiments can run in guests, as far as these findings tell."""
    return not guests_lack(found)


def kernel_findings(entries: Sequence[Entry], place: str) -> list[Finding]:
    """The kernels by name, and one finding for each whose recipe is an older one."""
    if not entries:
        remedy = "netemu kernels build 7.2   # about 8 minutes of two cores"
        return [Finding(KERNELS, "missing", f"none in {place}", _WITHOUT_ROOT, remedy)]
    names = ", ".join(f"{entry.name}{'' if entry.manifest.virtual_time else ' (real time only)'}" for entry in entries)
    found = [Finding(KERNELS, "ok", names, _WITHOUT_ROOT)]
    for entry in entries:
        if not entry.up_to_date:
            detail = outdated(entry).partition(". ")[0]
            remedy = f"netemu kernels {entry.command}"
            found.append(Finding(entry.name, "ok", detail, "the kernel as netemu would build it today", remedy))
    return found


def memory_finding() -> Finding:
    """Where a guest's memory would lie."""
    wanted = UmlOptions("").memory_bytes
    purpose = f"a guest's memory: {wanted >> 20} MiB in a sparse file"
    try:
        return Finding(MEMORY, "ok", str(memory_place(wanted, Path.cwd())), purpose)
    except MissingCapability as error:
        remedy = "export TMPDIR=DIR   # on a disk with room, not mounted noexec"
        return Finding(MEMORY, "missing", str(error), purpose, remedy)


def ptrace_finding(possible: bool) -> Finding:
    """User-Mode Linux carries out its processes' system calls for them."""
    remedy = None if possible else "sudo sysctl kernel.yama.ptrace_scope=1   # or a container that allows ptrace"
    detail = "works" if possible else "refused"
    return Finding(PTRACE, "ok" if possible else "missing", detail, "guests' system calls", remedy)


def landlock_finding(version: int) -> Finding:
    """What keeps a guest's kernel from writing elsewhere, whatever a program in the guest mounts."""
    purpose = "keeps guests from writing anywhere but to their run's directory"
    if version:
        return Finding("Landlock", "ok", f"version {version}", purpose)
    remedy = "a kernel from 5.13 on with landlock in its lsm= list   # until then a guest's root can mount around it"
    return Finding("Landlock", "missing", "this machine's kernel has none", purpose, remedy)


def build_finding(missing: dict[str, str]) -> Finding:
    """Compiler and tools."""
    purpose = f"netemu kernels build, with {UNPACKED_BYTES / 1e9:g} GB of disk space"
    if not missing:
        return Finding("building kernels", "ok", "compiler and tools are there", purpose)
    remedy = f"sudo apt-get install --no-install-recommends {' '.join(sorted(set(missing.values())))}"
    return Finding("building kernels", "missing", f"without {', '.join(missing)}", purpose, remedy)


def models_finding() -> Finding:
    """Which form the models have."""
    purpose = "how fast models run (--kernel model:PROFILE): compiled several times faster, with the same results"
    form = compiled.form()
    remedy = None if form.name == "compiled" else f"{compiled.COMMAND}   # minutes of one core, needs a C compiler"
    return Finding(MODELS, "ok", str(form), purpose, remedy)


def can_be_traced() -> bool:
    """Whether a process of ours may ask to be traced (ptrace(2), PTRACE_TRACEME)."""
    libc = ctypes.CDLL(None, use_errno=True)
    pid = os.fork()
    if pid == 0:
        os._exit(int(libc.ptrace(_PTRACE_TRACEME, 0, 0, 0) != 0))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
