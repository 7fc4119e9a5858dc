"""A traffic agent that is a process: ready, go, start time, deadline, stop, summary.

Nothing here polls: the deadline is an interval timer (SIGALRM) and commands that come while the agent works raise
SIGIO. Both only set ``stop_reason``; the blocked call returns with EINTR and its loop ends. The timer goes on after
the deadline, so that a signal which came just before a call blocked is followed by another.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from time import monotonic_ns
from typing import Any

from netemu.agents.linux import LinuxSystem
from netemu.agents.protocol import STDIN, Commands, parse_go, say_ready, say_summary
from netemu.agents.session import Session
from netemu.errors import BadInput

_REPEAT_S = 0.02
_TERMINATED = 128 + signal.SIGTERM


class ProcessSession(Session):
    """The session of this process; there is one."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec, LinuxSystem())
        self._commands = Commands()

    def start(self) -> bool:
        """Say ``ready``, wait for ``go``, sleep until the start time; False when there is nothing left to do."""
        mode = os.fstat(STDIN).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            raise BadInput(f"{self.place}: standard input must be a pipe, for 'go' and 'stop' come from it")
        say_ready()
        lines: list[str] = []
        while not lines and not self._commands.closed:
            lines = self._commands.read()
        if not lines:
            self.stop_reason = "stop"
            return False
        self.t0_ns = self.log.t0_ns = parse_go(lines[0])
        self._listen(lines[1:])
        now = monotonic_ns()
        left_ns = max(self.t0_ns + self.spec["stop_ns"] - now, 1000)
        signal.signal(signal.SIGALRM, self._on_deadline)
        signal.setitimer(signal.ITIMER_REAL, left_ns / 1e9, _REPEAT_S)
        if now < self.t0_ns + self.spec["start_ns"]:
            self.sleep_until(self.spec["start_ns"])
        self.started_ns = monotonic_ns()
        return self.stop_reason is None

    def finish(self, result: dict[str, Any]) -> int:
        """Write the log and the summary; the exit status."""
        duration_ns = self.duration_ns()
        signal.setitimer(signal.ITIMER_REAL, 0)
        # The interpreter's end restores default actions, and SIGIO's is to kill: a command may come until then.
        for number in (signal.SIGALRM, signal.SIGIO):
            signal.signal(number, signal.SIG_IGN)
        say_summary(self.close(result, duration_ns))
        return _TERMINATED if self.stop_reason == "SIGTERM" else 0

    def _listen(self, lines: list[str]) -> None:
        """From now on a command on standard input raises SIGIO; ``lines`` came together with ``go``."""
        os.set_blocking(STDIN, False)
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGIO, self._on_command)
        fcntl.fcntl(STDIN, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(STDIN, fcntl.F_SETFL, fcntl.fcntl(STDIN, fcntl.F_GETFL) | os.O_ASYNC)
        self._obey([*lines, *self._commands.read()])

    def _obey(self, lines: list[str]) -> None:
        if self._commands.closed or "stop" in lines:
            self.stop_reason = self.stop_reason or "stop"

    def _on_command(self, *_: object) -> None:
        self._obey(self._commands.read())

    def _on_deadline(self, *_: object) -> None:
        self.stop_reason = self.stop_reason or "deadline"

    def _on_term(self, *_: object) -> None:
        self.stop_reason = "SIGTERM"
        # A second signal may be needed if this one came just before a call blocked.
        signal.setitimer(signal.ITIMER_REAL, _REPEAT_S, _REPEAT_S)
        signal.signal(signal.SIGALRM, self._on_deadline)
