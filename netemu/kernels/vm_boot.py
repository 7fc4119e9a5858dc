"""Boot a stock kernel under QEMU by virtme-ng, with our own first process, follow its console, and end it.

::

    netemu -- guard -- virtme-run -- qemu
                         |             |  netemu-files: this machine's files by 9p, read-only
                         |             |  netemu-recording: the run's directory by 9p, the only one to be written
                         |             '- ttyS0: JSON lines and the kernel's messages
                         '- makes the initial RAM file system: busybox, and the modules of 9p and virtio

virtme-ng is GPL-2.0, so it is called as a process. Its initial RAM file system mounts the root and starts what the
kernel's command line names as ``init=``. That line is ours, for of two ``-append`` QEMU takes the last: a script that
mounts the root once more, with a cache (without one each start of Python takes seconds under emulation), and starts
:mod:`~netemu.kernels.uml_init` in it. Nothing of virtme's runs beside that.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netemu.errors import MissingCapability, NetemuError
from netemu.kernels.guest import Guest, Listener, Work, early_end, follow, guard, prepare, temporary_directory
from netemu.kernels.uml_init import SHARE
from netemu.kernels.vm_image import VmImage
from netemu.kernels.vm_tools import VIRTME, find_program, program_places, require_programs

Accel = Literal["kvm", "tcg"]

ICOUNT = "shift=0,sleep=off"
"""The clock of an emulated guest: each instruction takes 1 ns, and where nobody has anything to do it jumps.

By this machine's clock an emulated guest would be late whenever this machine is busy, and a hundred times slower than
the hosts it stands for. By its own it is a processor of a thousand million instructions a second.
"""

_FILES = "netemu-files"
_BOOT = """\
#!{busybox} sh
{busybox} mount -t 9p -o ro,trans=virtio,version=9p2000.L,access=any,cache=loose,msize=512000 {files} /run
exec {busybox} chroot /run {control}/init
"""
_LEAN = ("nokaslr", "mitigations=off", "audit=0", "cryptomgr.notests")
"""What emulation has to do without: none of it concerns the network."""

_SAFE = re.compile(r"^[A-Za-z0-9_+/.-]+$")
"""Paths that a kernel's command line can hold."""
_HIDDEN = ("/run/", "/dev/", "/proc/", "/sys/")
"""Places where the guest has file systems of its own."""
_NO_ROOT = "Failed to mount real root"


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """A guest's hardware. ``options``: further words of the kernel's command line.

    ``up_s``: how long it may take to boot; ``standstill_s``: how long it may say nothing.
    """

    image: VmImage
    accel: Accel = "tcg"
    memory_bytes: int = 1 << 30
    cpus: int = 1
    options: tuple[str, ...] = ()
    up_s: float = 300.0
    standstill_s: float = 300.0

    def command_line(self, control: Path) -> list[str]:
        """The kernel's command line; its end names the run's control directory."""
        lean = _LEAN if self.accel == "tcg" else ()
        return ["console=ttyS0", "panic=-1", "quiet", "loglevel=4", *lean, *self.options, f"init={control}/boot"]

    @property
    def _emulation(self) -> list[str]:
        """Without KVM: a clock that counts instructions, and a kernel that need not be unpacked first (PVH)."""
        unpacked = self.image.unpacked
        return ["-icount", ICOUNT, *(["-kernel", str(unpacked)] if unpacked is not None else [])]

    def argv(self, control: Path) -> list[str]:
        """The words of ``virtme-run`` that boot it with ``control``'s init."""
        return [
            find_program(VIRTME) or VIRTME,
            *("--kimg", str(self.image.kernel), "--mods", "none" if self.image.modules is None else "auto"),
            *("--memory", f"{self.memory_bytes >> 20}M", "--cpus", str(self.cpus)),
            *("--force-9p", "--force-initramfs"),
            *(["--disable-kvm"] if self.accel == "tcg" else []),
            # In this mode the kernel's console is this process's standard error, and a panic ends QEMU.
            *("--script-sh", "exit 70", "--show-boot-console"),
            "--qemu-opts",
            *("-append", " ".join(self.command_line(control))),
            *(self._emulation if self.accel == "tcg" else ()),
            *("-fsdev", "local,id=files,path=/,security_model=none,multidevs=remap,readonly=on"),
            *("-device", f"virtio-9p-pci,fsdev=files,mount_tag={_FILES}"),
            *("-fsdev", f"local,id=recording,path={control}/recording,security_model=none,multidevs=remap"),
            *("-device", f"virtio-9p-pci,fsdev=recording,mount_tag={SHARE}"),
        ]


def run_vm(
    machine: VirtualMachine,
    argv: Sequence[str],
    recording: Path,
    on_message: Listener,
    environment: Mapping[str, str] | None = None,
) -> Guest:
    """Run ``python -m argv`` in a new virtual machine that may write to ``recording`` only, until both have ended.

    ``on_message`` gets every JSON object that the work prints. The guest sees this machine's files read-only, and
    ``recording`` as ``/run/netemu/recording``.

    :raises MissingCapability: a program or memory is missing, or the kernel has no 9p.
    :raises VoidRun: the guest panicked, hung, or was killed; the text has its console's last lines.
    """
    require_programs()
    _require_memory(machine.memory_bytes)
    with temporary_directory("netemu-vm-", Path(control_place())) as control:
        prepare(control, Work(argv, environment or {}, machine.image.module_files), recording)
        boot = control / "boot"
        boot.write_text(_BOOT.format(busybox=find_program("busybox"), files=_FILES, control=control))
        boot.chmod(0o755)
        # virtme-run leaves files in its temporary directory and in its user's cache.
        private = {"TMPDIR": str(control), "HOME": str(control), "PATH": os.pathsep.join(program_places())}
        with guard([control], machine.argv(control), control, private) as process:
            guest = Guest(process)
            follow(guest, machine.up_s, machine.standstill_s, on_message)
    if guest.exit_code is None or guest.fault is not None:
        raise _early_end(guest)
    return guest


def control_place() -> str:
    """A directory that may be written and whose name the guest can be told, for the control directory."""
    tried = (tempfile.gettempdir(), "/tmp", "/var/tmp")
    for place in tried:
        if _SAFE.match(place) and not f"{place}/".startswith(_HIDDEN) and os.access(place, os.W_OK | os.X_OK):
            return place
    raise MissingCapability(
        f"vm: no directory for temporary files that a guest can be told of ({', '.join(tried)}): set TMPDIR to one"
        " whose path has letters, digits and _+/.- only, outside /run and /dev"
    )


def _require_memory(memory_bytes: int) -> None:
    free = available_bytes(Path("/proc/meminfo").read_text())
    if free < memory_bytes:
        raise MissingCapability(
            f"vm: {memory_bytes >> 20} MiB of memory are asked for, {free >> 20} MiB are free on this machine: ask for"
            " less with ?memory=, or end other programs"
        )


def available_bytes(meminfo: str) -> int:
    """``MemAvailable`` of ``/proc/meminfo``."""
    match = re.search(r"^MemAvailable: +(\d+) kB", meminfo, re.MULTILINE)
    return int(match[1]) << 10 if match else 0


def _early_end(guest: Guest) -> NetemuError:
    if any(_NO_ROOT in line for line in guest.tail):
        return MissingCapability(
            "vm: this kernel cannot see this machine's files: it has no 9p over virtio (Debian's cloud kernels lack"
            " it): netemu kernels get vm:VERSION fetches one that has"
        )
    programs = [line for line in guest.tail if line.startswith(("qemu-system-", "virtme-run:"))]
    if guest.release is None and programs:
        return MissingCapability(f"vm: the virtual machine did not start: {programs[-1]}")
    return early_end(guest)
