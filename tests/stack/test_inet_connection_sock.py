"""bind, listen, accept, connect and shutdown, as a process sees them."""

from __future__ import annotations

import errno
import struct

import pytest

from tests.stack.hosts import ACK, ANY, PORT, RST, SYN, Lone, Pair

SNDTIMEO, RCVTIMEO = 21, 20


@pytest.mark.parametrize("family", [4, 6])
def test_nobody_listens(family: int) -> None:
    pair = Pair(family=family)
    assert pair.error("a", "connect", pair.socket("a"), (pair.address["b"], PORT)) == errno.ECONNREFUSED
    assert pair.flags("b") == [RST | ACK]
    assert pair.hosts["a"].mib["AttemptFails"] == 1


def test_no_route() -> None:
    pair = Pair()
    assert pair.error("a", "connect", pair.socket("a"), ("8.8.8.8", PORT)) == errno.ENETUNREACH
    assert pair.hosts["a"].mib["IpOutNoRoutes"] == 1


def test_wrong_families() -> None:
    pair = Pair()
    assert pair.error("a", "connect", pair.socket("a"), ("fd00::2", PORT)) == errno.EAFNOSUPPORT
    six = pair.do("a", "socket", 10, 1)
    pair.do("a", "setsockopt", six, 41, 26, 1)
    assert pair.error("a", "connect", six, ("::ffff:10.0.0.2", PORT)) == errno.ENETUNREACH


def test_a_socket_of_ipv6_reaches_an_ipv4_peer_by_its_mapped_address() -> None:
    pair = Pair()
    pair.listener()
    six = pair.do("a", "socket", 10, 1)
    pair.do("a", "connect", six, ("::ffff:10.0.0.2", PORT))
    assert pair.do("a", "getpeername", six)[0] == "::ffff:10.0.0.2"


def test_nobody_answers() -> None:
    pair = Pair(sysctls={"net.ipv4.tcp_syn_retries": "2"}, drop=lambda number, host, packet: True)
    assert pair.error("a", "connect", pair.socket("a"), ("10.0.0.2", PORT)) == errno.ETIMEDOUT
    # Two doublings are 7 s, which the SYNs sent each second since 6.5 fill.
    assert len(pair.log) == 6


def test_sndtimeo_bounds_connect_which_goes_on() -> None:
    pair = Pair(delay_ms=200)
    pair.listener()
    fd = pair.socket("a")
    pair.do("a", "setsockopt", fd, 1, SNDTIMEO, struct.pack("qq", 0, 100_000))
    assert pair.error("a", "connect", fd, ("10.0.0.2", PORT)) == errno.EINPROGRESS
    assert pair.error("a", "connect", fd, ("10.0.0.2", PORT)) == errno.EALREADY
    pair.run(1000)
    assert pair.error("a", "connect", fd, ("10.0.0.2", PORT)) is None


def test_rcvtimeo_bounds_accept() -> None:
    pair = Pair()
    listener = pair.listener()
    pair.do("b", "setsockopt", listener, 1, RCVTIMEO, struct.pack("qq", 0, 200_000))
    begin = pair.now_ms
    assert pair.error("b", "accept", listener) == errno.EAGAIN
    assert 200 <= pair.now_ms - begin <= 210


def test_one_connection_wakes_one_of_those_who_accept() -> None:
    pair = Pair()
    listener = pair.listener()
    calls = [pair.start("b", "accept", listener) for _ in range(2)]
    pair.do("a", "connect", pair.socket("a"), ("10.0.0.2", PORT))
    pair.run(pair.now_ms + 50)
    assert [pair.returned(call) for call in calls] == [True, False]


def test_accept_on_what_does_not_listen() -> None:
    pair = Pair()
    assert pair.error("a", "accept", pair.socket("a")) == errno.EINVAL


def test_closing_a_listener_ends_accept() -> None:
    pair = Pair()
    listener = pair.listener()
    call = pair.start("b", "accept", listener)
    pair.do("b", "shutdown", listener, 0)
    with pytest.raises(OSError, match="Invalid"):
        pair.result(call)


def test_listen_without_bind_takes_a_port() -> None:
    pair = Pair()
    fd = pair.socket("a")
    pair.do("a", "listen", fd, 1)
    assert pair.do("a", "getsockname", fd)[1] >= 32768


def test_listen_bounds_the_backlog_by_somaxconn_and_takes_minus_one_for_the_most() -> None:
    pair = Pair(sysctls={"net.core.somaxconn": "7"})
    fd = pair.listener(backlog=100)
    assert pair.sk("b", fd).sk_max_ack_backlog == 7
    pair.do("b", "listen", fd, 3)
    assert pair.sk("b", fd).sk_max_ack_backlog == 3
    pair.do("b", "listen", fd, -1)
    assert pair.sk("b", fd).sk_max_ack_backlog == 7


def test_listen_on_a_connection() -> None:
    pair = Pair()
    client, _ = pair.connection()
    assert pair.error("a", "listen", client, 1) == errno.EINVAL


def test_shutdown_of_what_is_not_connected() -> None:
    pair = Pair()
    fd = pair.socket("a")
    assert pair.error("a", "shutdown", fd, 1) == errno.ENOTCONN
    assert pair.error("a", "shutdown", fd, 3) == errno.EINVAL


def test_shutdown_while_connecting_gives_up() -> None:
    lone = Lone()
    fd = lone.socket("b")
    lone.do("b", "setblocking", fd, False)
    assert lone.error("b", "connect", fd, ("10.0.0.1", 9)) == errno.EINPROGRESS
    lone.do("b", "shutdown", fd, 2)
    lone.run(100_000)
    assert len(lone.heard()) == 1


def test_a_reset_during_the_handshake_refuses() -> None:
    lone = Lone()
    fd = lone.socket("b")
    call = lone.start("b", "connect", fd, ("10.0.0.1", 9))
    [syn] = lone.heard()
    lone.port = 9
    lone.say(RST | ACK, 0, syn.seq + 7, to=syn.source_port)  # acknowledges nothing that was sent
    assert not lone.returned(call)
    lone.say(RST | ACK, 0, syn.seq + 1, to=syn.source_port)
    with pytest.raises(OSError, match="refused"):
        lone.result(call)


def test_a_reset_answers_a_syn_ack_with_a_wrong_ack() -> None:
    lone = Lone()
    fd = lone.socket("b")
    lone.start("b", "connect", fd, ("10.0.0.1", 9))
    [syn] = lone.heard()
    lone.port = 9
    [reset] = lone.say(SYN | ACK, 500, syn.seq + 7, to=syn.source_port)
    assert (reset.flags, reset.seq) == (RST, (syn.seq + 7) & 0xFFFFFFFF)


def test_connect_to_the_wildcard_is_to_this_host() -> None:
    pair = Pair()
    listener, fd = pair.listener("a"), pair.socket("a")
    pair.do("a", "connect", fd, (ANY[4], PORT))
    assert pair.do("a", "getpeername", fd) == ("127.0.0.1", PORT)
    server = pair.do("a", "accept", listener)[0]
    pair.do("a", "send", fd, b"x" * 200_000)
    got = 0
    while got < 200_000:
        got += len(pair.do("a", "recv", server, 1 << 20))
    assert pair.log == []
