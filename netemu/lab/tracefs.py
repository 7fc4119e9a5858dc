"""Tracing instances of netemu's (``netemu-*``) that outlived their run and its registry.

Instances belong to the whole kernel and outlive everything. One that a run still uses has files open, and then the
kernel itself refuses to remove it (``instance_rmdir()``, kernel/trace/trace.c: EBUSY while ``tr->ref`` > 1).
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from netemu.errors import MissingCapability
from netemu.lab.registry import INSTANCE_PREFIX, TRACING, registry_path

SETTLING_S = 10
"""An instance younger than this may be between its making and its first open file."""

CLONE_NEWNS = 0x0002_0000
MS_REC, MS_PRIVATE = 0x4000, 0x4_0000

T = TypeVar("T")
_libc = ctypes.CDLL(None, use_errno=True)


def _call(function: str, *args: object) -> None:
    if getattr(_libc, function)(*args) != 0:
        error = ctypes.get_errno()
        raise MissingCapability(f"{TRACING}: {function}: {os.strerror(error)}: tracing needs root and tracefs")


def with_tracefs(action: Callable[[Path], T]) -> T:
    """``action(root of tracefs)``, in a thread with a mount namespace of its own where tracefs is not mounted.

    :raises MissingCapability: not root, or a kernel without tracefs.
    """
    if (TRACING / "events").is_dir():
        return action(TRACING)
    results: list[T] = []
    failures: list[BaseException] = []

    def in_own_mounts() -> None:
        try:
            _call("unshare", CLONE_NEWNS)
            _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
            _call("mount", b"tracefs", bytes(TRACING), b"tracefs", 0, None)
            results.append(action(TRACING))
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=in_own_mounts)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def is_open(instance: str, proc: Path = Path("/proc")) -> bool:
    """Whether some process has a file of tracing instance ``instance`` open."""
    part = f"/instances/{instance}/"
    for link in proc.glob("[0-9]*/fd/*"):
        try:
            if part in f"{link.readlink()}/":
                return True
        except OSError:
            continue  # the process, or its file, has gone in the meantime
    return False


def orphaned_instances() -> list[str]:
    """Names of netemu's tracing instances that no registry lists, no process uses, and none is about to use."""
    old = time.time() - SETTLING_S

    def names(root: Path) -> list[str]:
        found = (root / "instances").glob(f"{INSTANCE_PREFIX}*")
        return sorted(path.name for path in found if path.stat().st_mtime <= old)

    return [
        name
        for name in with_tracefs(names)
        if not registry_path(name.removeprefix(INSTANCE_PREFIX)).exists() and not is_open(name)
    ]
