"""Temporary directories that say whether their owner is alive, in whatever process namespace it runs.

The owner holds a lock (flock(2)) on the directory. The kernel drops it when the owner ends in any way, so a
directory of ours without a lock is one that nobody needs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "netemu-scratch-"
SETTLING_S = 10
"""A directory younger than this may be between its making and its lock, and is never abandoned."""


@contextlib.contextmanager
def scratch_directory() -> Iterator[Path]:
    """A locked temporary directory, removed at the end of the block."""
    path = Path(tempfile.mkdtemp(prefix=PREFIX))
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield path
    finally:
        shutil.rmtree(path)
        os.close(descriptor)


def is_abandoned(path: Path, now_s: float) -> bool:
    """Whether nobody holds the lock of ``path``, and had the time to take it. A path that is gone is not abandoned."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if now_s - os.fstat(descriptor).st_mtime < SETTLING_S:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def abandoned_directories(parent: Path | None = None) -> list[Path]:
    """The scratch directories below ``parent`` (None: where temporary files go) whose owner has ended."""
    place = Path(tempfile.gettempdir()) if parent is None else parent
    now_s = time.time()
    return [path for path in sorted(place.glob(f"{PREFIX}*")) if is_abandoned(path, now_s)]
