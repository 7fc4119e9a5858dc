"""The host under test in virtual time: one stack, one device, processes that run as soon as they are woken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from netemu.packet.ip import Packet
from netemu.stack.events import Complete, Deadline, Event, Received, Resume, SystemCall, Transmit, Wake
from netemu.stack.stack import LinuxStack
from tests.packetdrill.device import segmented
from tests.packetdrill.nstat import Nstat

DEVICE = "tun0"


class Entered:
    """A system call: ``result`` once it has returned, which was at ``end_ns``."""

    def __init__(self) -> None:
        self.result: Complete | None = None
        self.end_ns = -1

    @property
    def over(self) -> bool:
        """Whether it has returned."""
        return self.result is not None


class Machine:
    """``now_ns``: of the host. ``sent``: packets that left and nobody has looked at, each with its time.

    ``offload``: whether the device cuts super-segments itself, so that a capture sees them whole.
    """

    def __init__(self, stack: LinuxStack, start_ns: int) -> None:
        self.stack = stack
        self.now_ns = start_ns
        self.sent: deque[tuple[int, Packet]] = deque()
        self.offload = True
        self.nstat = Nstat()
        self._runnable: deque[int] = deque()
        self._calls: dict[int, Entered] = {}
        self._last_call = 0

    def inject(self, packet: Packet) -> None:
        """A packet arrives now."""
        self._handle(Received(DEVICE, packet))
        self._run_processes()

    def enter(self, name: str, *args: Any) -> Entered:
        """A process enters a system call now."""
        self._last_call += 1
        entered = self._calls[self._last_call] = Entered()
        self._handle(SystemCall(self._last_call, name, args))
        self._run_processes()
        return entered

    def run(self, until_ns: int, stop: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass up to ``until_ns``, or until ``stop`` holds after an event; whether it does."""
        while not stop():
            deadline_ns = self.stack.next_deadline_ns()
            if deadline_ns is None or deadline_ns > until_ns:
                self.now_ns = max(self.now_ns, until_ns)
                return stop()
            self.now_ns = max(self.now_ns, deadline_ns)
            self._handle(Deadline())
            self._run_processes()
        return True

    def _run_processes(self) -> None:
        while self._runnable:
            self._handle(Resume(self._runnable.popleft()))

    def _handle(self, event: Event) -> None:
        for action in self.stack.handle(event, now_ns=self.now_ns):
            if isinstance(action, Transmit):
                if action.interface == DEVICE:
                    packets = [action.packet] if self.offload else segmented(action.packet)
                    self.sent.extend((self.now_ns, packet) for packet in packets)
            elif isinstance(action, Wake):
                self._runnable.append(action.call_id)
            elif isinstance(action, Complete):
                entered = self._calls.pop(action.call_id)
                entered.result, entered.end_ns = action, self.now_ns
