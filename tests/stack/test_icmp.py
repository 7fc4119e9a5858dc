"""ICMP and ICMPv6: what is answered, what is told, what is limited, and what sockets make of it."""

from __future__ import annotations

import errno

import pytest

from netemu.packet.bytes import from_bytes, to_bytes
from netemu.packet.ip import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, Icmp, Packet, Tcp, Udp
from netemu.stack import icmp
from tests.stack.hosts import DGRAM, PORT, Lone

FAMILIES = pytest.mark.parametrize("family", [4, 6])


def _to_b(lone: Lone, protocol: int, body: Tcp | Udp | Icmp | bytes, length: int) -> Packet:
    return Packet(lone.family, lone.address["a"], lone.address["b"], protocol, length, body)


def _answers(lone: Lone, packet: Packet) -> list[Packet]:
    before = len(lone.log)
    lone.deliver(packet)
    return [answer for _, _, answer in lone.log[before:]]


@FAMILIES
def test_an_echo_is_answered(family: int) -> None:
    lone = Lone(family=family)
    kind, reply, protocol = (8, 0, IPPROTO_ICMP) if family == 4 else (128, 129, IPPROTO_ICMPV6)
    [answer] = _answers(lone, _to_b(lone, protocol, Icmp(kind, 0, 0, None, b"ping"), 100))
    assert isinstance(answer.body, Icmp)
    assert (answer.body.type, answer.body.data, answer.length, answer.destination) == (
        reply, b"ping", 100, lone.address["a"],
    )  # fmt: skip


@FAMILIES
def test_a_datagram_for_nobody_is_answered_with_what_it_was(family: int) -> None:
    lone = Lone(family=family)
    datagram = _to_b(lone, IPPROTO_UDP, Udp(7, 9, b"x" * 2000), 2028 if family == 4 else 2048)
    [answer] = _answers(lone, datagram)
    assert isinstance(answer.body, Icmp)
    assert (answer.body.type, answer.body.code) == ((3, 3) if family == 4 else (1, 4))
    assert answer.length == (576 if family == 4 else 1280)
    assert lone.hosts["b"].mib["UdpNoPorts" if family == 4 else "Udp6NoPorts"] == 1
    again = from_bytes(to_bytes(answer))
    assert again is not None
    assert isinstance(again.body, Icmp)
    assert again.body.quoted is not None
    assert isinstance(again.body.quoted.body, Udp)
    assert again.body.quoted.body.source_port == 7


def test_an_unknown_protocol_is_told() -> None:
    lone = Lone()
    [answer] = _answers(lone, _to_b(lone, 99, b"?", 21))
    assert isinstance(answer.body, Icmp)
    assert (answer.body.type, answer.body.code) == (3, 2)
    assert lone.hosts["b"].mib["IpInUnknownProtos"] == 1


def test_no_error_answers_an_error_or_a_later_fragment() -> None:
    lone = Lone()
    net = lone.hosts["b"]
    error = _to_b(lone, IPPROTO_ICMP, Icmp(3, 1), 56)
    icmp.icmp_send(net, error, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH)
    fragment = Packet(4, "10.0.0.1", "10.0.0.2", 17, 100, b"x" * 80, fragment_offset=8)
    icmp.icmp_send(net, fragment, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH)
    assert net.mib["IcmpOutMsgs"] == 0


def test_a_peer_is_told_six_errors_at_once_and_then_one_each_second() -> None:
    lone = Lone()
    datagram = _to_b(lone, IPPROTO_UDP, Udp(7, 9, b""), 28)
    assert sum(len(_answers(lone, datagram)) for _ in range(20)) == 6
    assert lone.hosts["b"].mib["IcmpOutRateLimitHost"] == 14
    lone.run(1010)
    assert len(_answers(lone, datagram)) == 1


def test_a_refused_datagram_is_an_error_of_a_connected_socket_only() -> None:
    lone = Lone()
    for connected in (True, False):
        fd = lone.socket("b", DGRAM)
        if connected:
            lone.do("b", "connect", fd, ("10.0.0.1", 9))
            lone.do("b", "send", fd, b"x")
        else:
            lone.do("b", "sendto", fd, b"x", 0, ("10.0.0.1", 9))
        quoted = lone.log[-1][2]
        lone.deliver(_to_b(lone, IPPROTO_ICMP, Icmp(3, 3, 0, quoted), 57))
        lone.do("b", "setblocking", fd, False)
        assert lone.error("b", "recv", fd, 10) == (errno.ECONNREFUSED if connected else errno.EAGAIN)


@pytest.mark.parametrize(("kind", "code", "error"), [(3, 0, errno.ENETUNREACH), (3, 13, errno.EHOSTUNREACH)])
def test_an_error_ends_an_attempt_to_connect(kind: int, code: int, error: int) -> None:
    lone = Lone()
    fd = lone.socket("b")
    call = lone.start("b", "connect", fd, ("10.0.0.1", 9))
    lone.deliver(_to_b(lone, IPPROTO_ICMP, Icmp(kind, code, 0, lone.log[-1][2]), 56))
    with pytest.raises(OSError, match=r"unreachable|No route") as caught:
        lone.result(call)
    assert caught.value.errno == error


def test_what_cannot_be_believed_is_counted() -> None:
    lone = Lone()
    foreign = Packet(4, "10.0.0.2", "10.0.0.1", IPPROTO_TCP, 40, Tcp(1, 2, 3, 0, 16, 0))
    lone.deliver(_to_b(lone, IPPROTO_ICMP, Icmp(3, 1, 0, foreign), 56))
    lone.deliver(_to_b(lone, IPPROTO_ICMP, Icmp(3, 1), 28))
    lone.deliver(_to_b(lone, IPPROTO_ICMP, b"cut", 23))
    mib = lone.hosts["b"].mib
    assert (mib["IcmpInMsgs"], mib["IcmpInErrors"], mib["IcmpInDestUnreachs"]) == (3, 3, 2)


def test_a_path_s_mtu_is_not_learned_with_ip_no_pmtu_disc() -> None:
    lone = Lone(sysctls={"net.ipv4.ip_no_pmtu_disc": "1"})
    lone.listener()
    server, nxt = lone.open(3, window=1000)
    lone.do("b", "send", server, b"x" * 3000)
    quoted = Packet(4, "10.0.0.2", "10.0.0.1", IPPROTO_TCP, 1500, Tcp(PORT, 40_000, nxt, 0, 16, 0))
    lone.deliver(_to_b(lone, IPPROTO_ICMP, Icmp(3, 4, 1000, quoted), 56))
    assert lone.sk("b", server).icsk_pmtu_cookie == 1500
