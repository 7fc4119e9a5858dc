"""What a run consists of while it lives, and what of that is still there afterwards.

A namespace's number is given to another one as soon as it is free, so a namespace alone proves nothing. A process
does: its PID namespace never changes, and one that lives in the run's and is older than the last look is the run's.
Namespaces without a process are held by nobody, since the lab keeps its own by descriptor; the kernel's count of
them (:func:`net_namespaces`) shows in the end whether it has let them go.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from netemu.lab.registry import registry_path
from netemu.lab.tracefs import with_tracefs

TOKEN = "NETEMU_TEST_TOKEN"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that cannot be mistaken for a later one with its number."""

    pid: int
    start_ticks: int
    command: str


@dataclass(slots=True)
class Footprint:
    """Everything found of a run so far; ``token`` is in the environment of its processes, but for some inside."""

    token: str
    processes: set[Process] = field(default_factory=set)
    pid_namespaces: set[str] = field(default_factory=set)
    run_ids: set[str] = field(default_factory=set)
    looked_ticks: int = 0

    def look(self, root_pid: int) -> list[Process]:
        """Add what the tree below ``root_pid`` consists of now; the living processes, ``root_pid`` first."""
        tree = _tree(root_pid)
        self.looked_ticks = _now_ticks()
        for process in tree:
            self.processes.add(process)
            self.pid_namespaces |= _namespaces_of(process.pid, "pid") - _namespaces_of(os.getpid(), "pid")
            words = process.command.split("\0")
            if "netemu.lab.janitor" in words:
                self.run_ids.add(words[-2] if words[-1] == "" else words[-1])
        return tree

    def left(self) -> dict[str, list[str]]:
        """What is still there, by kind; empty when nothing is."""
        found: dict[str, set[str]] = {"processes": set(), "namespaces": set(), "instances": set(), "registries": set()}
        own = _namespaces_of(os.getpid(), "net", "pid", "mnt")
        for entry in _PROC.iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            process = _process(int(entry.name))
            if process is None:
                continue
            inside = (
                process.start_ticks <= self.looked_ticks and _namespaces_of(process.pid, "pid") & self.pid_namespaces
            )
            if process in self.processes or inside or self._has_token(process.pid):
                found["processes"].add(f"{process.pid} {process.command!r}")
                found["namespaces"] |= _namespaces_of(process.pid, "net", "pid", "mnt") - own
        for run_id in self.run_ids:
            if registry_path(run_id).exists():
                found["registries"].add(str(registry_path(run_id)))
            if with_tracefs(lambda root, name=f"netemu-{run_id}": (root / "instances" / name).exists()):  # type: ignore[misc]
                found["instances"].add(f"netemu-{run_id}")
        return {kind: sorted(names) for kind, names in found.items() if names}

    def _has_token(self, pid: int) -> bool:
        try:
            return f"{TOKEN}={self.token}".encode() in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            return False


def _process(pid: int) -> Process | None:
    """The process, or None if it has ended (a zombie has)."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        command = (_PROC / str(pid) / "cmdline").read_text(errors="replace")
    except OSError:
        return None
    return None if stat[0] in "ZX" else Process(pid, int(stat[19]), command)


def _tree(root_pid: int) -> list[Process]:
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    pids = [root_pid]
    for pid in pids:
        pids += children.get(pid, [])
    return [process for pid in pids if (process := _process(pid)) is not None]


def _namespaces_of(pid: int, *kinds: str) -> set[str]:
    """The namespaces of those kinds that a process is in, such as ``net:[4026531840]``."""
    found = set()
    for kind in kinds:
        with contextlib.suppress(OSError):
            found.add(str(Path(f"/proc/{pid}/ns/{kind}").readlink()))
    return found


def _now_ticks() -> int:
    """The present in the unit of ``Process.start_ticks``: clock ticks since boot."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def net_namespaces() -> int:
    """How many network namespaces the whole kernel has, those of others included (slab objects in use)."""
    line = next(line for line in Path("/proc/slabinfo").read_text().splitlines() if line.startswith("net_namespace "))
    return int(line.split()[1])
