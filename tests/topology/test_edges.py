"""Reading a graph: roles, sysctls, interface numbers, and one clear line for whatever is no topology."""

from __future__ import annotations

from typing import Any

import networkx as nx
import pytest

from netemu.errors import BadInput
from netemu.specs import NodeSpec
from netemu.topology.edges import parse_graph


def pair(node: dict[str, Any] | None = None, **edge: Any) -> nx.Graph:
    """h1 - r1, with attributes of r1 and of the edge."""
    graph = nx.Graph()
    graph.add_node("h1", role="host")
    graph.add_node("r1", **{"role": "router", **(node or {})})
    graph.add_edge("h1", "r1", **edge)
    return graph


def test_nodes_and_edges_come_in_natural_order_whatever_the_order_they_were_added_in() -> None:
    graph = nx.Graph([("r10", "r9"), ("h2", "r10"), ("r9", "h1")])
    parsed = parse_graph(graph)
    assert [node.name for node in parsed.nodes] == ["h1", "h2", "r9", "r10"]
    assert [edge.name for edge in parsed.edges] == ["h1-r9", "h2-r10", "r9-r10"]
    assert [(edge.a_interface, edge.b_interface) for edge in parsed.edges] == [
        ("h1-eth0", "r9-eth0"),
        ("h2-eth0", "r10-eth0"),
        ("r9-eth1", "r10-eth1"),
    ]


def test_a_node_without_a_role_is_a_host() -> None:
    assert {node.role for node in parse_graph(nx.Graph([("a", "b")])).nodes} == {"host"}


def test_sysctls_become_text_in_the_order_of_their_names() -> None:
    given = {"sysctls": {"net.ipv4.tcp_sack": 0, "net.ipv4.tcp_rmem": "4096\t131072\t6291456"}, "kernel": "uml:6.12"}
    node = parse_graph(pair(given)).nodes[1]
    wanted = {"net.ipv4.tcp_rmem": "4096\t131072\t6291456", "net.ipv4.tcp_sack": "0"}
    assert node == NodeSpec("r1", "router", "uml:6.12", wanted)
    assert list(node.sysctls) == sorted(node.sysctls)


def test_a_link_reads_both_directions() -> None:
    edge = parse_graph(pair(mtu_bytes={"h1->r1": 1500, "r1->h1": 1400}, cost=3, backend="relay", offloads=True)).edges[
        0
    ]
    assert (edge.a_to_b.mtu_bytes, edge.b_to_a.mtu_bytes) == (1500, 1400)
    assert (edge.a_to_b_cost, edge.b_to_a_cost, edge.backend, edge.offloads) == (3, 3, "relay", True)


def loop() -> nx.Graph:
    graph = pair()
    graph.add_edge("r1", "r1")
    return graph


def isolated() -> nx.Graph:
    graph = pair()
    graph.add_node("h2", role="host")
    return graph


def with_graph_attribute(**given: Any) -> nx.Graph:
    graph = pair()
    graph.graph.update(given)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ("h1-r1", "topology: str is no networkx.Graph"),
        (nx.Graph(), "topology: the graph is empty; add two hosts and an edge"),
        (nx.MultiGraph([("h1", "r1")]), "topology: a MultiGraph is not supported; put a router or switch into each"),
        (nx.DiGraph([("h1", "r1")]), "topology: a directed graph is not supported; use networkx.Graph and values per"),
        (nx.path_graph(2), "graph: the node name 0 is not allowed; use a lower-case letter followed by up to 8"),
        (nx.Graph([("h1", "a;id>w;")]), "graph: the node name 'a;id>w;' is not allowed"),
        (nx.Graph([("h1", "r1\n")]), "graph: the node name 'r1\\n' is not allowed"),
        (loop(), "edge r1-r1: links 'r1' to itself; a link needs two nodes"),
        (isolated(), "node h2: has no link; connect it or remove it"),
        (with_graph_attribute(ipv6="yes"), "graph: ipv6: 'yes' is not true or false"),
        (with_graph_attribute(name=3), "graph: name: 3 is not text"),
        (with_graph_attribute(weigth="hops"), "graph: unknown attribute 'weigth'; allowed are name, ipv6"),
        (pair({"role": "hub"}), "node r1: role: 'hub' is no role; use one of host, router, switch"),
        (pair({"kernal": "x"}), "node r1: unknown attribute 'kernal'; did you mean 'kernel'?"),
        (pair({"kernel": ""}), "node r1: kernel: '' is not a kernel's name such as 'host' or 'uml:6.12'"),
        (pair({"sysctls": ["x"]}), "node r1: sysctls: ['x'] is not a mapping such as"),
        (pair({"sysctls": {"tcp_sack": 1}}), "node r1: sysctls: 'tcp_sack' is not a sysctl's name such as"),
        (pair({"sysctls": {"net/../x": 1}}), "node r1: sysctls: 'net/../x' is not a sysctl's name"),
        (pair({"sysctls": {"net.a": True}}), "node r1: sysctls: net.a: True is not a number or a line of text"),
        (pair({"sysctls": {"net.a": "1\n2"}}), "node r1: sysctls: net.a: '1\\n2' is not a number or a line of text"),
        (pair({"role": "switch", "kernel": "host"}), "node r1: kernel: a switch is a bridge and has none"),
        (pair({"role": "switch", "sysctls": {"net.a": 1}}), "node r1: sysctls: a switch is a bridge and has none"),
        (pair({"accept_mtu_black_hole": True}), "node r1: accept_mtu_black_hole: only a switch can be one"),
        (pair({"accept_mtu_black_hole": 1}), "node r1: accept_mtu_black_hole: 1 is not true or false"),
        (pair(mtu=1500), "edge h1-r1: unknown attribute 'mtu'; did you mean 'mtu_bytes'?"),
        (pair(mtu_bytes=40), "edge h1-r1: mtu_bytes: 40 is out of range; use 68 (IPv4's minimum) to 65535 bytes"),
        (pair(delay={"r1->h1": "-1ms"}), "edge h1-r1: delay['r1->h1']: '-1ms' is negative; use a time such as"),
        (pair(delay={"h1->r2": "1ms"}), "edge h1-r1: delay: 'h1->r2' is no direction of this edge; use 'h1->r1'"),
        (pair(jitter={"r1->h1": "1ms"}), "edge h1-r1, r1->h1: jitter: '1ms' is more than the delay '0s'"),
        (pair(backend="tbf"), "edge h1-r1: backend: 'tbf' is no backend; use one of auto, netem, relay"),
        (
            pair(backend="netem", drops=[{"kind": "data", "nth": [1]}]),
            "edge h1-r1: backend: 'netem' cannot drop by a list; use 'relay' or 'auto', or remove drops",
        ),
        (pair(offloads="no"), "edge h1-r1: offloads: 'no' is not true or false"),
    ],
)
def test_what_is_refused_and_why(graph: Any, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_graph(graph)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value).splitlines()) == 1


def test_none_is_the_same_as_leaving_out() -> None:
    bare = parse_graph(pair())
    none = pair(
        {"kernel": None, "sysctls": None, "accept_mtu_black_hole": None}, rate=None, backend=None, offloads=None
    )
    none.graph["ipv6"] = None
    assert parse_graph(none) == bare
