"""Following a packet through tables, also through tables that are wrong."""

from __future__ import annotations

from ipaddress import ip_address

import networkx as nx
import pytest

from netemu.errors import BadInput
from netemu.specs import RouteSpec
from netemu.topology import compile_graph
from netemu.topology.forwarding import Forwarding
from topologies import chain, star

NETWORK = compile_graph(chain(3))
H2 = ip_address("10.0.1.1")


def forwarding(*routes: tuple[str, str, str | None, str]) -> Forwarding:
    return Forwarding(NETWORK.nodes, NETWORK.links, [RouteSpec(*route) for route in routes])


def nodes(found: Forwarding, source: str, address: str) -> list[str]:
    return [far.node for _, _, far, _ in found.crossings(source, ip_address(address))]


def test_a_packet_crosses_every_link_in_order() -> None:
    found = Forwarding(NETWORK.nodes, NETWORK.links, NETWORK.routes)
    assert [(link.name, near.node, far.node) for link, near, far, _ in found.crossings("h1", H2)] == [
        ("h1-r1", "h1", "r1"),
        ("r1-r2", "r1", "r2"),
        ("h2-r2", "r2", "h2"),
    ]
    assert nodes(found, "h2", "fd00::1") == ["r2", "r1", "h1"]


def test_switches_on_the_way_are_crossed_too() -> None:
    graph = nx.Graph([("h1", "s1"), ("s1", "s2"), ("s2", "s3"), ("s2", "h2"), ("s3", "h3"), ("s1", "h4")])
    for name in ("s1", "s2", "s3"):
        graph.nodes[name]["role"] = "switch"
    network = compile_graph(graph)
    found = Forwarding(network.nodes, network.links, network.routes)
    assert nodes(found, "h1", network.address("h3")) == ["s1", "s2", "s3", "h3"]


def test_the_longest_prefix_wins() -> None:
    found = forwarding(
        ("h1", "0.0.0.0/0", "10.0.0.2", "h1-eth0"),
        ("r1", "10.0.0.0/8", "10.0.0.1", "r1-eth0"),
        ("r1", "10.0.1.0/24", "10.0.2.2", "r1-eth1"),
    )
    assert nodes(found, "h1", "10.0.1.1") == ["r1", "r2", "h2"]


def test_a_route_without_gateway_is_on_link() -> None:
    found = forwarding(("h1", "0.0.0.0/0", "10.0.0.2", "h1-eth0"), ("r1", "10.0.2.0/25", None, "r1-eth1"))
    assert nodes(found, "h1", "10.0.2.2") == ["r1", "r2"]


@pytest.mark.parametrize(
    ("routes", "message"),
    [
        ((), r"topology: h1 cannot reach 10\.0\.1\.1 \(h2\): h1 has no route; connect them by links"),
        (
            (("h1", "0.0.0.0/0", "10.0.0.2", "h1-eth0"),),
            r"topology: h1 cannot reach 10\.0\.1\.1 \(h2\): r1 has no route",
        ),
        (
            (("h1", "0.0.0.0/0", "10.0.0.2", "h1-eth0"), ("r1", "0.0.0.0/0", "10.0.0.1", "r1-eth0")),
            "the routes loop at h1",
        ),
        (
            (("h1", "0.0.0.0/0", "10.9.9.9", "h1-eth0"),),
            r"topology: h1 routes 0\.0\.0\.0/0 via 10\.9\.9\.9, which nobody has",
        ),
        (
            (("h1", "0.0.0.0/0", "10.0.2.2", "h1-eth0"),),
            "topology: h1-eth0 and r2-eth1 are not on one segment",
        ),
    ],
)
def test_tables_that_lead_nowhere_say_where(routes: tuple[tuple[str, str, str, str], ...], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        forwarding(*routes).crossings("h1", H2)


def test_a_host_does_not_forward() -> None:
    graph = nx.Graph([("h1", "h2"), ("h2", "h3")])
    network = compile_graph(graph)
    routes = [RouteSpec("h1", "0.0.0.0/0", "10.0.0.2", "h1-eth0")]
    with pytest.raises(BadInput, match="the host h2 does not forward"):
        Forwarding(network.nodes, network.links, routes).crossings("h1", ip_address(network.address("h3")))


def test_an_unknown_node_is_named_with_those_there_are() -> None:
    network = compile_graph(star(2))
    with pytest.raises(BadInput, match="topology: there is no node 'h9'; it has h1, h2, r1"):
        Forwarding(network.nodes, network.links, network.routes).addresses("h9", 4)
