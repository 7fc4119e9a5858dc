"""An agent as a process of a host: a greenlet that runs until a system call of it blocks, and sleeps and signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from greenlet import greenlet

from netemu.sim.engine import PROCESS, Engine

if TYPE_CHECKING:
    from netemu.sim.host import Call, Host

REPEAT_NS = 20_000_000
"""A signal that found no call to end is followed by another, as an agent's interval timer does."""


class Process:
    """``main`` runs in it. All its methods but :meth:`start` and :meth:`signal` are called from inside."""

    def __init__(self, host: Host, engine: Engine, main: Callable[[], object]) -> None:
        self.host, self._engine = host, engine
        self._greenlet = greenlet(self._run)
        self._main = main
        self._call: Call | None = None
        self._sleeping = 0  # number of the sleep it is in; 0: in none
        self._sleeps = 0
        self._interrupted = False
        self.ended = False

    def start(self) -> None:
        """Run it until it first blocks."""
        self._greenlet.switch()

    def signal(self) -> None:
        """A signal: the call or the sleep that it is blocked in ends."""
        if self._call is not None:
            self.host.interrupt(self._call)
        elif self._sleeping:
            self._interrupted = True
            self._wake(self._sleeping)

    def call(self, name: str, *args: Any) -> tuple[Any, int]:
        """A system call: its value, and its errno or 0."""
        call = self.host.call(name, args, self._go_on)
        if call.result is None:
            self._call = call
            self._block()
            self._call = None
        assert call.result is not None
        return call.result.value, call.result.errno

    def sleep_until(self, t_ns: int) -> bool:
        """clock_nanosleep() to an absolute time; False when a signal ended it."""
        engine = self._engine
        if t_ns <= engine.now_ns:
            return True
        self._sleeps += 1
        self._sleeping, self._interrupted = self._sleeps, False
        engine.at(t_ns, PROCESS, self._rise, self._sleeps)
        self._block()
        return not self._interrupted

    def pause(self) -> None:
        """Block until :meth:`resume`."""
        self._block()

    def resume(self, _: object = None) -> None:
        """Go on after :meth:`pause`."""
        self._greenlet.switch()

    def _run(self) -> None:
        try:
            self._main()
        finally:
            self.ended = True

    def _block(self) -> None:
        self._greenlet.parent.switch()

    def _go_on(self, _: Call) -> None:
        self._greenlet.switch()

    def _wake(self, sleep: int) -> None:
        self._engine.at(self._engine.now_ns, PROCESS, self._rise, sleep)

    def _rise(self, sleep: int) -> None:
        if sleep == self._sleeping:
            self._sleeping = 0
            self._greenlet.switch()
