"""The builders make the graphs they are named after, and every one of them compiles."""

from __future__ import annotations

import doctest
import importlib
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from typing import Any

import networkx as nx
import pytest

import topologies
from netemu.errors import BadInput
from netemu.topology import compile_graph
from topologies import BUILDERS, chain, dumbbell, fat_tree, parking_lot, star


def roles(graph: nx.Graph) -> Counter[str]:
    return Counter(role for _, role in graph.nodes(data="role"))


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_the_examples_in_docstrings_hold(name: str) -> None:
    module = importlib.import_module(f"topologies.{name}")
    assert getattr(topologies, name) is BUILDERS[name]
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize("builder", BUILDERS.values())
def test_every_builder_works_without_arguments_and_its_hosts_reach_each_other(builder: Callable[..., Any]) -> None:
    network = compile_graph(builder(delay="1ms"))
    predictor = network.predictor()
    for a, b in combinations(network.hosts, 2):
        for family in (4, 6):
            assert predictor.predict(a, b, family).base_rtt_ns >= 2_000_000


@pytest.mark.parametrize("builder", BUILDERS.values())
def test_keyword_arguments_are_attributes_of_every_link(builder: Callable[..., Any]) -> None:
    assert {rate for _, _, rate in builder(rate="7Mbit/s").edges(data="rate")} == {"7Mbit/s"}


@pytest.mark.parametrize("builder", BUILDERS.values())
def test_links_do_not_share_their_attributes(builder: Callable[..., Any]) -> None:
    graph = builder(bottleneck={"rate": 1}) if builder in (dumbbell, parking_lot) else builder()
    first, *others = graph.edges
    graph.edges[first]["loss"] = 1
    assert all("loss" not in graph.edges[edge] for edge in others)


def test_a_chain_has_the_links_that_were_asked_for() -> None:
    graph = chain(mtus=(1500, 1400), rates=("1Mbit/s", "2Mbit/s"), delays=(1, 2), loss=0.5)
    assert list(graph) == ["h1", "r1", "h2"]
    assert graph.edges["h1", "r1"] == {"mtu_bytes": 1500, "rate": "1Mbit/s", "delay": 1, "loss": 0.5}
    assert graph.edges["r1", "h2"] == {"mtu_bytes": 1400, "rate": "2Mbit/s", "delay": 2, "loss": 0.5}
    assert list(chain(1).edges) == [("h1", "h2")]
    assert chain().number_of_edges() == 2


def test_a_dumbbell_has_one_shared_link() -> None:
    graph = dumbbell(3, bottleneck={"rate": "1Mbit/s"}, rate="9Mbit/s")
    assert roles(graph) == {"host": 6, "router": 2}
    assert [edge for *edge, rate in graph.edges(data="rate") if rate == "1Mbit/s"] == [["r1", "r2"]]
    assert set(graph.adj["r1"]) == {"a1", "a2", "a3", "r2"}


def test_a_star_has_a_router_or_a_switch_in_its_middle() -> None:
    assert roles(star(5)) == {"host": 5, "router": 1}
    assert star(5, center="switch").nodes["s1"]["role"] == "switch"
    assert compile_graph(star(3, center="switch")).predict("h1", "h3").forward.hops == 1


def test_a_parking_lots_long_flow_crosses_every_shared_link_and_each_short_one_only_its_own() -> None:
    predictor = compile_graph(parking_lot(3)).predictor()
    assert predictor.predict("a0", "b0").forward.nodes == ("a0", "r1", "r2", "r3", "r4", "b0")
    for number in (1, 2, 3):
        path = predictor.predict(f"a{number}", f"b{number}").forward
        assert path.nodes == (f"a{number}", f"r{number}", f"r{number + 1}", f"b{number}")


@pytest.mark.parametrize("k", [2, 4, 6])
def test_a_fat_tree_has_the_numbers_of_its_paper(k: int) -> None:
    graph = fat_tree(k)
    assert roles(graph) == {"host": k**3 // 4, "router": 5 * k**2 // 4}
    assert graph.number_of_edges() == 3 * k**3 // 4
    for name, role in graph.nodes(data="role"):
        assert graph.degree(name) == (1 if role == "host" else k), name
    cores = [name for name in graph if name[0] == "c"]
    for core in cores:
        pods = {neighbour[1:].partition("x")[0] for neighbour in graph.adj[core]}
        assert len(pods) == k
    assert nx.diameter(graph) == 6


def test_the_largest_fat_tree_has_names_that_are_allowed() -> None:
    assert max(len(name) for name in fat_tree(18)) <= 9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chain(3, mtus=(1500,)), "chain: links, mtus, rates and delays ask for different numbers of links"),
        (lambda: chain(0), "chain: 0 links are too few; use at least 1"),
        (lambda: chain(mtus=()), "chain: 0 links are too few"),
        (lambda: dumbbell(0), "dumbbell: 0 pairs are too few"),
        (lambda: star(0), "star: 0 hosts are too few"),
        (lambda: star(center="hub"), "star: center: 'hub' is no center; use 'router' or 'switch'"),
        (lambda: parking_lot(0), "parking_lot: 0 bottlenecks are too few"),
        (lambda: fat_tree(3), "fat_tree: k: 3 is not an even number from 2 to 18"),
        (lambda: fat_tree(20), "fat_tree: k: 20 is not an even number from 2 to 18"),
    ],
)
def test_impossible_sizes_are_refused(call: Callable[[], nx.Graph], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        call()
    assert str(caught.value).startswith(message)
