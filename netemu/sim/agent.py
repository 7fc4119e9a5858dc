"""A traffic agent of the plan as a process of a model: the same program as on Linux, with this session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.agents.programs import check_args, run_traffic
from netemu.agents.session import Session
from netemu.sim.engine import PROCESS
from netemu.sim.process import REPEAT_NS, Process
from netemu.sim.system import ModelSystem

if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.sim.engine import Engine
    from netemu.sim.host import Host
    from netemu.specs import AgentSpec


class AgentSession(Session):
    """See :class:`netemu.agents.session.Session`."""

    system: ModelSystem

    def __init__(self, spec: dict[str, Any], system: ModelSystem, t0_ns: int) -> None:
        super().__init__(spec, system)
        self._t0_ns = t0_ns
        self.is_ready = False

    def start(self) -> bool:
        """Block until traffic begins, and then until the agent's own start."""
        self.is_ready = True
        self.system.process.pause()
        self.t0_ns = self.log.t0_ns = self._t0_ns
        if self.system.monotonic_ns() < self.t0_ns + self.spec["start_ns"]:
            self.sleep_until(self.spec["start_ns"])
        self.started_ns = self.system.monotonic_ns()
        return self.stop_reason is None


class Agent:
    """One agent of the plan; ``summary`` once it has ended. ``on_end`` is called then."""

    def __init__(self, spec: AgentSpec, host: Host, engine: Engine, log: Path, t0_ns: int) -> None:
        self.spec, self._engine = spec, engine
        self.summary: dict[str, Any] | None = None
        self.on_end: Callable[[], object] = bool
        self._args = check_args(spec.program, spec.args, f"agent {spec.name!r}")
        system = ModelSystem(engine)
        told = {
            "name": spec.name,
            "host": spec.host,
            "program": spec.program,
            "args": spec.args,
            "start_ns": spec.start_ns,
            "stop_ns": spec.stop_ns,
            "log": str(log),
        }
        self.session = AgentSession(told, system, t0_ns)
        system.process = self._process = Process(host, engine, self._main)

    def prepare(self) -> None:
        """Run it up to its ``ready``: sockets are bound then, and what is wrong with its options has been raised."""
        self._process.start()

    def go(self, t0_ns: int) -> None:
        """Traffic begins at ``t0_ns``, where the engine stands."""
        self._engine.at(t0_ns, PROCESS, self._process.resume)
        self._engine.at(t0_ns + max(self.spec.stop_ns, 1000), PROCESS, self.stop, "deadline")

    def stop(self, reason: str) -> None:
        """End it: its call is interrupted, now and again until it has ended."""
        if self.summary is None:
            self.session.stop_reason = self.session.stop_reason or reason
            self._process.signal()
            self._engine.at(self._engine.now_ns + REPEAT_NS, PROCESS, self.stop, reason)

    def _main(self) -> None:
        result = run_traffic(self.session, self.spec.program, self._args)
        self.summary = self.session.close(result, self.session.duration_ns())
        self.on_end()
