"""epoll: level and edge triggered, one shot, time-outs, and who is woken by what."""

from __future__ import annotations

import errno

import pytest

from netemu.stack.sock_wake import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from tests.stack.hosts import PORT, Pair

ADD, DEL, MOD = 1, 2, 3
ET, ONESHOT = 1 << 31, 1 << 30


def _watched(events: int) -> tuple[Pair, int, int, int]:
    """A connection whose server's descriptor is watched: pair, client, server, epoll."""
    pair = Pair()
    client, server = pair.connection()
    epoll = pair.do("b", "epoll_create")
    pair.do("b", "epoll_ctl", epoll, ADD, server, events)
    pair.run(pair.now_ms + 50)
    return pair, client, server, epoll


def test_level_triggered_is_told_until_it_is_read() -> None:
    pair, client, server, epoll = _watched(EPOLLIN)
    assert pair.do("b", "epoll_wait", epoll, 8, 0) == []
    pair.do("a", "send", client, b"ab")
    assert pair.do("b", "epoll_wait", epoll, 8, -1) == [(server, EPOLLIN)]
    pair.do("b", "recv", server, 1)
    assert pair.do("b", "epoll_wait", epoll, 8, 0) == [(server, EPOLLIN)]
    pair.do("b", "recv", server, 1)
    assert pair.do("b", "epoll_wait", epoll, 8, 0) == []


def test_edge_triggered_is_told_once_for_each_arrival() -> None:
    pair, client, server, epoll = _watched(EPOLLIN | ET)
    for _ in range(2):
        pair.do("a", "send", client, b"a")
        assert pair.do("b", "epoll_wait", epoll, 8, -1) == [(server, EPOLLIN)]
        assert pair.do("b", "epoll_wait", epoll, 8, 0) == []


def test_one_shot_must_be_armed_again() -> None:
    pair, client, server, epoll = _watched(EPOLLIN | ONESHOT)
    pair.do("a", "send", client, b"a")
    assert pair.do("b", "epoll_wait", epoll, 8, -1) == [(server, EPOLLIN)]
    assert pair.do("b", "epoll_wait", epoll, 8, 0) == []
    pair.do("b", "epoll_ctl", epoll, MOD, server, EPOLLIN | ONESHOT)
    assert pair.do("b", "epoll_wait", epoll, 8, 0) == [(server, EPOLLIN)]


def test_a_time_out_is_exact() -> None:
    pair, _, _, epoll = _watched(EPOLLIN)
    begin = pair.now_ns
    assert pair.do("b", "epoll_wait", epoll, 8, 123) == []
    assert pair.now_ns - begin == 123_000_000


def test_a_signal_interrupts() -> None:
    pair, _, _, epoll = _watched(EPOLLIN)
    call = pair.start("b", "epoll_wait", epoll, 8, -1)
    pair.interrupt("b", call)
    with pytest.raises(OSError, match="Interrupted"):
        pair.result(call)


def test_connect_makes_writable_and_refusal_an_error() -> None:
    pair = Pair()
    pair.listener()
    for port, events in ((PORT, EPOLLOUT), (PORT + 1, EPOLLOUT | EPOLLERR | EPOLLHUP)):
        fd = pair.socket("a")
        pair.do("a", "setblocking", fd, False)
        assert pair.error("a", "connect", fd, ("10.0.0.2", port)) == errno.EINPROGRESS
        epoll = pair.do("a", "epoll_create")
        pair.do("a", "epoll_ctl", epoll, ADD, fd, EPOLLOUT)
        assert pair.do("a", "epoll_wait", epoll, 8, -1) == [(fd, events)]
        assert pair.do("a", "getsockopt", fd, 1, 4) == (0 if port == PORT else errno.ECONNREFUSED)


def test_a_listener_is_readable_while_connections_wait() -> None:
    pair = Pair()
    listener = pair.listener()
    epoll = pair.do("b", "epoll_create")
    pair.do("b", "epoll_ctl", epoll, ADD, listener, EPOLLIN)
    call = pair.start("b", "epoll_wait", epoll, 8, -1)
    pair.do("a", "connect", pair.socket("a"), ("10.0.0.2", PORT))
    assert pair.result(call) == [(listener, EPOLLIN)]
    pair.do("b", "accept", listener)
    assert pair.do("b", "epoll_wait", epoll, 8, 0) == []


def test_a_full_send_buffer_is_not_writable_until_a_third_is_free() -> None:
    pair = Pair()
    client, server = pair.connection()
    pair.do("a", "setblocking", client, False)
    pair.do("a", "setsockopt", client, 1, 7, 20_000)
    while pair.error("a", "send", client, b"x" * 5000) is None:
        pass
    epoll = pair.do("a", "epoll_create")
    pair.do("a", "epoll_ctl", epoll, ADD, client, EPOLLOUT)
    assert pair.do("a", "epoll_wait", epoll, 8, 0) == []
    pair.do("b", "recv", server, 1 << 20)
    assert pair.do("a", "epoll_wait", epoll, 8, -1) == [(client, EPOLLOUT)]
    sk = pair.sk("a", client)
    assert sk.sk_wmem_queued <= sk.sk_sndbuf * 2 // 3


def test_the_peer_s_end_and_the_end_of_both() -> None:
    pair, client, server, epoll = _watched(EPOLLIN | EPOLLRDHUP)
    pair.do("a", "shutdown", client, 1)
    assert pair.do("b", "epoll_wait", epoll, 8, -1) == [(server, EPOLLIN | EPOLLRDHUP)]
    pair.do("b", "shutdown", server, 1)
    events = pair.do("b", "epoll_wait", epoll, 8, -1)[0][1]
    assert events & EPOLLHUP


def test_an_edge_triggered_watcher_hears_of_the_last_ack() -> None:
    pair, client, server, _ = _watched(EPOLLIN)
    pair.do("a", "shutdown", client, 1)
    pair.run(pair.now_ms + 100)
    pair.do("b", "shutdown", server, 1)
    epoll = pair.do("b", "epoll_create")
    pair.do("b", "epoll_ctl", epoll, ADD, server, EPOLLHUP | ET)
    assert pair.do("b", "epoll_wait", epoll, 8, 0) == [(server, EPOLLHUP)]
    assert pair.do("b", "epoll_wait", epoll, 8, -1) == [(server, EPOLLHUP)]
    assert pair.do("b", "getsockopt", server, 6, 11)["tcpi_state"] == 7


def test_what_may_be_controlled() -> None:
    pair, _, server, epoll = _watched(EPOLLIN)
    assert pair.error("b", "epoll_ctl", epoll, ADD, server, EPOLLIN) == errno.EEXIST
    assert pair.error("b", "epoll_ctl", epoll, 7, server, EPOLLIN) == errno.EINVAL
    pair.do("b", "epoll_ctl", epoll, DEL, server, 0)
    assert pair.error("b", "epoll_ctl", epoll, MOD, server, EPOLLIN) == errno.ENOENT
    assert pair.error("b", "epoll_ctl", epoll, ADD, epoll, EPOLLIN) == errno.EINVAL
    assert pair.error("b", "epoll_wait", epoll, 0, 0) == errno.EINVAL


def test_closing_forgets_watchers_on_both_sides() -> None:
    pair, client, server, epoll = _watched(EPOLLIN)
    sk = pair.sk("b", server)
    pair.do("b", "close", epoll)
    assert sk.sk_watchers == []
    epoll = pair.do("b", "epoll_create")
    pair.do("b", "epoll_ctl", epoll, ADD, server, EPOLLIN)
    pair.do("b", "close", server)
    pair.do("a", "send", client, b"x")
    assert pair.do("b", "epoll_wait", epoll, 8, 100) == []


def test_several_are_told_in_turn() -> None:
    pair = Pair()
    listener = pair.listener(backlog=9)
    epoll = pair.do("b", "epoll_create")
    servers = []
    for _ in range(3):
        client = pair.socket("a")
        pair.do("a", "connect", client, ("10.0.0.2", PORT))
        servers.append(pair.do("b", "accept", listener)[0])
        pair.do("b", "epoll_ctl", epoll, ADD, servers[-1], EPOLLIN)
        pair.do("a", "send", client, b"x")
    pair.run(pair.now_ms + 50)
    told = [pair.do("b", "epoll_wait", epoll, 1, 0)[0][0] for _ in range(6)]
    assert told == servers * 2
