"""The compiled network as a value: JSON both ways, and what it answers by itself."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given, settings

from netemu.errors import BadInput
from netemu.specs import Plan, from_json, to_json
from netemu.topology import Network, Predictor, compile_graph
from tests.topology.strategies import graphs
from topologies import chain, dumbbell


@given(graphs())
@settings(max_examples=40)
def test_a_network_comes_back_from_json_equal(graph: nx.Graph) -> None:
    network = compile_graph(graph)
    assert from_json(to_json(network), Network, "x") == network


def test_hosts_are_in_natural_order() -> None:
    assert compile_graph(dumbbell(11)).hosts[9:13] == ("a10", "a11", "b1", "b2")


def test_a_nodes_address_is_that_of_its_first_interface() -> None:
    network = compile_graph(chain(3))
    assert network.address("r1") == "10.0.0.2"
    assert network.address("h2", 6) == "fd00:0:0:1::1"
    with pytest.raises(BadInput, match="there is no node 'h3'"):
        network.address("h3")


def test_a_stored_plan_answers_as_its_network_does() -> None:
    network = compile_graph(chain(3, rate="1Mbit/s"))
    plan = Plan("e", 1, network.nodes, network.links, network.routes, (), ())
    stored = from_json(to_json(plan), Plan, "plan.json")
    assert Predictor(stored.nodes, stored.links, stored.routes).predict("h1", "h2") == network.predict("h1", "h2")
