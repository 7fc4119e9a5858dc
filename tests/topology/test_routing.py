"""The routing tables, followed hop by hop by a few lines that know nothing of how they were made."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import ip_address, ip_interface, ip_network
from itertools import permutations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.topology import Network, compile_graph
from netemu.topology.shortest import WEIGHTS
from tests.topology.strategies import graphs
from topologies import chain, fat_tree, star


class Simulation:
    """Every interface's addresses and every node's routes, asked one hop at a time."""

    def __init__(self, network: Network) -> None:
        self.roles = {node.name: node.role for node in network.nodes}
        self.owner = {}
        self.interfaces = defaultdict(list)
        for link in network.links:
            for end in (link.a, link.b):
                for text in filter(None, (end.ipv4, end.ipv6)):
                    self.owner[ip_interface(text).ip] = end.node
                    self.interfaces[end.node].append((end.interface, ip_interface(text)))
        self.routes = defaultdict(list)
        for route in network.routes:
            self.routes[route.node].append((ip_network(route.destination), route))

    def next_hop(self, node: str, destination: object) -> str | None:
        """Longest prefix wins; the next hop's address must be on the route's own interface."""
        if any(destination in address.network for _, address in self.interfaces[node]):
            return self.owner[destination]
        fitting = [(prefix.prefixlen, route) for prefix, route in self.routes[node] if destination in prefix]
        if not fitting:
            return None
        route = max(fitting, key=lambda found: found[0])[1]
        via = ip_address(route.via)
        assert any(name == route.interface and via in address.network for name, address in self.interfaces[node])
        return self.owner[via]

    def walk(self, source: str, destination: object) -> list[str] | None:
        path = [source]
        while path[-1] != self.owner[destination]:
            if len(path) > 1 and self.roles[path[-1]] != "router":
                raise AssertionError(f"{path} would need {path[-1]} to forward")
            following = self.next_hop(path[-1], destination)
            if following is None:
                return None
            path.append(following)
            assert len(set(path)) == len(path), f"a loop: {path}"
        return path


def reachable(graph: nx.Graph, source: str, destination: object, network: Network) -> bool:
    """Whether a path of routers and switches, over segments that have the family, leads to the address."""
    family = destination.version  # type: ignore[attr-defined]
    has = {}
    for link in network.links:
        for end in (link.a, link.b):
            text = end.ipv4 if family == 4 else end.ipv6
            has[end.interface] = None if text is None else ip_interface(text).ip
    entry, final = next(
        (end.interface, end.node)
        for link in network.links
        for end in (link.a, link.b)
        if has[end.interface] == destination
    )
    usable = nx.Graph()
    usable.add_nodes_from((source, final))
    for link in network.links:
        ends = [end for end in (link.a, link.b) if graph.nodes[end.node]["role"] != "switch"]
        # A host answers for an address only on the segment that has it: routes lead to segments, not to hosts.
        elsewhere = any(end.node == final and end.interface != entry for end in ends)
        if all(has[end.interface] is not None for end in ends) and not elsewhere:
            usable.add_edge(link.a.node, link.b.node)
    keep = [name for name in usable if graph.nodes[name]["role"] != "host" or name in (source, final)]
    return nx.has_path(usable.subgraph(keep), source, final)


@given(graphs(cost=True, rich=False), st.sampled_from(WEIGHTS))
@settings(max_examples=150)
def test_following_the_tables_reaches_every_reachable_address_without_a_loop(graph: nx.Graph, weight: str) -> None:
    network = compile_graph(graph, weight=weight)
    simulation = Simulation(network)
    for source, target in permutations(network.hosts, 2):
        for _, address in simulation.interfaces[target]:
            path = simulation.walk(source, address.ip)
            if path is None:
                assert not reachable(graph, source, address.ip, network)
            else:
                assert path[-1] == target


def table(network: Network, node: str) -> list[tuple[str, str | None, str]]:
    return [(route.destination, route.via, route.interface) for route in network.routes if route.node == node]


def test_a_host_has_a_default_route_and_a_router_one_route_per_remote_segment() -> None:
    network = compile_graph(chain(3))
    assert table(network, "h1") == [("0.0.0.0/0", "10.0.0.2", "h1-eth0"), ("::/0", "fd00::2", "h1-eth0")]
    assert table(network, "r1") == [
        ("10.0.1.0/24", "10.0.2.2", "r1-eth1"),
        ("fd00:0:0:1::/64", "fd00:0:0:2::2", "r1-eth1"),
    ]


def test_a_network_of_one_segment_needs_no_routes() -> None:
    assert compile_graph(star(5, center="switch")).routes == ()
    assert compile_graph(chain(1)).routes == ()


def test_a_host_with_two_gateways_has_a_route_per_segment() -> None:
    graph = nx.Graph([("h1", "r1"), ("h1", "r2"), ("r1", "h2"), ("r2", "h3")])
    for name in ("r1", "r2"):
        graph.nodes[name]["role"] = "router"
    destinations = {destination for destination, _, _ in table(compile_graph(graph), "h1")}
    assert destinations == {"10.0.2.0/24", "10.0.3.0/24", "fd00:0:0:2::/64", "fd00:0:0:3::/64"}


def test_a_host_whose_routes_all_go_one_way_has_a_default_route_although_it_has_two_gateways() -> None:
    graph = nx.Graph([("h1", "s1"), ("r1", "s1"), ("r2", "s1"), ("r1", "h2")])
    for name, role in (("s1", "switch"), ("r1", "router"), ("r2", "router")):
        graph.nodes[name]["role"] = role
    assert [destination for destination, _, _ in table(compile_graph(graph), "h1")] == ["0.0.0.0/0", "::/0"]


def test_ipv6_goes_round_a_segment_that_cannot_carry_it() -> None:
    graph = chain(3, mtu_bytes=1500)
    graph.edges["r1", "r2"]["mtu_bytes"] = 1000
    graph.add_node("r3", role="router")
    graph.add_edges_from((("r1", "r3"), ("r3", "r2")))
    network = compile_graph(graph)
    assert network.predict("h1", "h2", 4).forward.nodes == ("h1", "r1", "r2", "h2")
    assert network.predict("h1", "h2", 6).forward.nodes == ("h1", "r1", "r3", "r2", "h2")


@pytest.mark.parametrize(("delays", "entry"), [((9, 1), "r2"), ((1, 9), "r1"), ((5, 5), "r1")])
def test_a_segment_with_several_routers_is_entered_by_the_nearest(delays: tuple[int, int], entry: str) -> None:
    graph = nx.Graph([("h1", "r3"), ("h2", "s1")])
    graph.add_edges_from((("r1", "s1"), ("r2", "s1")), delay=20)
    graph.add_edge("r3", "r1", delay=delays[0])
    graph.add_edge("r3", "r2", delay=delays[1])
    for name in graph:
        graph.nodes[name]["role"] = {"h": "host", "r": "router", "s": "switch"}[name[0]]
    network = compile_graph(graph, weight="delay")
    assert network.predict("h1", "h2").forward.nodes == ("h1", "r3", entry, "s1", "h2")


@pytest.mark.parametrize("graph", [fat_tree(4), star(200), chain(60)])
def test_no_node_has_two_routes_for_one_destination(graph: nx.Graph) -> None:
    network = compile_graph(graph)
    keys = [(route.node, route.destination) for route in network.routes]
    assert len(set(keys)) == len(keys)
