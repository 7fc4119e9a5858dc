"""Addresses: unique, on the right prefix, the same for the same graph, big enough for big segments."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network

import networkx as nx
import pytest
from hypothesis import given, settings

from netemu.errors import BadInput
from netemu.topology import addressing, compile_graph
from netemu.topology.addressing import assign_macs, assign_subnets
from netemu.topology.edges import parse_graph
from netemu.topology.segments import Segment, find_segments
from tests.topology.strategies import graphs
from topologies import star


@given(graphs())
@settings(max_examples=60)
def test_addresses_are_unique_and_equal_prefixes_mean_one_segment(graph: nx.Graph) -> None:
    network = compile_graph(graph)
    ends = [end for link in network.links for end in (link.a, link.b)]
    for texts in ([end.ipv4 for end in ends], [end.ipv6 for end in ends], [end.mac for end in ends]):
        given = [text for text in texts if text is not None]
        assert len(set(given)) == len(given)
    prefixes = {ip_interface(end.ipv4).network for end in ends if end.ipv4 is not None}
    stations = [segment for segment in find_segments(parse_graph(graph)) if segment.stations]
    assert len(prefixes) == len(stations)
    assert not any(a.overlaps(b) for a in prefixes for b in prefixes if a != b)
    for end in ends:
        switch = graph.nodes[end.node]["role"] == "switch"
        assert (end.ipv4 is None) == switch
        assert not (switch and end.ipv6 is not None)


def test_the_numbers_of_both_families_go_together() -> None:
    network = compile_graph(nx.Graph([("h1", "h2"), ("h2", "h3")]))
    assert [(end.ipv4, end.ipv6) for link in network.links for end in (link.a, link.b)] == [
        ("10.0.0.1/24", "fd00::1/64"),
        ("10.0.0.2/24", "fd00::2/64"),
        ("10.0.1.1/24", "fd00:0:0:1::1/64"),
        ("10.0.1.2/24", "fd00:0:0:1::2/64"),
    ]


@pytest.mark.parametrize(("hosts", "length"), [(254, 24), (255, 23), (510, 23), (511, 22)])
def test_a_big_segment_gets_a_prefix_that_holds_it(hosts: int, length: int) -> None:
    graph = star(hosts, center="switch")
    graph.add_edge("h1", "x1")
    network = compile_graph(graph)
    lan = {ip_interface(link.a.ipv4).network for link in network.links if link.b.node == "s1" and link.a.ipv4}
    assert [prefix.prefixlen for prefix in lan] == [length]
    own = [ip_interface(link.a.ipv4) for link in network.links if link.b.node == "s1" and link.a.ipv4]
    assert all(one.ip not in (one.network.network_address, one.network.broadcast_address) for one in own)
    other = next(ip_interface(link.a.ipv4).network for link in network.links if link.name == "h1-x1" and link.a.ipv4)
    assert not other.overlaps(next(iter(lan)))


def test_addresses_are_private_and_local() -> None:
    for link in compile_graph(star(300)).links:
        for end in (link.a, link.b):
            assert ip_address((end.ipv4 or "").partition("/")[0]) in ip_network("10.0.0.0/8")
            assert ip_address((end.ipv6 or "").partition("/")[0]) in ip_network("fd00::/16")
            assert end.mac.startswith("02:00:")


def test_more_segments_than_addresses_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addressing, "_IPV4_END", int(ip_address("10.0.2.0")))
    segments = [Segment((), ((f"h{n}", f"h{n}-eth0"),), True) for n in range(3)]
    assert len(assign_subnets(segments[:2])) == 2
    with pytest.raises(BadInput, match=r"topology: 3 segments do not fit into 10\.0\.0\.0/8"):
        assign_subnets(segments)


def test_more_nodes_than_macs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addressing, "_MOST_NODES", 2)
    with pytest.raises(BadInput, match="topology: 3 nodes are more than the 2 that can be numbered"):
        assign_macs(parse_graph(nx.Graph([("h1", "h2"), ("h2", "h3")])))


def test_a_missing_family_has_no_prefix() -> None:
    parsed = parse_graph(nx.Graph([("h1", "h2", {"mtu_bytes": 1000})]))
    (subnet,) = assign_subnets(find_segments(parsed))
    assert subnet is not None
    assert subnet.with_length("h1-eth0", 6) is None
    with pytest.raises(ValueError, match="has no IPv6"):
        subnet.prefix(6)
