"""What arrives: counted, delivered, forwarded or dropped."""

from __future__ import annotations

import pytest

from netemu.packet.bytes import to_bytes
from netemu.packet.ip import IPPROTO_TCP, IPPROTO_UDP, Packet, Tcp, Udp
from tests.stack.hosts import ACK, DGRAM, PORT, Lone


@pytest.mark.parametrize("family", [4, 6])
def test_packets_are_counted_by_kind(family: int) -> None:
    lone = Lone(family=family)
    for tos in (0, 1, 2, 3, 3):
        body = Tcp(1, 2, 3, 4, ACK, 5)
        lone.deliver(Packet(family, lone.address["a"], lone.address["b"], IPPROTO_TCP, 60, body, 64, tos))
    mib = lone.hosts["b"].mib
    group, extra = ("Ip", "IpExt") if family == 4 else ("Ip6", "Ip6")
    names = ("InNoECTPkts", "InECT1Pkts", "InECT0Pkts", "InCEPkts")
    assert [mib[extra + name] for name in names] == [1, 1, 1, 2]
    assert (mib[group + "InReceives"], mib[group + "InDelivers"], mib[extra + "InOctets"]) == (5, 5, 300)


@pytest.mark.parametrize("family", [4, 6])
def test_what_is_for_others_is_not_taken(family: int) -> None:
    lone = Lone(family=family)
    other = "10.0.0.77" if family == 4 else "fd00::77"
    lone.deliver(Packet(family, lone.address["a"], other, IPPROTO_TCP, 60, Tcp(1, 2, 3, 4, ACK, 5)))
    mib = lone.hosts["b"].mib
    assert (lone.log, mib["IpInAddrErrors" if family == 4 else "Ip6InAddrErrors"]) == ([], 1)


def _fragments(body: bytes, protocol: int) -> list[Packet]:
    half = (len(body) // 2 + 7) & ~7
    return [
        Packet(4, "10.0.0.1", "10.0.0.2", protocol, 20 + len(part), part, 64, 0, 3, False, more, at)
        for at, part, more in ((0, body[:half], True), (half, body[half:], False))
    ]


def test_a_datagram_in_fragments_is_read_when_it_is_whole() -> None:
    lone = Lone()
    fd = lone.socket("b", DGRAM)
    lone.do("b", "bind", fd, ("10.0.0.2", PORT))
    whole = to_bytes(Packet(4, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 1028, Udp(7, PORT, b"z" * 1000)))[20:]
    for fragment in _fragments(whole, IPPROTO_UDP):
        lone.deliver(fragment)
    assert lone.do("b", "recv", fd, 2000) == b"z" * 1000
    # A byte that changed on the way is found by the checksum of the whole.
    for fragment in _fragments(whole[:-1] + b"!", IPPROTO_UDP):
        lone.deliver(fragment)
    assert lone.hosts["b"].mib["UdpInErrors"] == 1


def test_unknown_protocols_of_ipv6_are_counted() -> None:
    lone = Lone(family=6)
    lone.deliver(Packet(6, "fd00::1", "fd00::2", 99, 41, b"?"))
    assert lone.hosts["b"].mib["Ip6InUnknownProtos"] == 1
