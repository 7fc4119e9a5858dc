"""Files that a disk may refuse: every failure to write is a :class:`~netemu.errors.VoidRun` that names the file."""

from __future__ import annotations

import os

from netemu.errors import VoidRun


def create(path: str) -> int:
    """A new, empty file open for reading and writing; its descriptor."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise VoidRun(f"cannot write {path}: {error.strerror}") from error


def write(fd: int, data: bytes | memoryview, path: str) -> None:
    """Write all of ``data`` to ``fd``, which ``path`` names in messages."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise VoidRun(f"cannot write {path}: {error.strerror}") from error


def discard(path: str) -> None:
    """Remove the file if it is there."""
    from pathlib import Path  # costs a fifth of an agent's start-up

    Path(path).unlink(missing_ok=True)


def read(path: str) -> str:
    """The text of a file; OSError when it cannot be read."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = b""
        while part := os.read(fd, 1 << 16):
            data += part
    finally:
        os.close(fd)
    return data.decode()
