"""One traffic agent's life as its program sees it: start, sleeps, the reason to stop. Who runs it says how they happen.

On Linux an agent is a process (:mod:`netemu.agents.process`); on a model it is one of the simulator's (netemu.sim).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from netemu.agents.calllog import CallLog
from netemu.agents.system import System


class Session(ABC):
    """An agent's name, system, log and the reason why it must stop (None while it may go on)."""

    def __init__(self, spec: dict[str, Any], system: System) -> None:
        self.spec, self.system = spec, system
        self.header = {"agent": spec["name"], "host": spec["host"], "program": spec["program"]}
        self.log = CallLog(spec["log"], self.header)
        self.t0_ns = 0
        self.stop_reason: str | None = None
        self.started_ns = 0

    @property
    def place(self) -> str:
        """How messages name this agent."""
        return f"agent {self.spec['name']!r} ({self.spec['program']})"

    @abstractmethod
    def start(self) -> bool:
        """Be ready, learn t0, sleep until the start time; False when there is nothing left to do."""

    def sleep_until(self, t_ns: int) -> bool:
        """Sleep until ``t_ns`` of the run; False when the agent must stop."""
        while self.stop_reason is None and not self.system.sleep_until(self.t0_ns + t_ns):
            pass
        return self.stop_reason is None

    def sleep(self, for_ns: int) -> bool:
        """Sleep ``for_ns`` from now on, writing the log meanwhile; False when the agent must stop."""
        wake_ns = self.system.monotonic_ns() - self.t0_ns + for_ns
        self.log.idle(for_ns)
        return self.sleep_until(wake_ns)

    def now(self) -> int:
        """``t_ns`` now."""
        return self.system.monotonic_ns() - self.t0_ns

    def wait_for_stop(self) -> None:
        """Block until the deadline or a command ends the agent."""
        while self.sleep_until(self.spec["stop_ns"] + 10**9):
            pass

    def duration_ns(self) -> int:
        """From its start to now; 0 when it never started."""
        return self.system.monotonic_ns() - self.started_ns if self.started_ns else 0

    def close(self, result: dict[str, Any], duration_ns: int) -> dict[str, Any]:
        """Write the log; the agent's summary. ``result`` may name an ``error`` (the network's)."""
        self.log.close()
        outcome = "error" if result.get("error") else self.stop_reason or "done"
        head: dict[str, Any] = {**self.header, "outcome": outcome, "duration_ns": duration_ns}
        return {**head, "calls": self.log.calls, "errors": self.log.errors, **result}
