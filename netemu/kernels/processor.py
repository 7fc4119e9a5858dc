"""One of this machine's processors for a guest in virtual time to itself, as far as there are enough.

Such a guest's kernel and the processes in it take turns, so it never uses more than one processor; where each turn
wakes another processor, and in a virtual machine above all, that costs a third of its speed (docs/kernels.md).
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterator

_NAME = "\0netemu/processor/{}"
"""An abstract address (unix(7)): one process at a time has it, of whatever user, and none after it has ended."""


@contextlib.contextmanager
def own_processor() -> Iterator[int | None]:
    """The number of a processor that no other guest has, among those that this process may use; None: all are taken.

    The last comes first, as the first ones serve devices. A guest that gets none runs wherever the machine's kernel has
    it run, later than with one, with the same result.
    """
    with socket.socket(socket.AF_UNIX) as mine:
        yield next((number for number in sorted(os.sched_getaffinity(0), reverse=True) if _take(mine, number)), None)


def _take(mine: socket.socket, number: int) -> bool:
    try:
        mine.bind(_NAME.format(number))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True
