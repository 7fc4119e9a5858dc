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
from pathlib import Path

RUNTIME_DIRECTORY = Path("/run")
TRACING = Path("/sys/kernel/tracing")
INSTANCE_PREFIX = "netemu-"
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 1 << 18
_BUSY_TRIES, _BUSY_WAIT_MS = 40, 50


def registry_path(run_id: str) -> Path:
    """The registry of the run ``run_id``."""
    return RUNTIME_DIRECTORY / f"netemu-{run_id}.jsonl"


def create_registry(path: Path) -> int:
    """Make an empty registry and lock it; returns the descriptor that holds the lock."""
    opened = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o600)
    fcntl.flock(opened, fcntl.LOCK_EX)
    return opened


def note(path: Path, action: str, kind: str, what: str) -> None:
    """Append that ``what`` of ``kind`` (``tree``, ``instance``) is about to be made (``add``) or kept (``release``)."""
    line = json.dumps({"action": action, "kind": kind, "what": what}) + "\n"
    opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.write(opened, line.encode())
    finally:
        os.close(opened)


def registered(path: Path) -> list[tuple[str, str]]:
    """``(kind, what)`` of everything added and not released, latest first; a last line cut short is not counted."""
    found: dict[tuple[str, str], None] = {}
    for line in path.read_text().split("\n")[:-1]:
        entry = json.loads(line)
        key = (entry["kind"], entry["what"])
        if entry["action"] == "add":
            found[key] = None
        else:
            found.pop(key, None)
    return list(reversed(found))


def remove_registered(path: Path) -> list[str]:
    """Remove what the registry lists, then the registry; returns what was there and is removed now."""
    removed = []
    with contextlib.suppress(FileNotFoundError):
        for kind, what in registered(path):
            if kind == "tree" and remove_tree(Path(what)):
                removed.append(what)
            if kind == "instance" and remove_instance(what):
                removed.append(str(TRACING / "instances" / what))
        path.unlink()
    return removed


def remove_tree(path: Path) -> bool:
    """Remove a directory that a run registered before making it; False if there is none. A link is never followed."""
    if path.is_symlink() or not path.is_dir():
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
            select.select([], [], [], _BUSY_WAIT_MS / 1000)
        else:
            return True
    return False


def mount_tracefs_privately() -> bool:
    """Mount tracefs for this process alone if it is not mounted; False if this kernel has none."""
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
