"""Predictions against a brute-force computation from the graph's own attributes."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, permutations
from math import ceil
from typing import Any

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.specs import LinkDirection
from netemu.topology import PathPrediction, compile_graph
from netemu.topology.predict import serialisation_ns
from netemu.topology.shortest import WEIGHTS
from netemu.units import parse_rate_bps, parse_size_bytes, parse_time_ns
from tests.topology.strategies import graphs, one_way
from topologies import chain, star


class Brute:
    """The graph's own attributes, and every simple path by enumeration."""

    def __init__(self, graph: nx.Graph) -> None:
        self.graph = graph

    def role(self, node: str) -> str:
        return str(self.graph.nodes[node]["role"])

    def read(self, a: str, b: str) -> tuple[int, int, int | None, int, int]:
        """MTU, delay, rate, overhead and cost of the direction from ``a`` to ``b``."""
        rate = one_way(self.graph, a, b, "rate", None)
        return (
            one_way(self.graph, a, b, "mtu_bytes", 1500),
            parse_time_ns(one_way(self.graph, a, b, "delay", 0), "x"),
            None if rate is None else parse_rate_bps(rate, "x"),
            parse_size_bytes(one_way(self.graph, a, b, "overhead", 14), "x"),
            one_way(self.graph, a, b, "cost", 0),
        )

    def check(self, path: PathPrediction) -> None:
        """Everything a path states follows from its nodes."""
        links = [self.read(a, b) for a, b in pairwise(path.nodes)]
        assert path.links == tuple(
            next(f"{x}-{y}" for x, y in ((a, b), (b, a)) if f"{x}-{y}" in path.links) for a, b in pairwise(path.nodes)
        )
        assert path.mtu_bytes == min(mtu for mtu, *_ in links)
        assert path.delay_ns == sum(delay for _, delay, *_ in links)
        assert path.hops == 1 + sum(self.role(node) == "router" for node in path.nodes[1:-1])
        assert all(self.role(node) != "host" for node in path.nodes[1:-1])
        limited = [rate for _, _, rate, _, _ in links if rate is not None]
        assert path.bottleneck_rate_bps == min(limited, default=None)
        times = [Fraction(8 * (path.packet_bytes + over) * 10**9, rate) for _, _, rate, over, _ in links if rate]
        assert path.serialisation_ns == sum(ceil(time) for time in times)

    def weigh(self, nodes: tuple[str, ...], weight: str) -> tuple[int, int, int]:
        """Weight, IP hops and links of a path up to the last router before its end: routes lead to a segment."""
        last = max((n for n, node in enumerate(nodes) if self.role(node) == "router"), default=0)
        total, hops = 0, 0
        for a, b in pairwise(nodes[: last + 1]):
            _, delay, rate, _, cost = self.read(a, b)
            total += {"hops": 0, "delay": delay, "rate": 10**15 // rate if rate else 0, "cost": cost}[weight]
            hops += self.role(b) != "switch"
        return total, hops, last

    def best(self, source: str, target: str, entry: str, weight: str) -> tuple[int, int, int]:
        """The least of all simple paths that enter ``target`` from its neighbour ``entry``."""
        keep = [n for n in self.graph if self.role(n) != "host" or n in (source, target)]
        sub = self.graph.subgraph(keep)
        paths = [tuple(path) for path in nx.all_simple_paths(sub, source, target) if path[-2] == entry]
        return min(self.weigh(path, weight) for path in paths)


@given(graphs(cost=True), st.sampled_from(WEIGHTS), st.sampled_from([4, 6]))
@settings(max_examples=120)
def test_predictions_equal_brute_force(graph: nx.Graph, weight: str, family: int) -> None:
    brute = Brute(graph)
    network = compile_graph(graph, weight=weight)
    predictor = network.predictor()
    for source, target in permutations(network.hosts, 2):
        try:
            found = predictor.predict(source, target, family)
        except BadInput as error:
            assert "no IPv" in str(error) or "cannot reach" in str(error)
            continue
        for path in (found.forward, found.backward):
            brute.check(path)
        assert found.forward.nodes[0] == found.backward.nodes[-1] == source
        assert found.base_rtt_ns == found.forward.delay_ns + found.backward.delay_ns
        rate = found.forward.bottleneck_rate_bps
        assert found.bdp_bytes == (None if rate is None else Fraction(rate * found.base_rtt_ns, 8 * 10**9) // 1)
        if family == 4:
            measured = brute.weigh(found.forward.nodes, weight)
            assert measured == brute.best(source, target, found.forward.nodes[-2], weight)


def test_a_chain_of_mtus_by_hand() -> None:
    graph = chain(mtus=(1500, 1400, 1280, 1500), rates=("100Mbit/s", "10Mbit/s", "10Mbit/s", "1Gbit/s"), delay="5ms")
    graph.edges["r1", "r2"]["delay"] = {"r1->r2": "7ms", "r2->r1": "1ms"}
    found = compile_graph(graph).predict("h1", "h2", 6)
    assert found.forward.nodes == ("h1", "r1", "r2", "r3", "h2")
    assert found.forward.mtu_bytes == found.backward.mtu_bytes == 1280
    assert (found.forward.delay_ns, found.backward.delay_ns) == (22_000_000, 16_000_000)
    assert found.base_rtt_ns == 38_000_000
    assert (found.forward.bottleneck_rate_bps, found.forward.bottleneck_link) == (10_000_000, "r1-r2")
    assert (found.backward.bottleneck_rate_bps, found.backward.bottleneck_link) == (10_000_000, "r2-r3")
    assert found.bdp_bytes == 47_500
    # (1280 + 14) * 8 bits at 100 Mbit/s, twice 10 Mbit/s, 1 Gbit/s
    assert found.forward.serialisation_ns == 103_520 + 2 * 1_035_200 + 10_352
    assert (found.source_address, found.destination_address) == ("fd00::1", "fd00:0:0:1::1")


def test_mtus_may_differ_by_direction() -> None:
    graph = chain(2, mtu_bytes=1500)
    graph.edges["h1", "r1"]["mtu_bytes"] = {"h1->r1": 1500, "r1->h1": 1300}
    found = compile_graph(graph).predict("h1", "h2")
    assert (found.forward.mtu_bytes, found.backward.mtu_bytes) == (1500, 1300)
    assert (found.forward.packet_bytes, found.backward.packet_bytes) == (1500, 1300)


def test_the_size_of_a_packet_can_be_given_and_must_fit() -> None:
    network = compile_graph(chain(2, rate="8Mbit/s", overhead=0))
    assert network.predict("h1", "h2", packet_bytes=100).forward.serialisation_ns == 200_000
    for size in (0, 1501):
        with pytest.raises(BadInput, match=f"packet_bytes: {size} does not fit the path h1-r1-h2; use 1 to 1500"):
            network.predict("h1", "h2", packet_bytes=size)


def test_a_switch_with_a_smaller_mtu_behind_it_is_named_as_a_black_hole() -> None:
    graph = star(2, center="switch")
    graph.nodes["s1"]["accept_mtu_black_hole"] = True
    graph.edges["h2", "s1"]["mtu_bytes"] = 1400
    found = compile_graph(graph).predict("h1", "h2")
    assert (found.forward.mtu_bytes, found.forward.mtu_black_holes) == (1400, ("s1",))
    assert (found.backward.mtu_bytes, found.backward.mtu_black_holes) == (1400, ())


def test_the_way_back_leads_to_the_address_that_was_used() -> None:
    graph = nx.Graph([("h1", "r1"), ("h1", "r2"), ("r2", "h2"), ("r1", "h3")])
    for name in ("r1", "r2"):
        graph.nodes[name]["role"] = "router"
    found = compile_graph(graph).predict("h1", "h2")
    assert found.source_address == "10.0.1.1"
    assert found.backward.nodes == ("h2", "r2", "h1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("h1", "h1"), "topology: 'h1' twice; a prediction needs two nodes"),
        (("h1", "h9"), "topology: there is no node 'h9'; it has h1, h2, h3, s1"),
        (("h1", "s1"), "topology: s1 has no IPv4 address: a switch has no address"),
        (("h1", "h2", 6), r"topology: h2 has no IPv6 address: its links do not carry it \(IPv6 needs an MTU of 1280"),
        (("h1", "h2", 5), "topology: family 5 is none; use 4 or 6"),
        (("h1", "h3"), r"topology: h1 cannot reach 10\.0\.\d\.\d \(h3\): h1 has no route; connect them by links"),
    ],
)
def test_a_pair_that_cannot_be_predicted_is_refused(arguments: Any, message: str) -> None:
    graph = nx.Graph([("h1", "s1"), ("h2", "s1"), ("h2", "h3")])
    graph.nodes["s1"]["role"] = "switch"
    nx.set_edge_attributes(graph, 1000, "mtu_bytes")
    with pytest.raises(BadInput, match=message):
        compile_graph(graph).predict(*arguments)


def test_families_are_those_that_both_nodes_have() -> None:
    graph = chain(mtus=(1500, 1500, 1000))
    predictor = compile_graph(graph).predictor()
    assert predictor.families("h1", "r1") == (4, 6)
    assert predictor.families("h1", "h2") == (4,)


@given(st.integers(1, 65535), st.integers(1, 10**11), st.integers(0, 100))
def test_serialisation_is_the_exact_time_rounded_up(size: int, rate_bps: int, overhead: int) -> None:
    direction = LinkDirection(rate_bps=rate_bps, overhead_bytes=overhead)
    assert serialisation_ns(direction, size) == ceil(Fraction(8 * (size + overhead) * 10**9, rate_bps))


def test_a_link_without_a_rate_takes_no_time() -> None:
    assert serialisation_ns(LinkDirection(), 1500) == 0
