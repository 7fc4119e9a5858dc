"""What every long-lived process of a run says and hears: ``ready``, ``go <t0>``, ``stop`` or EOF, one JSON summary.

Commands come as lines on standard input, answers leave on standard output, diagnostics on standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from netemu.errors import BadInput

STDIN = 0


class Commands:
    """The lines of standard input, read when asked; ``closed`` after EOF."""

    def __init__(self) -> None:
        self._pending = b""
        self.closed = False

    def read(self) -> list[str]:
        """The complete lines of one read, which blocks unless standard input is non-blocking."""
        try:
            data = os.read(STDIN, 4096)
        except BlockingIOError:
            return []
        self.closed = self.closed or not data
        *lines, self._pending = (self._pending + data).split(b"\n")
        return [line.decode().strip() for line in lines]


def say_ready() -> None:
    """Tell the lab that everything is in place: sockets bound, rings filled, sentinels seen."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def parse_go(line: str) -> int:
    """``t0`` in ns of CLOCK_MONOTONIC from ``go <t0>``; :class:`BadInput` for any other line."""
    word, _, number = line.partition(" ")
    if word != "go" or not number.isdigit():
        raise BadInput(f"standard input: {line!r} is not 'go <t0 in ns of the monotonic clock>'")
    return int(number)


def say_summary(summary: Mapping[str, object]) -> None:
    """The one JSON line that ends a process."""
    sys.stdout.write(json.dumps(summary, separators=(",", ":")) + "\n")
    sys.stdout.flush()
