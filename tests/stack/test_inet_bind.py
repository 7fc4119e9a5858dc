"""The matrix of bind() and listen(): who may share a port with whom."""

from __future__ import annotations

import errno

import pytest

from tests.stack.hosts import ANY, PORT, Pair

REUSEADDR, REUSEPORT = 2, 15


def _bound(pair: Pair, address: str, *options: int, listen: bool = False, port: int = PORT) -> tuple[int, int | None]:
    fd = pair.socket("a")
    for option in options:
        pair.do("a", "setsockopt", fd, 1, option, 1)
    code = pair.error("a", "bind", fd, (address, port))
    if code is None and listen:
        code = pair.error("a", "listen", fd, 1)
    return fd, code


@pytest.mark.parametrize("second", ["10.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("first_listens", [False, True])
@pytest.mark.parametrize("options", [(), (REUSEADDR,), (REUSEPORT,), (REUSEADDR, REUSEPORT)])
def test_two_sockets_on_one_port(second: str, first_listens: bool, options: tuple[int, ...]) -> None:
    pair = Pair()
    _bound(pair, ANY[4], *options, listen=first_listens)
    code = _bound(pair, second, *options)[1]
    allowed = REUSEPORT in options or (REUSEADDR in options and not first_listens)
    assert code == (None if allowed else errno.EADDRINUSE)


def test_different_addresses_and_ports_do_not_conflict() -> None:
    pair = Pair()
    assert _bound(pair, "10.0.0.1")[1] is None
    assert _bound(pair, "127.0.0.1")[1] is None
    assert _bound(pair, "10.0.0.1", port=PORT + 1)[1] is None
    assert _bound(pair, ANY[4])[1] == errno.EADDRINUSE


def test_only_one_of_two_with_reuseaddr_may_listen() -> None:
    pair = Pair()
    first, _ = _bound(pair, ANY[4], REUSEADDR)
    second, code = _bound(pair, ANY[4], REUSEADDR)
    assert code is None
    assert pair.error("a", "listen", first, 1) is None
    assert pair.error("a", "listen", second, 1) == errno.EADDRINUSE


def test_both_must_ask_for_it() -> None:
    pair = Pair()
    _bound(pair, ANY[4])
    assert _bound(pair, ANY[4], REUSEADDR)[1] == errno.EADDRINUSE


def test_time_wait_keeps_the_port_from_sockets_without_reuseaddr() -> None:
    pair = Pair()
    client, server = pair.connection()
    pair.do("b", "close", server)
    pair.run(pair.now_ms + 50)
    pair.do("a", "close", client)
    pair.run(pair.now_ms + 50)
    assert pair.hosts["b"].hashinfo.tw_count == 1
    plain = pair.socket("b")
    assert pair.error("b", "bind", plain, (ANY[4], PORT)) == errno.EADDRINUSE
    willing = pair.socket("b")
    pair.do("b", "setsockopt", willing, 1, REUSEADDR, 1)
    # The connection that waits was accepted by a listener without SO_REUSEADDR.
    assert pair.error("b", "bind", willing, (ANY[4], PORT)) == errno.EADDRINUSE
    pair.run(pair.now_ms + 61_000)
    assert pair.error("b", "bind", plain, (ANY[4], PORT)) is None


def test_the_usual_server_may_be_started_again() -> None:
    pair = Pair()
    listener, client = pair.listener(reuse=REUSEADDR), pair.socket("a")
    pair.do("a", "connect", client, ("10.0.0.2", PORT))
    server = pair.do("b", "accept", listener)[0]
    pair.do("b", "close", server)
    pair.do("b", "close", listener)
    pair.run(pair.now_ms + 50)
    again = pair.listener(reuse=REUSEADDR)
    assert pair.do("b", "getsockname", again) == (ANY[4], PORT)


def test_port_zero_takes_an_odd_one_of_the_range() -> None:
    pair = Pair(sysctls={"net.ipv4.ip_local_port_range": "40000 40009"})
    ports = []
    for _ in range(5):
        fd, code = _bound(pair, "10.0.0.1", port=0)
        assert code is None
        ports.append(pair.do("a", "getsockname", fd)[1])
    assert sorted(ports) == [40001, 40003, 40005, 40007, 40009]
    for _ in range(5):
        assert _bound(pair, "10.0.0.1", port=0)[1] is None
    assert _bound(pair, "10.0.0.1", port=0)[1] == errno.EADDRINUSE


def test_ipv6_wildcard_and_ipv4_conflict_unless_v6only() -> None:
    for v6only, code in ((0, errno.EADDRINUSE), (1, None)):
        pair = Pair()
        six = int(pair.do("a", "socket", 10, 1))
        pair.do("a", "setsockopt", six, 41, 26, v6only)
        pair.do("a", "bind", six, ("::", PORT))
        assert _bound(pair, ANY[4])[1] == code


def test_a_foreign_address_and_a_second_bind_are_refused() -> None:
    pair = Pair()
    assert _bound(pair, "10.0.0.77")[1] == errno.EADDRNOTAVAIL
    fd, _ = _bound(pair, "10.0.0.1")
    assert pair.error("a", "bind", fd, ("10.0.0.1", 0)) == errno.EINVAL
