"""Boot a User-Mode Linux guest as an ordinary process, follow its console, and end it whatever happens."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netemu.errors import MissingCapability, NetemuError
from netemu.kernels.guest import Guest, Listener, Work, early_end, follow, guard, prepare, temporary_directory
from netemu.kernels.processor import own_processor

_START_NS = 1_700_000_000 * 10**9
# Before 6.16 a guest's processes are clones of the kernel's process with other memory; the C library's restartable
# sequences would have our kernel write into memory that is gone, and kill them.
_TUNABLES = {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}
UP_S = 60.0
"""How long a guest may take to come up."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A guest's hardware. ``random_seed`` makes its random numbers (where ``virtual``), ``memory_bytes`` its RAM;
    ``options`` are further words of its command line.

    ``standstill_s``: how long the guest's clock may show nothing new, in this machine's time, before it counts as hung.
    """

    binary: Path
    memory_bytes: int = 1 << 30
    virtual: bool = False
    random_seed: int = 0
    modules: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    standstill_s: float = 300.0

    @property
    def command_line(self) -> list[str]:
        """The kernel's command line, the same in every run with this hardware: it holds no path and no run's name."""
        line = [
            "linux",
            f"mem={self.memory_bytes >> 20}M",
            "root=/dev/root",
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            "init=/proc/self/cwd/init",
            "con=null",
            "con0=null,fd:1",
            "uml_dir=./",
            "umid=uml",
            "panic=-1",
            "quiet",
            *self.options,
        ]
        if self.virtual:
            line += ["time-travel=inf-cpu", f"time-travel-start={_START_NS}", f"random_seed={self.random_seed}"]
        return line


def run_guest(
    machine: Machine,
    argv: Sequence[str],
    recording: Path,
    on_message: Listener,
    environment: Mapping[str, str] | None = None,
) -> Guest:
    """Run ``python -m argv`` in a new guest that may write to ``recording`` only, and wait until both have ended.

    ``on_message`` gets every JSON object that the work prints. The guest sees this machine's files read-only, and
    ``recording`` as ``/run/netemu/recording``.

    :raises MissingCapability: there is no room for the guest's memory, or the program does not run here.
    :raises VoidRun: the guest panicked, hung, or was killed; the text has its console's last lines.
    """
    with booted(machine, argv, recording, environment) as guest:
        follow(guest, UP_S, machine.standstill_s, on_message)
    if guest.exit_code is None or guest.fault is not None:
        raise why_ended(guest)
    return guest


@contextlib.contextmanager
def booted(
    machine: Machine,
    argv: Sequence[str],
    recording: Path,
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> Iterator[Guest]:
    """A guest as :func:`run_guest` starts it, whose console the caller reads; it is gone when the block is left.

    ``descriptors`` are open in the guest's program under their numbers, for devices that its command line names.
    """
    # Its memory lies in the control directory too: one directory to remove, and the only one besides the recording that
    # the guest's kernel may write to, whatever the guest mounts.
    with temporary_directory("netemu-uml-", memory_place(machine.memory_bytes, recording)) as control:
        prepare(control, Work(argv, environment or {}, machine.modules, machine.virtual), recording)
        place = _TUNABLES | {"TMPDIR": str(control)}
        program = [str(machine.binary), *machine.command_line[1:]]
        may_write = _writable(control, recording)
        with (
            own_processor() if machine.virtual else contextlib.nullcontext() as processor,
            guard([control], program, control, place, descriptors, writable=may_write, processor=processor) as process,
        ):
            yield Guest(process)


def _writable(control: Path, recording: Path) -> list[Path]:
    """Where a guest's kernel may write: besides its own places to the devices that it tries its signals on."""
    devices = [Path(name) for name in ("/dev/null", "/dev/ptmx", "/dev/pts") if Path(name).exists()]
    return [control, recording, *devices]


def memory_place(memory_bytes: int, last: Path) -> Path:
    """A directory whose file system can hold the guest's memory: in RAM if possible, ``last`` if nothing else can."""
    tried = []
    for place in (Path("/dev/shm"), Path(os.environ.get("TMPDIR", "/tmp")), Path("/var/tmp"), last):
        if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
            free = shutil.disk_usage(place).free
            noexec = os.statvfs(place).f_flag & os.ST_NOEXEC
            if free >= memory_bytes and not noexec:
                return place
            tried.append(f"{place} {'is mounted noexec' if noexec else f'has {free >> 20} MiB free'}")
    raise MissingCapability(
        f"no directory can hold the guest's memory of {memory_bytes >> 20} MiB ({', '.join(tried)}): free space, name"
        " another directory with TMPDIR, or ask for less with ?memory="
    )


def why_ended(guest: Guest) -> NetemuError:
    """Why a guest ended that has not done its work."""
    if any("ptrace set fp regs failed" in line for line in guest.tail):
        return MissingCapability(
            "this kernel cannot save the registers of this machine's processor (AMX): netemu kernels build VERSION"
            " makes one that can"
        )
    return early_end(guest)
