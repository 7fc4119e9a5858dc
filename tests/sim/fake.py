"""A stack of a few lines that does what a test tells it to, and a host of it in an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netemu.sim.engine import Engine
from netemu.sim.host import Host
from netemu.stack.events import (
    Action,
    Complete,
    Deadline,
    Event,
    Interrupt,
    Received,
    Resume,
    SystemCall,
    Transmit,
    Wake,
)


class FakeStack:
    """Calls: ``now`` completes at once, ``fail`` with EPIPE, ``wait`` when a packet or a signal has come.

    ``send`` transmits its argument. ``deadline_ns``: what it asks for; ``events``: what it was given.
    """

    def __init__(self) -> None:
        self.events: list[tuple[int, Event]] = []
        self.deadline_ns: int | None = None
        self._waiting: dict[int, int] = {}

    def handle(self, event: Event, *, now_ns: int) -> Sequence[Action]:
        self.events.append((now_ns, event))
        if isinstance(event, SystemCall):
            return self._enter(event, now_ns)
        if isinstance(event, Received):
            return [Wake(call) for call in self._waiting]
        if isinstance(event, Interrupt):
            self._waiting[event.call_id] = 4
            return [Wake(event.call_id)]
        if isinstance(event, Resume):
            errno = self._waiting.pop(event.call_id)
            return [Complete(event.call_id, None if errno else now_ns, errno)]
        if isinstance(event, Deadline):
            self.deadline_ns = None
        return []

    def _enter(self, event: SystemCall, now_ns: int) -> Sequence[Action]:
        if event.name == "wait":
            self._waiting[event.call_id] = 0
            return []
        if event.name == "fail":
            return [Complete(event.call_id, None, 32)]
        sent = [Transmit("eth0", event.args[0], "process")] if event.name == "send" else []
        return [*sent, Complete(event.call_id, now_ns)]

    def next_deadline_ns(self) -> int | None:
        return self.deadline_ns

    def snapshot(self) -> Mapping[str, object]:
        return {}


def fake_host(start_ns: int = 0) -> tuple[Host, Any, Engine]:
    """A host, its stack and the engine."""
    engine, stack = Engine(start_ns), FakeStack()
    return Host("h1", stack, engine), stack, engine
