"""A host as events in and actions out: time, calls, contexts."""

from __future__ import annotations

import pytest

from netemu.stack import calls
from netemu.stack.events import Complete, Deadline, Resume, SystemCall, Trace
from netemu.stack.profile import Profile
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.task import Call
from netemu.stack.timer import Timer


def _stack() -> LinuxStack:
    return LinuxStack("h1", Profile("test"), Sysctl(), 1)


def _endless(stack: LinuxStack) -> Call:
    while True:
        yield


def test_time_never_goes_back() -> None:
    stack = _stack()
    stack.handle(Deadline(), now_ns=10)
    stack.handle(Deadline(), now_ns=10)
    with pytest.raises(ValueError, match="h1: time went back from 10 to 9 ns"):
        stack.handle(Deadline(), now_ns=9)


def test_calls_that_there_are_not_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = _stack()
    with pytest.raises(ValueError, match="'fork' 1: unknown, or in progress"):
        stack.handle(SystemCall(1, "fork"), now_ns=0)
    with pytest.raises(ValueError, match="no system call 5 is in progress"):
        stack.handle(Resume(5), now_ns=0)
    monkeypatch.setitem(calls.CALLS, "endless", _endless)
    stack.handle(SystemCall(1, "endless"), now_ns=0)
    with pytest.raises(ValueError, match="in progress"):
        stack.handle(SystemCall(1, "endless"), now_ns=0)


def test_actions_belong_to_their_event(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = _stack()

    def traced(stack: LinuxStack) -> Call:
        stack.trace("tcp_probe", {"snd_cwnd": 10})
        return stack.context
        yield

    monkeypatch.setitem(calls.CALLS, "traced", traced)
    assert stack.handle(SystemCall(1, "traced"), now_ns=0) == [
        Trace("tcp_probe", {"snd_cwnd": 10}),
        Complete(1, "process"),
    ]
    assert stack.handle(Deadline(), now_ns=0) == []


def test_timers_run_at_their_deadline_in_the_timers_context() -> None:
    stack = _stack()
    seen: list[tuple[int, str]] = []
    stack.timers.mod_timer(Timer(lambda: seen.append((stack.jiffies, stack.context))), stack.jiffies + 4)
    began = stack.jiffies
    at_ns = stack.next_deadline_ns()
    assert at_ns == 5 * 4_000_000
    stack.handle(Deadline(), now_ns=at_ns - 1)
    assert not seen
    stack.handle(Deadline(), now_ns=at_ns)
    assert seen == [(began + 5, "timer")]
