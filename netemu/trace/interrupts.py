"""Ctrl-C while a command waits for a thread or a process."""

from __future__ import annotations

import signal


def end_waits_at_interrupt() -> None:
    """From now on Ctrl-C ends a wait of the main thread at once.

    Polars sets SIGINT up so that system calls go on after it: a wait for a thread or a process would never end.
    """
    signal.siginterrupt(signal.SIGINT, True)
