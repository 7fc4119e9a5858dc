"""A stack in the engine: its packets leave by their interface, its deadline is kept however often it is put off."""

from __future__ import annotations

from netemu.sim.host import Call
from netemu.stack.events import Deadline, Trace
from tests.sim.fake import fake_host


def test_what_it_transmits_leaves_by_the_interface() -> None:
    host, _, _ = fake_host()
    sent: list[object] = []
    host.sends["eth0"] = sent.append
    call = host.call("send", ("packet",), lambda _: None)
    assert sent == ["packet"] and call.result is not None


def test_a_deadline_that_is_put_off_comes_once_and_on_time() -> None:
    host, stack, engine = fake_host()
    for deadline_ns in (100, 200, 350):
        stack.deadline_ns = deadline_ns
        host.receive("eth0", None)  # type: ignore[arg-type]
    engine.run(1000)
    assert [now for now, event in stack.events if isinstance(event, Deadline)] == [350]


def test_a_deadline_that_is_brought_forward_comes_earlier() -> None:
    host, stack, engine = fake_host()
    for deadline_ns in (500, 50):
        stack.deadline_ns = deadline_ns
        host.receive("eth0", None)  # type: ignore[arg-type]
    engine.run(1000)
    assert [now for now, event in stack.events if isinstance(event, Deadline)] == [50]


def test_two_calls_in_progress_are_told_apart() -> None:
    host, _, engine = fake_host()
    over: list[Call] = []
    calls = [host.call("wait", (), over.append), host.call("wait", (), over.append)]
    host.interrupt(calls[1])
    engine.run(0)
    assert over == [calls[1]] and calls[1].result is not None and calls[1].result.errno == 4


def test_tracepoints_go_to_who_asked_for_them() -> None:
    host, stack, _ = fake_host()
    seen: list[tuple[str, Trace]] = []
    stack.handle = lambda event, now_ns: [Trace("tcp_probe", {})]
    host.receive("eth0", None)  # type: ignore[arg-type]
    host.on_trace = lambda name, trace: seen.append((name, trace))
    host.receive("eth0", None)  # type: ignore[arg-type]
    assert seen == [("h1", Trace("tcp_probe", {}))]
