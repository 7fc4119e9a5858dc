"""A process that serves a whole run (capture, sampler, tracing): it waits for commands and file descriptors at once."""

from __future__ import annotations

import select
import time

from netemu.agents.libc import sleep_until
from netemu.agents.protocol import STDIN, Commands, parse_go, say_ready

_LONGEST_WAIT_MS = 3_600_000


class Service:
    """``ready``, ``go`` and ``stop`` of a process that works in between; ``t0_ns`` is known after ``go``."""

    def __init__(self) -> None:
        self.commands = Commands()
        self.t0_ns: int | None = None
        self.stopped = False
        self.poll = select.poll()
        self.poll.register(STDIN, select.POLLIN | select.POLLHUP)

    def ready(self) -> None:
        """Tell the lab; ``go`` comes later, through :meth:`obey`."""
        say_ready()

    def wait(self, timeout_ms: int | None) -> list[int]:
        """File descriptors with something to read after at most ``timeout_ms``; commands are obeyed on the way."""
        ready = [fd for fd, _ in self.poll.poll(timeout_ms)]
        if STDIN in ready:
            ready.remove(STDIN)
            self.obey()
        return ready

    def wait_until(self, monotonic_ns: int) -> None:
        """Sleep to an absolute time, poll() to the millisecond, so that ``stop`` ends it, then exactly."""
        while not self.stopped:
            left_ns = monotonic_ns - time.monotonic_ns()
            if left_ns < 1_000_000:
                break
            self.wait(min(left_ns // 1_000_000, _LONGEST_WAIT_MS))
        if not self.stopped:
            sleep_until(monotonic_ns)
            self.wait(0)

    def obey(self) -> None:
        """Read commands: ``go`` sets ``t0_ns``, ``stop`` or EOF sets ``stopped``."""
        for line in self.commands.read():
            if line == "stop":
                self.stopped = True
            else:
                self.t0_ns = parse_go(line)
        self.stopped = self.stopped or self.commands.closed
