"""Shortest paths against NetworkX's Dijkstra, and ties by name."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.topology.edges import parse_graph
from netemu.topology.shortest import WEIGHTS, Step, check_weight, incoming_costs, link_weight, steps_to
from tests.topology.strategies import graphs


def steps(graph: nx.Graph, target: str, weight: str = "hops") -> dict[str, Step]:
    parsed = parse_graph(graph)
    roles = {node.name: node.role for node in parsed.nodes}
    rank = {node.name: position for position, node in enumerate(parsed.nodes)}
    return steps_to(target, incoming_costs(parsed.edges, roles, weight), roles, rank)


@given(graphs(cost=True, rich=False), st.sampled_from(WEIGHTS))
@settings(max_examples=80)
def test_distances_are_those_of_dijkstra_over_nodes_that_forward(graph: nx.Graph, weight: str) -> None:
    parsed = parse_graph(graph)
    roles = {node.name: node.role for node in parsed.nodes}
    costs = nx.DiGraph()
    costs.add_nodes_from(roles)
    for target, sources in incoming_costs(parsed.edges, roles, weight).items():
        costs.add_weighted_edges_from((source, target, cost) for source, cost in sources)
    for target in (name for name, role in roles.items() if role == "router"):
        found = steps(graph, target, weight)
        for source in set(roles) - {target}:
            allowed = [name for name, role in roles.items() if role != "host" or name == source]
            try:
                best = nx.dijkstra_path_length(costs.subgraph(allowed), source, target)
            except nx.NetworkXNoPath:
                assert source not in found
            else:
                assert found[source].distance == best


def roles_of(graph: nx.Graph) -> nx.Graph:
    for name in graph:
        graph.nodes[name]["role"] = {"h": "host", "r": "router", "s": "switch"}[name[0]]
    return graph


def test_equal_paths_go_by_the_next_router_of_the_lowest_name() -> None:
    square = roles_of(nx.Graph([("r1", "r10"), ("r1", "r9"), ("r10", "r2"), ("r9", "r2")]))
    assert steps(square, "r2")["r1"][1:] == ("r9", "r9")


def test_a_gateway_behind_a_switch_is_the_router_not_the_switch() -> None:
    lan = roles_of(nx.Graph([("h1", "s1"), ("r1", "s1"), ("r1", "r2")]))
    assert steps(lan, "r2")["h1"][1:] == ("r1", "s1")


def test_fewer_ip_hops_beat_fewer_links() -> None:
    graph = roles_of(nx.Graph([("r1", "s1"), ("s1", "s2"), ("s2", "s3"), ("s3", "r3"), ("r1", "r2"), ("r2", "r3")]))
    assert steps(graph, "r3")["r1"].neighbour == "s1"


def test_weights_choose_by_what_they_name() -> None:
    graph = roles_of(nx.Graph())
    graph.add_edge("r1", "r2", delay="10ms", rate="10Mbit/s", cost=5)
    graph.add_edge("r1", "r3", delay="1ms", rate="1Mbit/s", cost={"r1->r3": 1, "r3->r1": 9})
    graph.add_edge("r3", "r2", delay="1ms", rate="1Mbit/s", cost=1)
    graph = roles_of(graph)
    chosen = {weight: steps(graph, "r2", weight)["r1"].neighbour for weight in WEIGHTS}
    assert chosen == {"hops": "r2", "delay": "r3", "rate": "r2", "cost": "r3"}
    assert steps(graph, "r1", "cost")["r2"].neighbour == "r1"


def test_a_link_without_a_rate_costs_nothing_by_rate() -> None:
    edge = parse_graph(nx.Graph([("h1", "h2", {"rate": {"h1->h2": "1Mbit/s"}})])).edges[0]
    assert (link_weight(edge, "h1", "rate"), link_weight(edge, "h2", "rate")) == (10**9, 0)


def test_an_unknown_weight_and_a_missing_cost_are_refused() -> None:
    with pytest.raises(BadInput, match="topology: weight: 'metric' is no weight of routes; use one of hops, delay"):
        check_weight((), "metric")
    edges = parse_graph(nx.Graph([("h1", "h2", {"cost": {"h2->h1": 1}})])).edges
    with pytest.raises(BadInput, match="edge h1-h2: lacks the attribute 'cost', by which routes are to be chosen"):
        check_weight(edges, "cost")
    check_weight(edges, "delay")
    for weight in ("cost", "metric"):
        with pytest.raises(ValueError, match="check_weight refuses"):
            link_weight(edges[0], "h1", weight)
