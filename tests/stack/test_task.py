"""Processes in system calls: they sleep, are woken, time out, are interrupted."""

from __future__ import annotations

import pytest

from netemu.stack import calls
from netemu.stack.events import Complete, Deadline, Interrupt, Resume, SystemCall, Wake
from netemu.stack.profile import Profile
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.task import MAX_SCHEDULE_TIMEOUT, Call, KernelError, WaitQueue, finished, schedule_timeout

MS = 1_000_000


class Host:
    """A host with a wait queue and calls that sleep in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = LinuxStack("h", Profile("test"), Sysctl(), 1)
        self.queue = WaitQueue()
        monkeypatch.setitem(calls.CALLS, "nap", self.nap)
        monkeypatch.setitem(calls.CALLS, "fail", self.fail)
        monkeypatch.setitem(calls.CALLS, "getpid", lambda stack: finished(7))

    def nap(self, stack: LinuxStack, timeo: int) -> Call:
        left = yield from schedule_timeout(stack, [self.queue], timeo)
        return left

    def fail(self, stack: LinuxStack) -> Call:
        raise KernelError(9)
        yield


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def test_a_call_that_never_sleeps_is_complete_at_once(host: Host) -> None:
    assert host.stack.handle(SystemCall(1, "getpid"), now_ns=0) == [Complete(1, 7)]
    assert host.stack.handle(SystemCall(2, "fail"), now_ns=0) == [Complete(2, None, 9)]


def test_a_sleeper_is_woken_once_and_runs_when_told_to(host: Host) -> None:
    stack = host.stack
    assert stack.handle(SystemCall(1, "nap", (MAX_SCHEDULE_TIMEOUT,)), now_ns=0) == []
    assert stack.next_deadline_ns() is None
    stack.handle(SystemCall(2, "getpid"), now_ns=5)
    host.queue.wake_up()
    host.queue.wake_up()
    assert stack.handle(Resume(1), now_ns=9) == [Complete(1, MAX_SCHEDULE_TIMEOUT)]
    assert not host.queue.tasks


def test_a_sleeper_wakes_by_itself_when_its_time_is_over(host: Host) -> None:
    stack = host.stack
    stack.handle(SystemCall(1, "nap", (10,)), now_ns=1)
    at_ns = stack.next_deadline_ns()
    assert at_ns == 11 * 4 * MS
    assert stack.handle(Deadline(), now_ns=at_ns) == [Wake(1)]
    assert stack.handle(Resume(1), now_ns=at_ns) == [Complete(1, 0)]


def test_who_is_woken_early_has_time_left_and_no_timer(host: Host) -> None:
    stack = host.stack
    stack.handle(SystemCall(1, "nap", (10,)), now_ns=0)
    stack.handle(SystemCall(2, "getpid"), now_ns=16 * MS)
    host.queue.wake_up()
    assert stack.handle(Resume(1), now_ns=16 * MS) == [Complete(1, 6)]
    assert stack.next_deadline_ns() is None


def test_a_signal_wakes_and_keeps_from_sleeping_again(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(stack: LinuxStack) -> Call:
        yield from schedule_timeout(stack, [host.queue], 100)
        left = yield from schedule_timeout(stack, [host.queue], 50)
        return left

    monkeypatch.setitem(calls.CALLS, "twice", twice)
    host.stack.handle(SystemCall(1, "twice"), now_ns=0)
    assert host.stack.handle(Interrupt(1), now_ns=1) == [Wake(1)]
    assert host.stack.handle(Interrupt(1), now_ns=1) == []
    assert host.stack.handle(Resume(1), now_ns=1) == [Complete(1, 50)]


def test_an_exclusive_waker_wakes_the_first_only(host: Host) -> None:
    for call_id in (1, 2):
        host.stack.handle(SystemCall(call_id, "nap", (MAX_SCHEDULE_TIMEOUT,)), now_ns=0)
    host.queue.wake_up(exclusive=1)
    assert [task.woken for task in host.queue.tasks] == [True, False]
