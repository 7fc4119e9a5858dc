"""Who gets a segment, and which port a connect() takes."""

from __future__ import annotations

import errno

from netemu.stack.inet_hashtables import inet_lookup_listener
from tests.stack.hosts import ANY, PORT, Pair

REUSEADDR = 2
PEER = ("10.0.0.1", 9)


def _listener(pair: Pair, family: int, address: str, port: int = PORT, v6only: int = 1) -> int:
    fd = int(pair.do("b", "socket", family, 1))
    pair.do("b", "setsockopt", fd, 1, 15, 1)
    if family == 10:
        pair.do("b", "setsockopt", fd, 41, 26, v6only)
    pair.do("b", "bind", fd, (address, port))
    pair.do("b", "listen", fd, 1)
    return fd


def test_the_listener_of_the_address_is_found_before_that_of_any() -> None:
    pair = Pair()
    exact, wild = _listener(pair, 2, "10.0.0.2"), _listener(pair, 2, ANY[4])
    net = pair.hosts["b"]
    assert inet_lookup_listener(net, "10.0.0.2", PORT, PEER, "b-eth0") is pair.sk("b", exact)
    assert inet_lookup_listener(net, "127.0.0.1", PORT, PEER, "b-eth0") is pair.sk("b", wild)
    assert inet_lookup_listener(net, "10.0.0.2", PORT + 1, PEER, "b-eth0") is None


def test_a_listener_of_both_families_takes_ipv4_too() -> None:
    pair = Pair()
    both = _listener(pair, 10, "::", v6only=0)
    client = pair.socket("a")
    pair.do("a", "connect", client, ("10.0.0.2", PORT))
    fd, peer = pair.do("b", "accept", both)
    assert peer[0] == "::ffff:10.0.0.1"
    assert pair.do("b", "getsockname", fd)[0] == "::ffff:10.0.0.2"
    pair.do("a", "send", client, b"x")
    assert pair.do("b", "recv", fd, 10) == b"x"


def test_a_listener_bound_to_another_device_does_not_take_it() -> None:
    pair = Pair()
    fd = _listener(pair, 2, ANY[4])
    pair.do("b", "setsockopt", fd, 1, 25, b"lo\0")
    assert inet_lookup_listener(pair.hosts["b"], "10.0.0.2", PORT, PEER, "b-eth0") is None
    assert inet_lookup_listener(pair.hosts["b"], "127.0.0.1", PORT, PEER, "lo") is pair.sk("b", fd)


def test_listeners_that_share_a_port_share_the_peers() -> None:
    pair = Pair()
    sharing = [_listener(pair, 2, ANY[4]) for _ in range(4)]
    net = pair.hosts["b"]
    found = [inet_lookup_listener(net, "10.0.0.2", PORT, ("10.0.0.1", port), "b-eth0") for port in range(400)]
    counts = {fd: found.count(pair.sk("b", fd)) for fd in sharing}
    assert sum(counts.values()) == 400
    assert min(counts.values()) > 50
    assert found[7] is inet_lookup_listener(net, "10.0.0.2", PORT, ("10.0.0.1", 7), "b-eth0")


def test_connect_takes_even_ports_first_and_then_odd_ones() -> None:
    pair = Pair(sysctls={"net.ipv4.ip_local_port_range": "40000 40005"})
    pair.listener(backlog=20)
    ports = []
    for _ in range(6):
        fd = pair.socket("a")
        pair.do("a", "connect", fd, ("10.0.0.2", PORT))
        ports.append(pair.do("a", "getsockname", fd)[1])
    assert sorted(ports[:3]) == [40000, 40002, 40004]
    assert sorted(ports[3:]) == [40001, 40003, 40005]
    assert pair.error("a", "connect", pair.socket("a"), ("10.0.0.2", PORT)) == errno.EADDRNOTAVAIL
    # To another port of the peer each may be used once more.
    pair.listener(port=PORT + 1)
    assert pair.error("a", "connect", pair.socket("a"), ("10.0.0.2", PORT + 1)) is None


def test_one_pair_of_ends_is_one_connection() -> None:
    pair = Pair()
    pair.listener()
    first, second = pair.socket("a"), pair.socket("a")
    for fd in (first, second):
        pair.do("a", "setsockopt", fd, 1, REUSEADDR, 1)
        pair.do("a", "bind", fd, ("10.0.0.1", 7000))
    pair.do("a", "connect", first, ("10.0.0.2", PORT))
    assert pair.error("a", "connect", second, ("10.0.0.2", PORT)) == errno.EADDRNOTAVAIL
    assert pair.hosts["a"].mib["ActiveOpens"] == 1


def test_one_port_is_used_again_and_again_with_tcp_tw_reuse() -> None:
    pair = Pair(sysctls={"net.ipv4.tcp_tw_reuse": "1", "net.ipv4.ip_local_port_range": "40000 40000"})
    listener = pair.listener(backlog=5)
    for number in range(4):
        fd = pair.socket("a")
        pair.do("a", "connect", fd, ("10.0.0.2", PORT))
        server = pair.do("b", "accept", listener)[0]
        pair.do("a", "close", fd)
        pair.run(pair.now_ms + 50)
        pair.do("b", "close", server)
        assert pair.hosts["a"].mib["TWRecycled"] == number
        pair.run(pair.now_ms + 1500)


def test_a_bound_port_takes_the_place_of_time_wait_with_timestamps() -> None:
    pair = Pair()
    pair.listener(backlog=5)
    for number in range(2):
        fd = pair.socket("a")
        pair.do("a", "setsockopt", fd, 1, REUSEADDR, 1)
        pair.do("a", "bind", fd, ("10.0.0.1", 7000))
        pair.do("a", "connect", fd, ("10.0.0.2", PORT))
        server = pair.do("b", "accept", 3)[0]
        pair.do("a", "close", fd)
        pair.run(pair.now_ms + 50)
        pair.do("b", "close", server)
        pair.run(pair.now_ms + 50)
        assert pair.hosts["a"].hashinfo.tw_count == 1
        assert pair.hosts["a"].mib["TWRecycled"] == number
