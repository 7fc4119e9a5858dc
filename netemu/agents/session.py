"""One traffic agent's life: ready, go, start time, deadline, stop, summary.

Nothing here polls: the deadline is an interval timer (SIGALRM) and commands that come while the agent works raise
SIGIO. Both only set ``stop_reason``; the blocked call returns with EINTR and its loop ends. The timer goes on after
the deadline, so that a signal which came just before a call blocked is followed by another.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import time
from typing import Any

from netemu.agents import libc
from netemu.agents.calllog import CallLog
from netemu.agents.protocol import STDIN, Commands, parse_go, say_ready, say_summary
from netemu.errors import BadInput

_REPEAT_S = 0.02
_TERMINATED = 128 + signal.SIGTERM


class Session:
    """An agent's name, clock, log and the reason why it must stop (None while it may go on)."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        header = {"agent": spec["name"], "host": spec["host"], "program": spec["program"]}
        self.log = CallLog(spec["log"], header)
        self.t0_ns = 0
        self.stop_reason: str | None = None
        self._header = header
        self._commands = Commands()
        self._started_ns = 0

    @property
    def place(self) -> str:
        """How messages name this agent."""
        return f"agent {self.spec['name']!r} ({self.spec['program']})"

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
        now = time.monotonic_ns()
        left_ns = max(self.t0_ns + self.spec["stop_ns"] - now, 1000)
        signal.signal(signal.SIGALRM, self._on_deadline)
        signal.setitimer(signal.ITIMER_REAL, left_ns / 1e9, _REPEAT_S)
        if now < self.t0_ns + self.spec["start_ns"]:
            self.sleep_until(self.spec["start_ns"])
        self._started_ns = time.monotonic_ns()
        return self.stop_reason is None

    def sleep_until(self, t_ns: int) -> bool:
        """Sleep until ``t_ns`` of the run; False when the agent must stop."""
        while self.stop_reason is None and not libc.sleep_until(self.t0_ns + t_ns):
            pass
        return self.stop_reason is None

    def sleep(self, for_ns: int) -> bool:
        """Sleep ``for_ns`` from now on, writing the log meanwhile; False when the agent must stop."""
        wake_ns = time.monotonic_ns() - self.t0_ns + for_ns
        self.log.idle(for_ns)
        return self.sleep_until(wake_ns)

    def now(self) -> int:
        """``t_ns`` now."""
        return time.monotonic_ns() - self.t0_ns

    def wait_for_stop(self) -> None:
        """Block until the deadline or a command ends the agent."""
        while self.sleep_until(self.spec["stop_ns"] + 10**9):
            pass

    def finish(self, result: dict[str, Any]) -> int:
        """Write the log and the summary; the exit status. ``result`` may name an ``error`` (the network's)."""
        duration_ns = time.monotonic_ns() - self._started_ns if self._started_ns else 0
        signal.setitimer(signal.ITIMER_REAL, 0)
        # The interpreter's end restores default actions, and SIGIO's is to kill: a command may come until then.
        for number in (signal.SIGALRM, signal.SIGIO):
            signal.signal(number, signal.SIG_IGN)
        self.log.close()
        outcome = "error" if result.get("error") else self.stop_reason or "done"
        head: dict[str, Any] = {**self._header, "outcome": outcome, "duration_ns": duration_ns}
        say_summary({**head, "calls": self.log.calls, "errors": self.log.errors, **result})
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
