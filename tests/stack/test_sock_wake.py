"""Who is woken by what."""

from __future__ import annotations

from collections.abc import Callable

from netemu.stack import sock_wake
from netemu.stack.eventpoll import Epoll, EpollItem
from netemu.stack.sock import TcpSock
from netemu.stack.sock_wake import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT
from tests.stack.hosts import Pair


def test_each_wake_up_says_what_it_is_about() -> None:
    pair = Pair()
    sk = pair.sk("a", pair.socket("a"))
    watcher = Epoll(pair.hosts["a"])
    masks = (EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP)
    sk.sk_watchers.extend(EpollItem(watcher, sk.fd, sk, mask) for mask in masks)

    def told(wake: Callable[[TcpSock], None]) -> list[int]:
        watcher.ready.clear()
        wake(sk)
        return [item.events for item in watcher.ready]

    assert told(sock_wake.sk_data_ready) == [EPOLLIN]
    assert told(sock_wake.sk_wake_writers) == [EPOLLOUT]
    assert told(sock_wake.sk_error_report) == [EPOLLERR]
    changed = told(sock_wake.sk_state_change)
    assert EPOLLIN in changed and EPOLLHUP in changed


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
