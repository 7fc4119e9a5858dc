"""Two hosts of any make on one wire that loses, duplicates and reorders, and processes on them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

from netemu.stack.events import Complete, Deadline, Event, Received, Resume, SystemCall, Transmit, Wake
from netemu.stack.prng import Prng

if TYPE_CHECKING:
    from netemu.packet.ip import Packet
    from netemu.stack.stack import Stack

Process = Generator[tuple[Any, ...], Complete, None]
"""A program: it yields (name of a call, arguments ...) and is sent the call's completion."""

DELAY_NS = 5_000_000
_NEVER = 1 << 63


class Pair:
    """``stacks``: name -> host, each with one interface. ``permille``: how many packets of 1000 are ``lost``, arrive
    ``twice``, are ``late`` by up to 30 ms. ``on_event`` is called with a host's name after each of its events."""

    def __init__(self, stacks: Mapping[str, Stack], seed: int, permille: Mapping[str, int] | None = None) -> None:
        self.stacks = dict(stacks)
        self.now_ns = 0
        self.on_event: Callable[[str], None] = _nothing
        self.sent: list[tuple[int, str, Packet]] = []
        self._random = Prng(seed)
        self._permille = {"lost": 0, "twice": 0, "late": 0} | dict(permille or {})
        self._queue: list[tuple[int, int, int, str, Event]] = []
        self._order = count()
        self._calls = count(1)
        self._processes: dict[int, tuple[str, Process]] = {}

    def start(self, host: str, process: Process) -> None:
        """A process begins on ``host``."""
        self._go_on(host, process, next(process))

    def run(self, until_ns: int) -> None:
        """Events in order of time until ``until_ns``; of one instant, what arrives before what processes do."""
        while (found := self._next(until_ns)) is not None:
            self.now_ns, host, event = found
            self._handle(host, event)
        self.now_ns = until_ns

    def inject(self, host: str, packet: Packet) -> None:
        """A packet arrives at ``host`` now, from nowhere."""
        self._handle(host, Received("eth0", packet))

    @property
    def finished(self) -> bool:
        """Whether every process has ended."""
        return not self._processes

    def _next(self, until_ns: int) -> tuple[int, str, Event] | None:
        """The next event, taken from the queue, if it is not later than ``until_ns``."""
        at_ns, late = min(
            ((_NEVER if (at := stack.next_deadline_ns()) is None else at), name) for name, stack in self.stacks.items()
        )
        queued_ns = self._queue[0][0] if self._queue else _NEVER
        if min(queued_ns, at_ns) > until_ns:
            return None
        if queued_ns <= at_ns:
            t_ns, _, _, host, event = heappop(self._queue)
            return t_ns, host, event
        return max(at_ns, self.now_ns), late, Deadline()

    def _handle(self, host: str, event: Event) -> None:
        returned: list[tuple[str, Process, Complete]] = []
        for action in self.stacks[host].handle(event, now_ns=self.now_ns):
            if isinstance(action, Transmit):
                self._carry(host, action.packet)
            elif isinstance(action, Wake):
                self._put(self.now_ns, 1, host, Resume(action.call_id))
            elif isinstance(action, Complete):
                returned.append((*self._processes.pop(action.call_id), action))
        self.on_event(host)
        for name, process, completion in returned:
            try:
                call = process.send(completion)
            except StopIteration:
                continue
            self._go_on(name, process, call)

    def _go_on(self, host: str, process: Process, call: tuple[Any, ...]) -> None:
        call_id = next(self._calls)
        self._processes[call_id] = (host, process)
        self._handle(host, SystemCall(call_id, call[0], tuple(call[1:])))

    def _put(self, at_ns: int, rank: int, host: str, event: Event) -> None:
        heappush(self._queue, (at_ns, rank, next(self._order), host, event))

    def _carry(self, source: str, packet: Packet) -> None:
        """Over the wire, if it comes through."""
        self.sent.append((self.now_ns, source, packet))
        (target,) = self.stacks.keys() - {source}
        if self._dice("lost"):
            return
        for _ in range(2 if self._dice("twice") else 1):
            late_ns = self._random.below(30_000_000) if self._dice("late") else 0
            self._put(self.now_ns + DELAY_NS + late_ns, 0, target, Received("eth0", packet))

    def _dice(self, what: str) -> bool:
        return self._random.below(1000) < self._permille[what]


def _nothing(host: str) -> None:
    """Nobody looks."""
