"""What poll says in each state."""

from __future__ import annotations

from netemu.stack.poll import sock_poll
from netemu.stack.sock_wake import EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLRDNORM, EPOLLWRNORM
from tests.stack.hosts import DGRAM, PORT, Lone, Pair

READABLE, WRITABLE = EPOLLIN | EPOLLRDNORM, EPOLLOUT | EPOLLWRNORM


def test_from_a_new_socket_to_a_closed_connection() -> None:
    pair = Pair()
    listener, client = pair.listener(), pair.socket("a")
    a = pair.sk("a", client)
    assert sock_poll(a) == EPOLLHUP | WRITABLE
    assert sock_poll(pair.sk("b", listener)) == 0
    pair.do("a", "setblocking", client, False)
    pair.error("a", "connect", client, ("10.0.0.2", PORT))
    assert sock_poll(a) == 0
    pair.run(50)
    assert sock_poll(a) == WRITABLE
    assert sock_poll(pair.sk("b", listener)) == READABLE
    server = pair.do("b", "accept", listener)[0]
    b = pair.sk("b", server)
    pair.do("b", "send", server, b"x")
    pair.run(100)
    assert sock_poll(a) == READABLE | WRITABLE
    pair.do("b", "shutdown", server, 1)
    pair.run(200)
    assert sock_poll(a) == READABLE | WRITABLE | EPOLLRDHUP
    assert sock_poll(b) == WRITABLE
    pair.do("a", "shutdown", client, 1)
    pair.run(300)
    assert sock_poll(b) == READABLE | WRITABLE | EPOLLRDHUP | EPOLLHUP


def test_an_error_is_told_with_the_rest() -> None:
    lone = Lone()
    sk = lone.sk("b", lone.socket("b"))
    sk.sk_err = 5
    assert sock_poll(sk) & EPOLLERR


def test_a_low_water_mark_keeps_it_unreadable() -> None:
    pair = Pair()
    client, server = pair.connection()
    pair.do("b", "setsockopt", server, 1, 18, 1000)
    pair.do("a", "send", client, b"x" * 999)
    pair.run(pair.now_ms + 50)
    assert not sock_poll(pair.sk("b", server)) & EPOLLIN
    pair.do("a", "send", client, b"x")
    pair.run(pair.now_ms + 50)
    assert sock_poll(pair.sk("b", server)) & EPOLLIN


def test_datagrams() -> None:
    pair = Pair()
    fd = pair.socket("b", DGRAM)
    pair.do("b", "bind", fd, ("10.0.0.2", PORT))
    sk = pair.sk("b", fd)
    assert sock_poll(sk) == WRITABLE
    for _ in range(2):
        pair.do("a", "sendto", pair.socket("a", DGRAM), b"x", 0, ("10.0.0.2", PORT))
    pair.run(50)
    assert sock_poll(sk) == READABLE | WRITABLE
    pair.do("b", "recv", fd, 1)
    assert sock_poll(sk) == READABLE | WRITABLE
    sk.sk_shutdown, sk.sk_err = 3, 5
    assert sock_poll(sk) == READABLE | WRITABLE | EPOLLRDHUP | EPOLLHUP | EPOLLERR
