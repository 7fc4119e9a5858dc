"""Datagrams: ports, peers, buffers and what is lost."""

from __future__ import annotations

import errno
import struct

import pytest

from tests.stack.hosts import ANY, DGRAM, PORT, Pair

FAMILIES = pytest.mark.parametrize("family", [4, 6])


def _receiver(pair: Pair, **options: int) -> int:
    fd = pair.socket("b", DGRAM)
    for option, value in options.items():
        pair.do("b", "setsockopt", fd, 1, int(option[1:]), value)
    pair.do("b", "bind", fd, (ANY[pair.family], PORT))
    return fd


@FAMILIES
def test_a_datagram_and_its_answer(family: int) -> None:
    pair = Pair(family=family)
    receiver, sender = _receiver(pair), pair.socket("a", DGRAM)
    assert pair.do("a", "sendto", sender, b"question", 0, (pair.address["b"], PORT)) == 8
    data, peer = pair.do("b", "recvfrom", receiver, 100)
    assert (data, peer[0]) == (b"question", pair.address["a"])
    pair.do("b", "sendto", receiver, b"answer", 0, peer)
    assert pair.do("a", "recv", sender, 100) == b"answer"
    assert pair.hosts["b"].mib["UdpInDatagrams" if family == 4 else "Udp6InDatagrams"] == 1


def test_a_short_buffer_cuts_and_a_peek_leaves() -> None:
    pair = Pair()
    receiver, sender = _receiver(pair), pair.socket("a", DGRAM)
    pair.do("a", "connect", sender, ("10.0.0.2", PORT))
    for data in (b"first", b"second"):
        pair.do("a", "send", sender, data)
    assert pair.do("b", "recv", receiver, 3, 2) == b"fir"
    assert pair.do("b", "recv", receiver, 3) == b"fir"
    assert pair.do("b", "recv", receiver, 100) == b"second"


def test_a_full_buffer_drops_and_counts() -> None:
    pair = Pair()
    receiver, sender = _receiver(pair, o8=5000), pair.socket("a", DGRAM)
    pair.do("a", "connect", sender, ("10.0.0.2", PORT))
    for _ in range(20):
        pair.do("a", "send", sender, b"x" * 1000)
    pair.run(100)
    sk, mib = pair.sk("b", receiver), pair.hosts["b"].mib
    lost = mib["UdpRcvbufErrors"]
    assert lost == mib["UdpInErrors"] == sk.sk_drops == pair.do("b", "getsockopt", receiver, 1, 55)[8]
    assert 0 < lost < 20
    assert len(sk.sk_receive_queue) + lost == 20
    assert sk.sk_rmem_alloc <= 10_000


def test_memory_of_all_sockets_is_limited() -> None:
    pair = Pair(sysctls={"net.ipv4.udp_mem": "1 2 3"})
    receiver, sender = _receiver(pair), pair.socket("a", DGRAM)
    pair.do("a", "connect", sender, ("10.0.0.2", PORT))
    for _ in range(20):
        pair.do("a", "send", sender, b"x" * 1000)
    pair.run(100)
    assert pair.hosts["b"].mib["UdpMemErrors"] > 0
    while pair.sk("b", receiver).sk_receive_queue:
        pair.do("b", "recv", receiver, 2000)
    pair.do("b", "close", receiver)
    assert pair.hosts["b"].udp_memory_allocated == 0


def test_a_connected_socket_hears_its_peer_only() -> None:
    pair = Pair()
    receiver, friend, other = _receiver(pair), pair.socket("a", DGRAM), pair.socket("a", DGRAM)
    pair.do("a", "bind", friend, ("10.0.0.1", 7))
    pair.do("b", "connect", receiver, ("10.0.0.1", 7))
    for fd in (other, friend):
        pair.do("a", "sendto", fd, b"%d" % fd, 0, ("10.0.0.2", PORT))
    assert pair.do("b", "recv", receiver, 9) == b"%d" % friend
    pair.run(100)
    assert pair.hosts["b"].mib["UdpNoPorts"] == 1


def test_the_closest_socket_gets_it() -> None:
    pair = Pair()
    wild, exact = pair.socket("b", DGRAM), pair.socket("b", DGRAM)
    for fd, address in ((wild, ANY[4]), (exact, "10.0.0.2")):
        pair.do("b", "setsockopt", fd, 1, 2, 1)
        pair.do("b", "bind", fd, (address, PORT))
    sender = pair.socket("a", DGRAM)
    pair.do("a", "sendto", sender, b"x", 0, ("10.0.0.2", PORT))
    assert pair.do("b", "recv", exact, 9) == b"x"


@pytest.mark.parametrize(
    ("size", "pmtudisc", "code"),
    [
        (65_507, None, None),
        (65_508, None, errno.EMSGSIZE),
        (70_000, None, errno.EMSGSIZE),
        (1472, 2, None),
        (1473, 2, errno.EMSGSIZE),
    ],
)
def test_how_long_a_datagram_may_be(size: int, pmtudisc: int | None, code: int | None) -> None:
    pair = Pair()
    fd = pair.socket("a", DGRAM)
    if pmtudisc is not None:
        pair.do("a", "setsockopt", fd, 0, 10, pmtudisc)
    assert pair.error("a", "sendto", fd, b"x" * size, 0, ("10.0.0.2", PORT)) == code


def test_df_is_set_on_what_fits() -> None:
    pair = Pair()
    fd = pair.socket("a", DGRAM)
    for size in (1472, 1473):
        pair.do("a", "sendto", fd, b"x" * size, 0, ("10.0.0.2", PORT))
    assert [packet.dont_fragment for _, _, packet in pair.log] == [True, False, False]
    idents = [packet.identification for _, _, packet in pair.log]
    assert idents[0] == 0
    assert idents[1] == idents[2] != 0


@pytest.mark.parametrize(("pmtudisc", "df"), [(0, False), (1, True), (2, True), (3, True)])
def test_which_kinds_of_discovery_set_df(pmtudisc: int, df: bool) -> None:
    pair = Pair()
    fd = pair.socket("a", DGRAM)
    pair.do("a", "setsockopt", fd, 0, 10, pmtudisc)
    pair.do("a", "sendto", fd, b"x", 0, ("10.0.0.2", PORT))
    assert pair.log[0][2].dont_fragment == df


def test_an_error_is_kept_for_the_next_datagram_that_is_short_enough() -> None:
    pair = Pair()
    fd = pair.socket("a", DGRAM)
    pair.do("a", "connect", fd, ("10.0.0.2", PORT))
    pair.do("a", "setsockopt", fd, 0, 10, 2)
    pair.do("a", "send", fd, b"x")
    pair.run(100)
    assert pair.sk("a", fd).sk_err == errno.ECONNREFUSED
    assert pair.error("a", "send", fd, b"x" * 1473) == errno.EMSGSIZE
    assert pair.error("a", "send", fd, b"x") == errno.ECONNREFUSED
    assert pair.error("a", "send", fd, b"x") is None


def test_what_cannot_be_sent() -> None:
    pair = Pair()
    fd = pair.socket("a", DGRAM)
    assert pair.error("a", "send", fd, b"x") == errno.EDESTADDRREQ
    assert pair.error("a", "sendto", fd, b"x", 0, ("10.0.0.2", 0)) == errno.EINVAL
    assert pair.error("a", "sendto", fd, b"x", 0, ("8.8.8.8", 9)) == errno.ENETUNREACH
    assert pair.error("a", "shutdown", fd, 1) == errno.ENOTCONN
    assert pair.error("a", "sendto", fd, b"x", 0, ("10.0.0.2", 9)) == errno.EPIPE


def test_time_outs_and_shutdown_of_a_reader() -> None:
    pair = Pair()
    fd = _receiver(pair)
    pair.do("b", "setsockopt", fd, 1, 20, struct.pack("qq", 0, 100_000))
    assert pair.error("b", "recv", fd, 9) == errno.EAGAIN
    assert 100 <= pair.now_ms <= 110
    pair.do("b", "connect", fd, ("10.0.0.1", 9))
    pair.do("b", "shutdown", fd, 0)
    assert pair.do("b", "recv", fd, 9) == b""


def test_ports_are_shared_if_both_allow_it() -> None:
    pair = Pair()
    first = pair.socket("a", DGRAM)
    pair.do("a", "bind", first, (ANY[4], 9))
    for option, code in ((2, errno.EADDRINUSE), (15, errno.EADDRINUSE)):
        fd = pair.socket("a", DGRAM)
        pair.do("a", "setsockopt", fd, 1, option, 1)
        assert pair.error("a", "bind", fd, ("10.0.0.1", 9)) == code
    pair.do("a", "setsockopt", first, 1, 2, 1)
    fd = pair.socket("a", DGRAM)
    pair.do("a", "setsockopt", fd, 1, 2, 1)
    assert pair.error("a", "bind", fd, ("10.0.0.1", 9)) is None
    pair.do("a", "close", fd)
    pair.do("a", "close", first)
    assert pair.hosts["a"].udp_table == {}


def test_sockets_that_share_a_port_share_the_peers() -> None:
    pair = Pair()
    sharing = [_receiver(pair, o15=1) for _ in range(2)]
    for _ in range(40):
        sender = pair.socket("a", DGRAM)
        for _ in range(2):
            pair.do("a", "sendto", sender, b"x", 0, ("10.0.0.2", PORT))
    pair.run(50)
    counts = [len(pair.sk("b", fd).sk_receive_queue) for fd in sharing]
    assert sum(counts) == 80
    assert min(counts) >= 20
    assert counts[0] % 2 == 0


def test_a_learned_path_mtu_makes_fragments() -> None:
    pair = Pair()
    sender, receiver = pair.socket("a", DGRAM), _receiver(pair)
    pair.do("a", "connect", sender, ("10.0.0.2", PORT))
    dst = pair.sk("a", sender).sk_dst
    dst.pmtu, dst.pmtu_expires = 600, pair.hosts["a"].jiffies + 100_000
    pair.do("a", "send", sender, b"x" * 1000)
    assert pair.do("b", "recv", receiver, 2000) == b"x" * 1000
    assert [packet.length for _, _, packet in pair.log] == [596, 452]
