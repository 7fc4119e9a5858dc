"""A router between two networks: TTL, routes, and packets longer than its next link."""

from __future__ import annotations

import pytest

from netemu.packet.ip import IPPROTO_TCP, IPPROTO_UDP, Icmp, Packet, Tcp, Udp
from netemu.stack.eras import PROFILES
from netemu.stack.events import Received, Transmit
from netemu.stack.host import Interface, make_host
from netemu.stack.stack import LinuxStack

ENDS = {4: ("10.0.0.1", "10.0.1.1", "10.0.0.254"), 6: ("fd00::1", "fd01::1", "fd00::fe")}
FAMILIES = pytest.mark.parametrize("family", [4, 6])


def _router(*, forwards: bool = True) -> LinuxStack:
    interfaces = [
        Interface("r-eth0", 9000, ("10.0.0.254/24", "fd00::fe/64")),
        Interface("r-eth1", 1300, ("10.0.1.254/24", "fd01::fe/64")),
    ]
    return make_host("r", PROFILES["linux-7"], interfaces=interfaces, router=forwards)


def _passed(net: LinuxStack, packet: Packet) -> list[tuple[str, Packet]]:
    return [(a.interface, a.packet) for a in net.handle(Received("r-eth0", packet), now_ns=0) if type(a) is Transmit]


def _packet(family: int, size: int = 100, ttl: int = 64, to: str | None = None, df: bool = True) -> Packet:
    source, destination, _ = ENDS[family]
    body = Tcp(1, 2, 3, 4, 16, 5, b"x" * (size - 60 if family == 6 else size - 40))
    return Packet(family, source, to or destination, IPPROTO_TCP, size, body, ttl, dont_fragment=df)


@FAMILIES
def test_a_packet_goes_on_with_one_ttl_less(family: int) -> None:
    [(interface, packet)] = _passed(_router(), _packet(family))
    assert (interface, packet.ttl, packet.body) == ("r-eth1", 63, _packet(family).body)


@FAMILIES
def test_the_last_hop_of_a_ttl_is_told(family: int) -> None:
    [(interface, packet)] = _passed(_router(), _packet(family, ttl=1))
    assert isinstance(packet.body, Icmp)
    assert (interface, packet.source, packet.body.type) == ("r-eth0", ENDS[family][2], 11 if family == 4 else 3)


@FAMILIES
def test_no_route_is_told(family: int) -> None:
    [(_, packet)] = _passed(_router(), _packet(family, to="8.8.8.8" if family == 4 else "2001::1"))
    assert isinstance(packet.body, Icmp)
    assert (packet.body.type, packet.body.code) == ((3, 0) if family == 4 else (1, 0))


@FAMILIES
def test_what_is_too_long_is_told_with_the_mtu(family: int) -> None:
    net = _router()
    [(_, packet)] = _passed(net, _packet(family, 1301))
    assert isinstance(packet.body, Icmp)
    assert (packet.body.type, packet.body.mtu_bytes) == (3 if family == 4 else 2, 1300)
    assert next(packet for _, packet in _passed(net, _packet(family, 1300))).length == 1300


def test_without_df_an_ipv4_router_cuts() -> None:
    parts = [packet for _, packet in _passed(_router(), _packet(4, 3000, df=False))]
    assert [part.length for part in parts] == [1300, 1300, 440]
    assert [part.fragment_offset for part in parts] == [0, 1280, 2560]
    assert [part.more_fragments for part in parts] == [True, True, False]


def test_a_fragment_is_cut_again_and_keeps_its_place() -> None:
    whole = Packet(4, "10.0.0.1", "10.0.1.1", IPPROTO_UDP, 3020, b"x" * 3000, 9, 0, 5, False, True, 8000)
    parts = [packet for _, packet in _passed(_router(), whole)]
    assert [(part.fragment_offset, part.more_fragments, part.identification) for part in parts] == [
        (8000, True, 5), (9280, True, 5), (10560, True, 5),
    ]  # fmt: skip


def test_every_router_told_is_told_again_for_mtus_without_limit() -> None:
    net = _router()
    assert sum(len(_passed(net, _packet(4, 1400))) for _ in range(30)) == 30


@FAMILIES
def test_a_host_forwards_nothing(family: int) -> None:
    net = _router(forwards=False)
    assert _passed(net, _packet(family)) == []
    assert net.mib["IpInAddrErrors" if family == 4 else "Ip6InAddrErrors"] == 1


def test_what_is_for_the_router_itself_is_not_forwarded() -> None:
    net = _router()
    datagram = Packet(4, "10.0.0.1", "10.0.1.254", IPPROTO_UDP, 28, Udp(1, 2), 1)
    [(_, packet)] = _passed(net, datagram)
    assert isinstance(packet.body, Icmp)
    assert (packet.body.type, packet.body.code, packet.source) == (3, 3, "10.0.1.254")
