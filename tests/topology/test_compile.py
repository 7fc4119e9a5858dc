"""compile_graph as a whole: what a Plan takes over, the same for equal graphs, quick for large ones."""

from __future__ import annotations

import random
import time

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.specs import to_json
from netemu.topology import compile_graph
from tests.topology.strategies import graphs
from topologies import chain, star


@given(graphs(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_in_which_a_graph_was_built_makes_no_difference(graph: nx.Graph, shuffle: random.Random) -> None:
    again = nx.Graph()
    for name in shuffle.sample(list(graph), len(graph)):
        again.add_node(name, **dict(shuffle.sample(list(graph.nodes[name].items()), len(graph.nodes[name]))))
    for a, b in shuffle.sample(list(graph.edges), graph.number_of_edges()):
        ends = (a, b) if shuffle.random() < 0.5 else (b, a)
        again.add_edge(*ends, **dict(shuffle.sample(list(graph.edges[a, b].items()), len(graph.edges[a, b]))))
    assert to_json(compile_graph(again)) == to_json(compile_graph(graph))


def test_compiling_does_not_change_the_graph() -> None:
    graph = chain(2, delay="1ms", drops=[{"kind": "data", "nth": [2, 1]}])
    before = nx.Graph(graph)
    compile_graph(graph)
    assert nx.utils.graphs_equal(before, graph)
    assert graph.edges["h1", "r1"]["drops"] == [{"kind": "data", "nth": [2, 1]}]


def test_a_black_hole_that_was_asked_for_is_an_entry_for_the_plan() -> None:
    graph = star(2, center="switch")
    graph.nodes["s1"]["accept_mtu_black_hole"] = True
    assert compile_graph(graph).accept == ()
    graph.edges["h2", "s1"]["mtu_bytes"] = 1400
    assert compile_graph(graph).accept == ("mtu_black_hole:s1",)


def test_a_switchs_ports_have_a_mac_and_no_address() -> None:
    (link,) = (link for link in compile_graph(star(2, center="switch")).links if link.name == "h1-s1")
    assert (link.b.interface, link.b.mac, link.b.ipv4, link.b.ipv6) == ("s1-eth0", "02:00:00:03:00:00", None, None)


def test_an_unknown_weight_is_refused() -> None:
    with pytest.raises(BadInput, match="topology: weight: 'speed' is no weight of routes; use one of hops, delay"):
        compile_graph(chain(2), weight="speed")


def test_parts_that_are_not_connected_compile() -> None:
    network = compile_graph(nx.Graph([("h1", "h2"), ("h3", "h4")]))
    assert [link.a.ipv4 for link in network.links] == ["10.0.0.1/24", "10.0.1.1/24"]
    assert network.routes == ()


def test_thousands_of_links_compile_in_seconds() -> None:
    start = time.perf_counter()
    network = compile_graph(star(3000))
    assert len(network.links) == 3000
    assert time.perf_counter() - start < 30  # about 1 s on an idle machine; quadratic ways would take minutes
