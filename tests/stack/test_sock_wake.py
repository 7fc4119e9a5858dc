"""Who is woken by what."""

from __future__ import annotations

from netemu.stack import sock_wake
from tests.stack.hosts import Pair


class Watcher:
    """Notes the events that it is told."""

    def __init__(self) -> None:
        self.events: list[int] = []

    def poll_callback(self, events: int) -> None:
        self.events.append(events)


def test_each_wake_up_says_what_it_is_about() -> None:
    pair = Pair()
    sk = pair.sk("a", pair.socket("a"))
    watcher = Watcher()
    sk.sk_watchers.append(watcher)
    for wake in (sock_wake.sk_data_ready, sock_wake.sk_wake_writers, sock_wake.sk_error_report):
        wake(sk)
    readable, writable, error = watcher.events
    assert readable & sock_wake.EPOLLIN
    assert not readable & sock_wake.EPOLLOUT
    assert writable & sock_wake.EPOLLOUT
    assert not writable & sock_wake.EPOLLIN
    assert error == sock_wake.EPOLLERR
    sock_wake.sk_state_change(sk)
    assert watcher.events[-1] & readable == readable
    assert watcher.events[-1] & sock_wake.EPOLLHUP


def test_sleepers_of_a_stream_are_all_woken() -> None:
    pair = Pair()
    client, server = pair.connection()
    reading = pair.start("b", "recv", server, 1)
    pair.do("b", "setsockopt", server, 1, 7, 10_000)
    pair.start("b", "send", server, b"x" * 1_000_000)
    assert not pair.returned(reading)
    pair.do("a", "send", client, b"x")
    assert pair.result(reading) == b"x"


def test_sigpipe_is_counted() -> None:
    pair = Pair()
    sk = pair.sk("a", pair.socket("a"))
    sock_wake.send_sigpipe(sk)
    assert pair.hosts["a"].sigpipes == 1
