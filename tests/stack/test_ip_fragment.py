"""Reassembly: any order, copies, overlaps, time and memory."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.bytes import to_bytes
from netemu.packet.ip import IPPROTO_UDP, Icmp, Packet, Udp
from netemu.stack.ip_fragment import ip_defrag
from netemu.stack.stack import LinuxStack
from tests.stack.hosts import Lone, Pair


def _net(**sysctls: str) -> LinuxStack:
    return Lone(sysctls=sysctls).hosts["b"]


def _fragment(start: int, data: bytes, more: bool, ident: int = 1, tos: int = 0) -> Packet:
    return Packet(
        4, "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 20 + len(data), data, 64, tos, ident, False, more, start
    )  # fmt: skip


WHOLE = bytes(range(256)) * 8
PARTS = [(at, WHOLE[at : at + 512], at + 512 < len(WHOLE)) for at in range(0, len(WHOLE), 512)]


@given(st.permutations(range(len(PARTS))), st.lists(st.integers(0, len(PARTS) - 1), max_size=4))
def test_any_order_with_copies_gives_the_whole(order: list[int], copies: list[int]) -> None:
    net = _net()
    found = []
    for index in [*order[:-1], *[copy for copy in copies if copy != order[-1]], order[-1]]:
        found.append(ip_defrag(net, "b-eth0", _fragment(*PARTS[index])))
    assert [packet for packet in found if packet is not None] == found[-1:]
    assert found[-1] is not None
    assert (found[-1].body, found[-1].length, found[-1].more_fragments) == (WHOLE, 20 + len(WHOLE), False)
    assert (net.frags.memory, net.frags.queues) == (0, {})
    assert net.mib["IpReasmOKs"] == 1


def test_an_overlap_throws_the_datagram_away() -> None:
    net = _net()
    ip_defrag(net, "b-eth0", _fragment(0, b"x" * 512, True))
    assert ip_defrag(net, "b-eth0", _fragment(504, b"y" * 16, False)) is None
    assert (net.frags.queues, net.mib["IpReasmFails"], net.mib["IpExtReasmOverlaps"]) == ({}, 1, 1)


def test_lengths_that_contradict_each_other() -> None:
    for first, second in (
        (_fragment(512, b"x" * 8, False), _fragment(1024, b"x" * 8, False)),
        (_fragment(512, b"x" * 8, False), _fragment(1024, b"x" * 8, True)),
        (_fragment(1024, b"x" * 8, True), _fragment(512, b"x" * 8, False)),
    ):
        net = _net()
        ip_defrag(net, "b-eth0", first)
        assert ip_defrag(net, "b-eth0", second) is None
        assert net.mib["IpReasmFails"] == 1


def test_a_middle_fragment_of_odd_length_is_cut_to_eights() -> None:
    net = _net()
    ip_defrag(net, "b-eth0", _fragment(0, b"x" * 13, True))
    whole = ip_defrag(net, "b-eth0", _fragment(8, b"y" * 4, False))
    assert whole is not None
    assert isinstance(whole.body, bytes)


def test_what_stays_incomplete_expires_and_its_sender_hears() -> None:
    lone = Lone(sysctls={"net.ipv4.ipfrag_time": "2"})
    lone.deliver(_fragment(0, to_bytes(Packet(4, "10.0.0.1", "10.0.0.2", 17, 536, Udp(1, 2, b"x" * 508)))[20:], True))
    lone.deliver(_fragment(8, b"later" * 8, True, ident=2))
    lone.run(2_100)
    net = lone.hosts["b"]
    assert (net.frags.queues, net.frags.memory, net.mib["IpReasmTimeout"]) == ({}, 0, 2)
    # Only the datagram whose first fragment came can be named.
    [(_, _, packet)] = lone.log
    assert isinstance(packet.body, Icmp)
    assert (packet.body.type, packet.body.code) == (11, 1)


def test_memory_is_limited() -> None:
    net = _net(**{"net.ipv4.ipfrag_high_thresh": "10000"})
    for ident in range(20):
        ip_defrag(net, "b-eth0", _fragment(0, b"x" * 1400, True, ident))
    assert len(net.frags.queues) < 10
    assert net.mib["IpReasmFails"] == 20 - len(net.frags.queues)


def test_a_mark_on_any_fragment_marks_the_whole() -> None:
    net = _net()
    ip_defrag(net, "b-eth0", _fragment(0, b"x" * 8, True, tos=2))
    whole = ip_defrag(net, "b-eth0", _fragment(8, b"x" * 8, False, tos=3))
    assert whole is not None
    assert whole.tos == 3


def test_datagrams_longer_than_the_mtu_arrive_whole() -> None:
    for family in (4, 6):
        pair = Pair(family=family)
        sender, receiver = pair.socket("a", 2), pair.socket("b", 2)
        pair.do("b", "bind", receiver, (pair.address["b"], 9))
        data = bytes(range(250)) * 20
        pair.do("a", "sendto", sender, data, 0, (pair.address["b"], 9))
        assert pair.do("b", "recv", receiver, 65536) == data
        sizes: list[Any] = [packet.length for _, _, packet in pair.log]
        assert len(sizes) == 4
        assert max(sizes) <= 1500
        group = "Ip" if family == 4 else "Ip6"
        assert pair.hosts["a"].mib[group + "FragCreates"] == 4
