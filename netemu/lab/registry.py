"""What a run has made that does not vanish with its processes, written down before it is made.

A file ``/run/netemu-<run id>.jsonl``, one JSON object a line. The janitor holds a lock on it while it watches over the
run; a file without a lock belongs to nobody any more, and what it lists may be removed. Nothing else ever is.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNTIME_DIRECTORY = Path("/run")
TRACING = Path("/sys/kernel/tracing")
INSTANCE_PREFIX = "netemu-"
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 1 << 18
_BUSY_TRIES, _BUSY_WAIT_S = 40, 0.05


def registry_path(run_id: str) -> Path:
    """The registry of the run ``run_id``."""
    return RUNTIME_DIRECTORY / f"netemu-{run_id}.jsonl"


def create_registry(path: Path) -> int:
    """Make an empty registry and lock it; returns the descriptor that holds the lock."""
    opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(opened, fcntl.LOCK_EX)
    return opened


def note(path: Path, action: str, kind: str, what: str, inode: int | None = None) -> None:
    """Append that ``what`` of ``kind`` (``tree``, ``instance``) is to be removed (``add``) or kept (``release``)."""
    line = json.dumps({"action": action, "kind": kind, "what": what, "inode": inode}) + "\n"
    opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.write(opened, line.encode())
    finally:
        os.close(opened)


@dataclass(frozen=True, slots=True)
class Registry:
    """The registry of the run ``run_id``, as the run's own processes see it."""

    run_id: str

    @property
    def path(self) -> Path:
        """The file."""
        return registry_path(self.run_id)

    def add_instance(self) -> Path:
        """Have the run's tracing instance removed at the run's end, whatever ends it; returns the path to make."""
        path = TRACING / "instances" / f"{INSTANCE_PREFIX}{self.run_id}"
        note(self.path, "add", "instance", path.name)
        return path

    def add_tree(self, path: Path) -> None:
        """Have the directory ``path`` removed at the run's end, unless it has been renamed or released by then.

        One that exists already is removed only if it is the very same directory (inode) then.
        """
        note(self.path, "add", "tree", str(path.absolute()), path.lstat().st_ino if path.exists() else None)

    def release_tree(self, path: Path) -> None:
        """Keep the directory: it is complete."""
        note(self.path, "release", "tree", str(path.absolute()))


def _entries(path: Path) -> list[dict[str, Any]]:
    """What is added and not released, the latest first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    # A last line without an end was cut short, and what it names was not made yet.
    for line in path.read_text().split("\n")[:-1]:
        entry = json.loads(line)
        key = (entry["kind"], entry["what"])
        found.pop(key, None)
        if entry["action"] == "add":
            found[key] = entry
    return list(reversed(found.values()))


def registered(path: Path) -> list[tuple[str, str]]:
    """``(kind, what)`` of everything that the registry lists, the latest first."""
    return [(entry["kind"], entry["what"]) for entry in _entries(path)]


def remove_registered(path: Path) -> list[str]:
    """Remove what the registry lists, then the registry; returns what was there and is removed now."""
    removed = []
    with contextlib.suppress(FileNotFoundError):
        for entry in _entries(path):
            if entry["kind"] == "tree" and remove_tree(Path(entry["what"]), entry["inode"]):
                removed.append(entry["what"])
            if entry["kind"] == "instance" and remove_instance(entry["what"]):
                removed.append(str(TRACING / "instances" / entry["what"]))
        path.unlink()
    return removed


def remove_tree(path: Path, inode: int | None) -> bool:
    """Remove a directory that a run made; False if it is not there, or is not the one with that ``inode``."""
    if path.is_symlink() or not path.is_dir() or (inode is not None and path.stat().st_ino != inode):
        return False
    shutil.rmtree(path)
    return True


def remove_instance(name: str) -> bool:
    """Remove a tracing instance; False if there is none. While the kernel calls it busy, waits up to two seconds."""
    if not name.startswith(INSTANCE_PREFIX) or "/" in name:
        raise ValueError(f"{name!r} is not the name of a tracing instance of netemu")
    mount_tracefs_privately()
    for last in (*[False] * _BUSY_TRIES, True):
        try:
            (TRACING / "instances" / name).rmdir()
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno != errno.EBUSY or last:
                raise
            # No event tells when an instance is free again, so this is a wait by the clock.
            select.select([], [], [], _BUSY_WAIT_S)
        else:
            return True
    return False


def mount_tracefs_privately() -> bool:
    """Mount tracefs for the calling thread alone if it is not mounted; False if this kernel has none."""
    if (TRACING / "instances").is_dir():
        return True
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0 or libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), f"a private mount namespace: {os.strerror(ctypes.get_errno())}")
    return bool(libc.mount(b"tracefs", bytes(TRACING), b"tracefs", 0, None) == 0)


def stale_registries() -> list[Path]:
    """The registries whose janitor is gone: what they list was left by a run that lost its janitor too."""
    found = []
    for path in sorted(RUNTIME_DIRECTORY.glob("netemu-*.jsonl")):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            opened = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                found.append(path)
            except BlockingIOError:
                pass
            finally:
                os.close(opened)
    return found
