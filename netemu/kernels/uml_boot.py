"""Boot a User-Mode Linux guest as an ordinary process, follow its console, and end it whatever happens."""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

from netemu.errors import MissingCapability, VoidRun

_PACKAGES = Path(__file__).resolve().parents[2]
_INIT = Path(__file__).with_name("uml_init.py")
_GUARD = Path(__file__).with_name("uml_guard.py")
_START_NS = 1_700_000_000 * 10**9
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/",
    "LC_ALL": "C.UTF-8",
    # Before 6.16 a guest's processes are clones of the kernel's process with other memory; the C library's restartable
    # sequences would have our kernel write into memory that is gone, and kill them.
    "GLIBC_TUNABLES": "glibc.pthread.rseq=0",
}
_UP_S = 60.0
_TAIL_LINES = 12
_STACK = re.compile(r"^\s*(\[<[0-9a-f]+>\]|[0-9a-f]{8,16}( [0-9a-f]{8,16})*$|Stack:|Call Trace:|R[A-Z0-9]{1,2}:)")
"""Lines of a kernel's stack dump, which would push out what it said before."""
_DECORATION = re.compile(r"^(<\d>)?(\[ *\d+\.\d+\] ?)?")


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


@dataclass(slots=True)
class Guest:
    """A guest that runs: its lines, and what they said so far."""

    process: subprocess.Popen[bytes]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))
    release: str | None = None
    fault: str | None = None
    exit_code: int | None = None

    def take(self, line: str, on_message: Callable[[dict[str, Any]], None]) -> None:
        """Sort one line of the console: ours, the work's, or anybody's."""
        message = _message(line)
        if message is None:
            text = _DECORATION.sub("", line)
            if text and not _STACK.match(text):
                self.tail.append(text)
        elif "up" in message:
            self.release = message["up"]
        elif "fault" in message:
            self.fault = message["fault"]
        elif "exit" in message:
            self.exit_code = message["exit"]
        elif "beat" not in message:
            on_message(message)

    @property
    def out_of_memory(self) -> bool:
        """Whether the kernel has said so."""
        return any("Out of memory" in line or "out of memory" in line for line in self.tail)

    def describe_end(self) -> str:
        """Why a guest that did not reach its end ended, with the console's last lines."""
        code = self.process.returncode
        killed = code is not None and code - 128 in signal.valid_signals()
        how = f"was ended by {signal.Signals(code - 128).name}" if killed else f"ended with {code}"
        if code == 128 + signal.SIGBUS:
            how += " (the file system that holds its memory is full?)"
        said = " | ".join(self.tail) or "nothing"
        return f"the guest {how} before its work was done; its console's last lines: {said}"


def run_guest(
    machine: Machine,
    argv: Sequence[str],
    recording: Path,
    on_message: Callable[[dict[str, Any]], None],
    environment: Mapping[str, str] | None = None,
) -> Guest:
    """Run ``python -m argv`` in a new guest that may write to ``recording`` only, and wait until both have ended.

    ``on_message`` gets every JSON object that the work prints. The guest sees this machine's files read-only, and
    ``recording`` as ``/run/netemu/recording``.

    :raises MissingCapability: there is no room for the guest's memory, or the program does not run here.
    :raises VoidRun: the guest panicked, hung, or was killed; the text has its console's last lines.
    """
    with tempfile.TemporaryDirectory(prefix="netemu-uml-") as made:
        control = Path(made)
        _prepare(control, machine, argv, recording, environment or {})
        with _started(machine, control, memory_place(machine.memory_bytes, recording)) as process:
            guest = Guest(process)
            _follow(guest, machine, on_message)
    if guest.fault is not None:
        raise VoidRun(f"the guest could not start its work: {guest.fault}")
    if guest.exit_code is None:
        raise _early_end(guest)
    return guest


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


def _prepare(
    control: Path, machine: Machine, argv: Sequence[str], recording: Path, environment: Mapping[str, str]
) -> None:
    """Lay out the control directory: init, its work, and the way to the recording."""
    compile_package(_PACKAGES / "netemu")
    interpreter = Path(sys.executable).resolve()
    init = control / "init"
    init.write_text(f"#!{interpreter} -SBEs\n{_INIT.read_text()}")
    init.chmod(0o755)
    (control / "recording").symlink_to(recording.resolve())
    work = {
        "argv": list(argv),
        "path": [str(_PACKAGES), *_library_path()],
        "environment": {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
            "HOME": "/run/netemu/scratch",
            "TMPDIR": "/run/netemu/scratch",
            **environment,
        },
        "modules": list(machine.modules),
        "heartbeat_s": 1.0,
        # Linux lets a sleeping process wake 50 us late, to save power; 0 means that default.
        "timer_slack_ns": 1 if machine.virtual else 0,
        "reseed": machine.virtual,
    }
    (control / "work.json").write_text(json.dumps(work))


def compile_package(package: Path) -> None:
    """Have bytecode of every module: a guest cannot write it, so each process in it would compile what it imports."""
    for source in package.rglob("*.py"):
        bytecode = Path(cache_from_source(source))
        if not bytecode.exists() or bytecode.stat().st_mtime < source.stat().st_mtime:
            # What cannot be written (another user's files) a guest goes without: it starts later, with the same result.
            compileall.compile_file(source, quiet=2)


def _library_path() -> list[str]:
    """Where this interpreter finds its libraries besides the standard one."""
    return [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]


@contextlib.contextmanager
def _started(machine: Machine, control: Path, memory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The guest's process below its guard; ended with all its children when the block is left."""
    with guard([control], [str(machine.binary), *machine.command_line[1:]], control, memory) as process:
        yield process


@contextlib.contextmanager
def guard(
    trees: Sequence[Path],
    argv: Sequence[str] | None = None,
    directory: Path | None = None,
    memory: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A :mod:`~netemu.kernels.uml_guard` over the directories ``trees`` and the program ``argv``.

    When the block is left, or this process ends in whatever way, the program and everything below it is killed and the
    trees are removed. The program's standard output and error are the process's ``stdout``.
    """
    spec = {"argv": argv, "trees": [[str(tree), tree.lstat().st_ino] for tree in trees]}
    process = subprocess.Popen(
        [sys.executable, "-S", "-s", "-E", str(_GUARD), json.dumps(spec)],
        cwd=directory,
        env=_ENVIRONMENT | ({"TMPDIR": str(memory)} if memory else {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()


def _follow(guest: Guest, machine: Machine, on_message: Callable[[dict[str, Any]], None]) -> None:
    """Read the console until it ends; :class:`VoidRun` when nothing new comes for too long."""
    output = guest.process.stdout
    assert output is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        begun = time.monotonic()
        while True:
            limit_s = machine.standstill_s if guest.release is not None else _UP_S - (time.monotonic() - begun)
            if not selector.select(max(limit_s, 0)):
                raise _hung(guest, limit_s)
            chunk = os.read(output.fileno(), 1 << 16)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                guest.take(line.decode(errors="replace").rstrip("\r"), on_message)
            if not chunk:
                guest.process.wait()
                return


def _hung(guest: Guest, limit_s: float) -> VoidRun:
    said = " | ".join(guest.tail) or "nothing"
    if guest.release is None:
        return VoidRun(f"the guest did not come up within {_UP_S:g} s; its console's last lines: {said}")
    return VoidRun(
        f"the guest's clock has stood still for {limit_s:g} s of this machine's time, so it was ended (a program in it"
        " that spins without sleeping stops virtual time; a large run can be given longer with ?standstill=); its"
        f" console's last lines: {said}"
    )


def _early_end(guest: Guest) -> Exception:
    if guest.out_of_memory:
        return VoidRun(f"the guest ran out of memory: give it more with ?memory=; {guest.describe_end()}")
    if any("ptrace set fp regs failed" in line for line in guest.tail):
        return MissingCapability(
            "this kernel cannot save the registers of this machine's processor (AMX): netemu kernels build VERSION"
            " makes one that can"
        )
    return VoidRun(guest.describe_end())


def _message(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        message = json.loads(line)
    except json.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None
