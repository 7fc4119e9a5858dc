"""Load on this machine beside a run: processes that compute without rest, counted, bounded, and ended for sure.

A run in real time shows it, one in virtual time does not; how far the first is thrown off is a measurement like any
other, so the manifest of a run says how many there were (``busy_loops``).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from netemu.errors import BadInput, VoidRun

MOST = 64
LONGEST_S = 3600
"""A loop ends by itself after this time, whatever became of the process that started it."""

_LOOP = f"""\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
signal.alarm({LONGEST_S})
if os.getppid() != int(sys.argv[1]):
    sys.exit(1)
os.write(1, b"up")
while True:
    pass
"""
"""PR_SET_PDEATHSIG: it ends with whoever asked for it, however that ends."""


def check_loops(count: int) -> int:
    """``count``; :class:`BadInput` where it is no number of loops to put beside a run."""
    if not 0 <= count <= MOST:
        raise BadInput(f"{count} busy loops: give 0 to {MOST}")
    return count


@contextlib.contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """``count`` loops that never rest, all of them from before the block to after it.

    :raises BadInput: more than :data:`MOST`.
    :raises VoidRun: one ended before the block did, so that what ran in it was not beside ``count`` loops.
    """
    check_loops(count)
    started: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            started.append(stack.enter_context(_loop()))
        yield
        ended = sum(loop.poll() is not None for loop in started)
    if ended:
        raise VoidRun(f"{ended} of {count} busy loops ended before the run did (they last {LONGEST_S} s)")


@contextlib.contextmanager
def _loop() -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-S", "-s", "-E", "-c", _LOOP, str(os.getpid())]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            if process.stdout.read(2) != b"up":
                raise VoidRun(f"a busy loop ended with {process.wait()} before it was up")
            yield process
        finally:
            process.kill()
