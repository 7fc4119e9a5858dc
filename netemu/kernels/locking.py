"""Locks of the cache: one build of a kernel at a time, one download at a time, however the one before ended."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from netemu.errors import MissingCapability

_DYING_S = 2.0
"""A build that was killed may have compilers that take this long to end."""


@contextlib.contextmanager
def refusing(path: Path, busy: str) -> Iterator[int]:
    """Hold the lock file ``path``, which is gone afterwards; its descriptor, to be handed to children that count too.

    :raises MissingCapability: another process holds it; the text is ``busy``.
    """
    given_up = time.monotonic() + _DYING_S

    def refuse() -> None:
        if time.monotonic() > given_up:
            raise MissingCapability(busy)
        time.sleep(0.05)

    with _held(path, refuse) as descriptor:
        yield descriptor


@contextlib.contextmanager
def waiting(path: Path, say: Callable[[], None]) -> Iterator[int]:
    """Hold the lock file ``path``; ``say`` is called once when another process has to be waited for."""
    said = False

    def wait() -> None:
        nonlocal said
        if not said:
            say()
        said = True
        with path.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    with _held(path, wait) as descriptor:
        yield descriptor


@contextlib.contextmanager
def _held(path: Path, on_busy: Callable[[], None]) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            on_busy()
            continue
        if _is_at(path, descriptor):
            break
        os.close(descriptor)
    try:
        yield descriptor
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one that others see: who held the lock before has removed the file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
