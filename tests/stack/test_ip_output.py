"""Headers of what leaves, fragments, the loopback device and what is in the device."""

from __future__ import annotations

import errno

import pytest

from netemu.packet.ip import IPPROTO_TCP, Icmp, Packet, Tcp
from netemu.stack import ip_output, route
from tests.stack.hosts import ACK, PORT, Lone, Pair


def test_a_connection_counts_its_packets_and_sets_df() -> None:
    pair = Pair()
    client, _ = pair.connection()
    pair.do("a", "setsockopt", client, 0, 1, 0x10)
    pair.do("a", "setsockopt", client, 0, 2, 9)
    before = len(pair.log)
    pair.do("a", "send", client, b"x" * 4000)
    packets = [packet for _, _, packet in pair.log[before:]]
    assert [packet.length for packet in packets] == [1500, 1500, 4000 - 2 * 1448 + 52]
    assert {(packet.dont_fragment, packet.ttl, packet.tos) for packet in packets} == {(True, 9, 0x10)}
    idents = [packet.identification for packet in packets]
    assert [(after - idents[0]) & 0xFFFF for after in idents] == [0, 1, 2]


@pytest.mark.parametrize(("pmtudisc", "flag"), [(0, False), (1, True), (2, True), (3, False)])
def test_df_by_pmtu_discovery(pmtudisc: int, flag: bool) -> None:
    pair = Pair()
    dst = route.ip_route_output(pair.hosts["a"], "10.0.0.2")
    assert dst is not None
    assert ip_output.ip_dont_fragment(pmtudisc, dst) is flag


def test_below_min_pmtu_df_is_left_out() -> None:
    pair = Pair()
    dst = route.ip_route_output(pair.hosts["a"], "10.0.0.2")
    assert dst is not None
    route.ipv4_sk_update_pmtu(dst, 300)
    assert not ip_output.ip_dont_fragment(1, dst)
    assert ip_output.ip_dont_fragment(2, dst)


def test_what_must_not_be_cut_is_an_error_for_the_sender() -> None:
    lone = Lone()
    net = lone.hosts["b"]
    dst = route.ip_route_output(net, "10.0.0.1")
    assert dst is not None
    body = Tcp(1, 2, 3, 4, ACK, 5, b"x" * 1600)
    packet = Packet(4, "10.0.0.2", "10.0.0.1", IPPROTO_TCP, 1640, body, dont_fragment=True)
    assert ip_output.ip_output(net, dst, packet, 1500) == -errno.EMSGSIZE
    assert net.mib["IpFragFails"] == 1
    [told] = net.loopback
    assert isinstance(told.body, Icmp)
    assert (told.body.type, told.body.code, told.body.mtu_bytes) == (3, 4, 1500)


def test_no_route_is_an_error() -> None:
    pair = Pair()
    client, _ = pair.connection()
    sk = pair.sk("a", client)
    sk.sk_dst, sk.inet_daddr = None, "8.8.8.8"
    assert ip_output.ip_queue_xmit(sk, Tcp(1, 2, 3, 4, ACK, 5), 20) == -errno.EHOSTUNREACH
    assert pair.hosts["a"].mib["IpOutNoRoutes"] == 1


def test_a_host_talks_to_itself_without_the_wire() -> None:
    pair = Pair()
    listener, client = pair.listener("a"), pair.socket("a")
    pair.do("a", "connect", client, ("127.0.0.1", PORT))
    server = pair.do("a", "accept", listener)[0]
    pair.do("a", "send", client, b"hello")
    assert pair.do("a", "recv", server, 9) == b"hello"
    assert pair.log == []
    assert not pair.hosts["a"].loopback


@pytest.mark.parametrize(("gso_size", "whole"), [(1400, True), (1460, True), (1461, False), (0, False)])
def test_a_super_segment_is_whole_where_its_segments_fit(gso_size: int, whole: bool) -> None:
    """skb_gso_validate_network_len, net/core/gso.c of 7.2."""
    host = Pair().hosts["a"]
    dst = route.ip_route_output(host, "10.0.0.2")
    assert dst is not None
    body = Tcp(1, 2, 3, 4, ACK, 5, bytes(4000), gso_size=gso_size)
    packet = Packet(4, "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 4040, body, dont_fragment=True)
    assert ip_output.ip_output(host, dst, packet, 1500) == (0 if whole else -errno.EMSGSIZE)
