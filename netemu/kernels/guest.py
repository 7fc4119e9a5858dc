"""What every guest has in common, whatever it runs on: its work, its console, its watch, and its end in any case.

A guest's first process (:mod:`~netemu.kernels.uml_init`) prints JSON lines on the console: ``up``, ``beat``, ``exit``
and ``fault`` are its own, all others are the work's. Lines that are no JSON are the kernel's or an error's.
"""

from __future__ import annotations

import compileall
import contextlib
import json
import os
import re
import secrets
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

from netemu import errors
from netemu.errors import NetemuError, VoidRun
from netemu.kernels.guest_name import with_memory
from netemu.recording.account import add_to_account
from netemu.recording.layout import Recording

Listener = Callable[[dict[str, Any]], None]
"""Gets every JSON object that the work in a guest prints."""

GUEST_RECORDING = "/run/netemu/recording"
"""Where the guest sees the run's directory, whatever it is called outside."""

PACKAGES = Path(__file__).resolve().parents[2]
"""The directory that holds the netemu package."""

_INIT = Path(__file__).with_name("uml_init.py")
_GUARD = Path(__file__).with_name("uml_guard.py")
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C.UTF-8"}
_TAIL_LINES = 12
_LACK_OF_MEMORY = ("Cannot allocate memory", "MemoryError")
"""What a program says that gets no memory: the errno's text, Python's exception."""
_STACK = re.compile(
    r"^\s*(\[<[0-9a-f]+>\]|[0-9a-f]{8,16}( [0-9a-f]{8,16})*$|Stack:|Call Trace:|R[A-Z0-9]{1,2}:|</?(TASK|IRQ|NMI)>"
    r"|(\? )?[\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+)"
)
"""Lines of a kernel's stack dump, which would push out what it said before."""
_DECORATION = re.compile(r"^(<\d>)?(\[ *\d+\.\d+\] ?)?")


@dataclass(slots=True)
class Guest:
    """A guest that runs: its lines, and what they said so far."""

    process: subprocess.Popen[bytes]
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))
    release: str | None = None
    command_line: str | None = None
    fault: str | None = None
    exit_code: int | None = None

    def take(self, line: str, on_message: Listener) -> None:
        """Sort one line of the console: ours, the work's, or anybody's."""
        message = _message(line)
        if message is None:
            text = _DECORATION.sub("", line)
            if text and not _STACK.match(text):
                self.tail.append(text)
        elif "up" in message:
            self.release = message["up"]
            self.command_line = message.get("command_line")
        elif "fault" in message:
            self.fault = message["fault"]
        elif "exit" in message:
            self.exit_code = message["exit"]
        elif "beat" not in message:
            on_message(message)

    @property
    def said(self) -> str:
        """The console's last lines, in one."""
        return " | ".join(self.tail) or "nothing"

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
        return f"the guest {how} before its work was done; its console's last lines: {self.said}"


@dataclass(frozen=True, slots=True)
class Work:
    """``python -m argv`` in a guest, after ``modules`` are loaded; ``virtual``: where its clock is."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    modules: Sequence[str] = ()
    virtual: bool = False


def prepare(control: Path, work: Work, recording: Path) -> None:
    """Lay out the control directory: init, its work, and the way to the recording."""
    compile_package(PACKAGES / "netemu")
    interpreter = Path(sys.executable).resolve()
    init = control / "init"
    init.write_text(f"#!{interpreter} -SBEs\n{_INIT.read_text()}")
    init.chmod(0o755)
    (control / "recording").symlink_to(recording.resolve())
    content = {
        "argv": list(work.argv),
        "path": [str(PACKAGES), *_library_path()],
        "environment": {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LC_ALL": "C.UTF-8",
            "HOME": "/run/netemu/scratch",
            "TMPDIR": "/run/netemu/scratch",
            **work.environment,
        },
        "modules": list(work.modules),
        "heartbeat_s": 1.0,
        # Linux lets a sleeping process wake 50 us late, to save power; 0 means that default.
        "timer_slack_ns": 1 if work.virtual else 0,
        "reseed": work.virtual,
    }
    (control / "work.json").write_text(json.dumps(content))


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
def guard(
    trees: Sequence[Path],
    argv: Sequence[str] | None = None,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    descriptors: Sequence[int] = (),
    *,
    writable: Sequence[Path] | None = None,
    processor: int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A :mod:`~netemu.kernels.uml_guard` over the directories ``trees`` and the program ``argv``.

    The program inherits ``descriptors`` under their numbers. It can write below ``writable`` alone (None: anywhere),
    where the machine's kernel has Landlock, and runs on ``processor`` alone (None: on any).

    When the block is left, or this process ends in whatever way, the program and everything below it is killed and the
    trees are removed. The program's standard output and error are the process's ``stdout``.
    """
    # A tree that is not there yet is one that the caller is about to make.
    spec = {
        "argv": argv,
        "trees": [[str(tree), tree.lstat().st_ino if tree.exists() else None] for tree in trees],
        "writable": None if writable is None else [str(place) for place in writable],
        "processor": processor,
    }
    process = subprocess.Popen(
        [sys.executable, "-S", "-s", "-E", str(_GUARD), json.dumps(spec)],
        cwd=directory,
        env=_ENVIRONMENT | dict(environment or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        pass_fds=descriptors,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def temporary_directory(prefix: str, parent: Path | None = None) -> Iterator[Path]:
    """A directory of ours that is gone afterwards, even if this process is killed the moment after it was made."""
    path = Path(parent or tempfile.gettempdir()) / f"{prefix}{secrets.token_hex(6)}"
    with guard([path]):
        path.mkdir(mode=0o700)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def follow(guest: Guest, up_s: float, standstill_s: float, on_message: Listener) -> None:
    """Read the console until it ends; :class:`VoidRun` when the guest is not up after ``up_s``, or silent for long."""
    output = guest.process.stdout
    assert output is not None
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        begun = time.monotonic()
        while True:
            limit_s = standstill_s if guest.release is not None else up_s - (time.monotonic() - begun)
            if not selector.select(max(limit_s, 0)):
                raise _hung(guest, up_s, standstill_s)
            chunk = os.read(output.fileno(), 1 << 16)
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                guest.take(line.decode(errors="replace").rstrip("\r"), on_message)
            if not chunk:
                guest.process.wait()
                return


def _hung(guest: Guest, up_s: float, standstill_s: float) -> VoidRun:
    if guest.release is None:
        return VoidRun(f"the guest did not come up within {up_s:g} s; its console's last lines: {guest.said}")
    return VoidRun(
        f"the guest's clock has stood still for {standstill_s:g} s of this machine's time, so it was ended (a program"
        " in it that spins without sleeping stops virtual time; a large run can be given longer with ?standstill=); its"
        f" console's last lines: {guest.said}"
    )


def early_end(guest: Guest) -> NetemuError:
    """Why a guest ended that has not said its exit code."""
    if guest.fault is not None:
        return VoidRun(f"the guest could not start its work: {guest.fault}")
    if guest.out_of_memory:
        return VoidRun(f"the guest ran out of memory: give it more with ?memory=; {guest.describe_end()}")
    return VoidRun(guest.describe_end())


def run_lab(name: str, memory_bytes: int, progress: Callable[[str], None], boot: Callable[[Listener], Guest]) -> Guest:
    """Have the guest that ``boot`` starts run the lab; what the lab says of its steps goes to ``progress``.

    :raises NetemuError: the lab's own error.
    :raises VoidRun: it ended without one; ``name`` is the kernel's, to be named with more than its ``memory_bytes``.
    """
    failures: list[NetemuError] = []

    def on_message(message: dict[str, Any]) -> None:
        if "error" in message:
            kind: type[NetemuError] = getattr(errors, message["error"], VoidRun)
            failures.append(kind(message["message"]))
        elif "progress" in message:
            progress(message["progress"])

    guest = boot(on_message)
    lacking = (
        f"the guest ran out of its {memory_bytes >> 20} MiB of memory: give it more, such as"
        f" --kernel '{with_memory(name, '4G')}'"
    )
    if failures and (guest.out_of_memory or any(words in str(failures[0]) for words in _LACK_OF_MEMORY)):
        raise VoidRun(f"{lacking}; the lab said: {failures[0]}")
    if failures:
        raise failures[0]
    if guest.exit_code != 0:
        if guest.out_of_memory:
            raise VoidRun(f"{lacking}; the console said: {guest.said}")
        raise VoidRun(
            f"the lab in the guest ended with exit code {guest.exit_code}; the console's last lines: {guest.said}"
        )
    return guest


def describe_guest(recording: Recording, account: Mapping[str, Any]) -> None:
    """Add to the execution's account which guest it was."""
    add_to_account(recording, guest=dict(account))


def _message(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        message = json.loads(line)
    except json.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None
