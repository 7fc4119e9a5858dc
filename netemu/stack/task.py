"""Processes inside system calls: a call is a generator that yields where the kernel would schedule()."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from netemu.stack.timer import Timer

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack

Call = Generator[None, None, Any]
"""A system call in progress: each ``yield`` is schedule(); what it returns is the call's value."""

MAX_SCHEDULE_TIMEOUT = 1 << 62
"""Wait without an end (jiffies)."""


class KernelError(Exception):
    """A system call fails with ``errno``, a positive number of :mod:`errno`. Never leaves the stack."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno)
        self.errno = errno


class Task:
    """One system call in progress: ``woken`` since it went to sleep; ``interrupted``: a signal is pending."""

    __slots__ = ("call", "call_id", "interrupted", "stack", "timer", "woken")

    def __init__(self, stack: LinuxStack, call_id: int, call: Call) -> None:
        self.stack, self.call_id, self.call = stack, call_id, call
        self.interrupted = False
        self.woken = True
        self.timer = Timer(self.wake)

    def wake(self) -> None:
        """Make it runnable (default_wake_function); once is enough until it sleeps again."""
        if not self.woken:
            self.woken = True
            self.stack.wake(self)


class WaitQueue:
    """``wait_queue_head_t``: who sleeps until something happens to this object."""

    __slots__ = ("tasks",)

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def wake_up(self, exclusive: int | None = None) -> None:
        """Wake all that sleep here, or the first ``exclusive`` of them."""
        for task in list(self.tasks[:exclusive]):
            task.wake()


def schedule_timeout(stack: LinuxStack, queues: list[WaitQueue], timeo: int) -> Generator[None, None, int]:
    """Sleep in ``queues`` until woken, a signal, or ``timeo`` jiffies have passed; the jiffies that are left.

    As in the kernel the caller tests its condition in a loop around this: being woken proves nothing.
    """
    task = stack.current
    if task.interrupted:
        return timeo
    task.woken = False
    for queue in queues:
        queue.tasks.append(task)
    expires = stack.timers.jiffies + timeo
    if timeo < MAX_SCHEDULE_TIMEOUT:
        stack.timers.mod_timer(task.timer, expires)
    yield
    stack.timers.del_timer(task.timer)
    for queue in queues:
        queue.tasks.remove(task)
    return timeo if timeo >= MAX_SCHEDULE_TIMEOUT else max(0, expires - stack.timers.jiffies)


def finished(value: Any = None) -> Call:
    """A call that never sleeps."""
    yield from ()
    return value
