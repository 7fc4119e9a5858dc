"""A stack in the engine: events go in, its actions are done, its deadline is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from netemu.sim.engine import PROCESS, TIMER, Engine
from netemu.stack.events import (
    Complete,
    Deadline,
    Event,
    Interrupt,
    Received,
    Resume,
    SystemCall,
    Trace,
    Transmit,
    Wake,
)

if TYPE_CHECKING:
    from netemu.packet.ip import Packet
    from netemu.stack.stack import Stack

_NEVER = 1 << 63
_DEADLINE = Deadline()


class Host:
    """``sends``: interface -> what takes a packet that leaves there. ``on_trace``: what takes tracepoints."""

    __slots__ = ("_armed_ns", "_calls", "_deadline", "_engine", "_last_call", "name", "on_trace", "sends", "stack")

    def __init__(self, name: str, stack: Stack, engine: Engine) -> None:
        self.name, self.stack, self._engine = name, stack, engine
        self.sends: dict[str, Callable[[Packet], object]] = {}
        self.on_trace: Callable[[str, Trace], object] | None = None
        self._calls: dict[int, Call] = {}
        self._last_call = 0
        self._armed_ns = _NEVER

    def receive(self, interface: str, packet: Packet) -> None:
        """A packet arrives at ``interface``."""
        self._handle(Received(interface, packet))

    def call(self, name: str, args: tuple[Any, ...], resume: Callable[[Call], object]) -> Call:
        """A process enters a system call; ``resume`` is called with it when it is over, unless it is at once."""
        self._last_call += 1
        call = Call(self._last_call, self, resume)
        self._calls[call.call_id] = call
        self._handle(SystemCall(call.call_id, name, args))
        return call

    def interrupt(self, call: Call) -> None:
        """A signal for the process in ``call``."""
        self._handle(Interrupt(call.call_id))

    def _handle(self, event: Event) -> None:
        engine = self._engine
        for action in self.stack.handle(event, now_ns=engine.now_ns):
            if isinstance(action, Transmit):
                self.sends[action.interface](action.packet)
            elif isinstance(action, Wake):
                engine.at(engine.now_ns, PROCESS, self._resume, action.call_id)
            elif isinstance(action, Complete):
                self._calls.pop(action.call_id).result = action
            elif self.on_trace is not None:
                self.on_trace(self.name, action)
        self._arm()

    def _resume(self, call_id: int) -> None:
        call = self._calls[call_id]
        self._handle(Resume(call_id))
        if call.result is not None:
            call.resume(call)

    def _arm(self) -> None:
        deadline_ns = self.stack.next_deadline_ns()
        if deadline_ns is not None and deadline_ns < self._armed_ns:
            self._armed_ns = deadline_ns
            self._engine.at(max(deadline_ns, self._engine.now_ns), TIMER, self._fire, deadline_ns)

    def _fire(self, armed_ns: int) -> None:
        """Timers are mostly put off, so one event in the queue stands for them all, and is renewed when it comes."""
        if armed_ns != self._armed_ns:
            return
        self._armed_ns = _NEVER
        deadline_ns = self.stack.next_deadline_ns()
        if deadline_ns is not None and deadline_ns <= self._engine.now_ns:
            self._handle(_DEADLINE)
        else:
            self._arm()


class Call:
    """A system call in progress; ``result`` when it is over."""

    __slots__ = ("call_id", "host", "result", "resume")

    def __init__(self, call_id: int, host: Host, resume: Callable[[Call], object]) -> None:
        self.call_id, self.host, self.resume = call_id, host, resume
        self.result: Complete | None = None
