"""Segments: what switches join, what may not be joined, and where IPv6 lives."""

from __future__ import annotations

import subprocess

import networkx as nx
import pytest

from netemu.errors import BadInput
from netemu.topology.edges import Parsed, parse_graph
from netemu.topology.segments import check_switch_mtus, find_segments

ROLES = {"h": "host", "r": "router", "s": "switch"}


def parsed(*edges: tuple[str, str] | tuple[str, str, int], accept: str = "", ipv6: bool | None = None) -> Parsed:
    graph = nx.Graph(ipv6=ipv6)
    for a, b, *mtu in edges:
        graph.add_edge(a, b, mtu_bytes=mtu[0] if mtu else 1500)
    for name in graph:
        graph.nodes[name]["role"] = ROLES[name[0]]
    if accept:
        graph.nodes[accept]["accept_mtu_black_hole"] = True
    return parse_graph(graph)


def test_switches_join_links_and_routers_part_them() -> None:
    segments = find_segments(parsed(("h1", "s1"), ("s1", "s2"), ("s2", "h2"), ("s2", "r1"), ("r1", "h3"), ("h1", "h4")))
    assert [[edge.name for edge in segment.edges] for segment in segments] == [
        ["h1-h4"],
        ["h1-s1", "h2-s2", "r1-s2", "s1-s2"],
        ["h3-r1"],
    ]
    assert segments[1].stations == (("h1", "h1-eth1"), ("h2", "h2-eth0"), ("r1", "r1-eth1"))


def test_a_loop_of_switches_is_refused() -> None:
    graph = parsed(("h1", "s1"), ("s1", "s2"), ("s2", "s3"), ("s3", "s1"))
    with pytest.raises(BadInput, match="node s1: the switches s1, s2, s3 form a loop in which frames would circle"):
        find_segments(graph)


def test_two_interfaces_of_a_node_on_one_segment_are_refused() -> None:
    graph = parsed(("r1", "s1"), ("r1", "s2"), ("s1", "s2"), ("h1", "s1"))
    with pytest.raises(BadInput, match="node r1: r1-eth0 and r1-eth1 are on one segment"):
        find_segments(graph)


def test_a_segment_has_ipv6_unless_an_mtu_on_it_is_below_1280() -> None:
    segments = find_segments(parsed(("h1", "r1", 1280), ("r1", "r2", 1279), ("r2", "s1", 1500), ("s1", "h2", 1500)))
    assert [segment.ipv6 for segment in segments] == [True, True, False]
    assert [segment.edges[0].name for segment in segments] == ["h1-r1", "h2-s1", "r1-r2"]


def test_ipv6_can_be_demanded_or_left_out_for_the_whole_graph() -> None:
    assert [segment.ipv6 for segment in find_segments(parsed(("h1", "h2"), ipv6=False))] == [False]
    assert [segment.ipv6 for segment in find_segments(parsed(("h1", "h2"), ipv6=True))] == [True]
    with pytest.raises(BadInput, match=r"edge h1-h2: mtu_bytes: 1000 is below 1280, the minimum of IPv6 \(RFC 8200"):
        find_segments(parsed(("h1", "h2", 1000), ipv6=True))


def test_unequal_mtus_around_a_switch_are_refused_unless_asked_for_by_name() -> None:
    edges = (("h1", "s1", 1500), ("h2", "s1", 1400), ("h3", "s1", 1500))
    with pytest.raises(
        BadInput, match=r"^node s1: mtu_bytes differ around this switch \(1400 on h2-s1, 1500 on h1-s1\)"
    ):
        check_switch_mtus(parsed(*edges))
    assert check_switch_mtus(parsed(*edges, accept="s1")) == ("mtu_black_hole:s1",)
    assert check_switch_mtus(parsed(("h1", "s1"), ("h2", "s1"), accept="s1")) == ()


@pytest.mark.lab
def test_this_kernel_takes_ipv6_off_an_interface_below_1280() -> None:
    script = (
        "ip link add name v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up || exit 1;"
        " ip link set v0 mtu 1280 && ip -6 addr add fd00::1/64 dev v0 nodad || exit 1;"
        " ip -6 -o addr show dev v0 | grep -c fd00; ip link set v0 mtu 1279; ip -6 -o addr show dev v0 | grep -c fd00;"
        " ip -6 addr add fd00::1/64 dev v0 nodad 2>/dev/null; echo $?"
    )
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, check=True)
    at_1280, at_1279, added = done.stdout.split()
    assert (at_1280, at_1279) == ("1", "0")
    assert added != "0"
