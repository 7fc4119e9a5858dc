"""The long-lived processes of a run and the protocol they share: ``ready``, ``go <t0>``, ``stop``, one summary line.

A member prints ``ready`` when it can work, waits for ``go``, and ends by itself, on ``stop`` or on the end of its
standard input; its last line is a JSON object, and an exit code other than 0 makes the run void.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from netemu.errors import BadInput, MissingCapability, NetemuError, VoidRun
from netemu.lab.namespace import Namespace

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 20.0


def python_argv(module: str, *arguments: str) -> list[str]:
    """The argument list that runs ``module`` of netemu: fast, without site-packages; sure, without what lies around."""
    return [sys.executable, "-S", "-s", "-P", "-m", module, *arguments]


def python_environment() -> dict[str, str]:
    """The whole environment of a member: what it needs to find netemu, and nothing of the user's."""
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": str(PACKAGE_ROOT),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }


@dataclass(slots=True)
class Member:
    """One process of a run. ``essential``: its failure makes the run void at once."""

    name: str
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    buffer: bytearray = field(default_factory=bytearray)
    lines: list[bytes] = field(default_factory=list)
    closed: bool = False

    def say(self, line: str) -> None:
        """Send one line. A member that has already ended does not hear it; its last words are still to be taken."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def pump(self) -> None:
        """Take what the member has printed; never blocks when called after its pipe was found readable."""
        assert self.process.stdout is not None
        chunk = os.read(self.process.stdout.fileno(), 1 << 16)
        self.closed = not chunk
        self.buffer += chunk
        *complete, rest = self.buffer.split(b"\n")
        self.lines.extend(bytes(line) for line in complete)
        self.buffer = bytearray(rest)

    @property
    def ready(self) -> bool:
        """Whether the member has said that it can work."""
        return b"ready" in self.lines

    def fault(self) -> str:
        """What the member wrote to its standard error, shortened to its last line."""
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace").strip().splitlines()
        return text[-1] if text else "it printed no error"

    def summary(self) -> dict[str, Any]:
        """The JSON object of the last line; :class:`VoidRun` when the member failed or said nothing."""
        code = self.process.wait(timeout=10)
        last = next((line for line in reversed(self.lines) if line.startswith(b"{")), None)
        # A recorder that knows why its record is void says so in its summary before it ends with that code.
        if last is None or code not in (0, VoidRun.exit_code):
            raise VoidRun(f"{self.name} ended with exit code {code}: {self.fault()}")
        summary: dict[str, Any] = json.loads(last)
        return summary


def start(
    name: str,
    spec: Mapping[str, Any],
    directory: Path,
    namespace: Namespace | None = None,
    module: str = "netemu.agents",
    *,
    descriptors: Sequence[int] = (),
) -> Member:
    """Start ``module`` of netemu on ``spec``, by default an agent, inside ``namespace`` if there is one.

    It inherits ``descriptors`` under their numbers.
    """
    path = directory / f"{name}.spec.json"
    path.write_text(json.dumps(spec))
    # Standard error goes to a file: a pipe that nobody reads could stop a member in the middle of a run.
    errors = (directory / f"{name}.stderr").open("w+b")
    options: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": errors,
        "env": python_environment(),
        "close_fds": True,
        "pass_fds": descriptors,
    }
    argv = python_argv(module, str(path))
    process = subprocess.Popen(argv, **options) if namespace is None else namespace.popen(argv, **options)
    return Member(name, process, errors)


def wait_ready(members: Iterable[Member]) -> None:
    """Wait until every member is ready; an error names the first that ended or took too long.

    :raises BadInput: a value that the kernel refuses, such as the size of a buffer.
    :raises MissingCapability: something that this kernel has not, such as a congestion control.
    :raises VoidRun: anything else.
    """
    waiting = {member.name: member for member in members}
    _pump_until(waiting, lambda member: member.ready, time.monotonic() + READY_TIMEOUT_S)
    for member in waiting.values():
        raise VoidRun(f"{member.name} was not ready after {READY_TIMEOUT_S:g} s: {member.fault()}")


def wait_end(members: Iterable[Member], deadline: float) -> list[Member]:
    """Wait until every member has closed its output, until ``deadline`` (monotonic s); those that have not."""
    waiting = {member.name: member for member in members if not member.closed}
    _pump_until(waiting, lambda member: member.closed, deadline)
    return list(waiting.values())


def _pump_until(waiting: dict[str, Member], done: Any, deadline: float) -> None:
    """Remove from ``waiting`` each member for which ``done`` becomes true, until ``deadline``."""
    with selectors.DefaultSelector() as selector:
        for member in list(waiting.values()):
            if done(member):
                del waiting[member.name]
            else:
                selector.register(member.process.stdout, selectors.EVENT_READ, member)  # type: ignore[arg-type]
        while waiting:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            for key, _ in selector.select(left):
                member = key.data
                member.pump()
                if done(member):
                    del waiting[member.name]
                    selector.unregister(key.fileobj)
                elif member.closed:
                    raise _early_end(member)


def _early_end(member: Member) -> NetemuError:
    """Why a member ended before it was ready: by its exit code the user's mistake, or what this kernel lacks."""
    code = member.process.wait(timeout=10)
    kind = next((kind for kind in (BadInput, MissingCapability) if kind.exit_code == code), VoidRun)
    return kind(f"{member.name} ended before it was ready: {member.fault()}")
