"""Drawings: the same bytes for the same network, nodes apart, links about one unit long."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from netemu.errors import BadInput
from netemu.topology import compile_graph
from netemu.topology.draw import draw_network, place_nodes, render_network
from topologies import chain, dumbbell, fat_tree, parking_lot, star

BUILT = [chain(4), dumbbell(3), star(20), parking_lot(3), fat_tree(4), nx.Graph([("a", "b"), ("c", "d")])]


@pytest.mark.parametrize("graph", BUILT)
def test_nodes_are_apart_and_neighbours_near(graph: nx.Graph) -> None:
    network = compile_graph(graph)
    places = place_nodes(network)
    assert list(places) == [node.name for node in network.nodes]
    assert min(float(np.linalg.norm(places[a] - places[b])) for a, b in combinations(places, 2)) > 0.15
    for link in network.links:
        assert 0.2 < float(np.linalg.norm(places[link.a.node] - places[link.b.node])) < 2.2


def test_a_chain_lies_on_a_line_from_its_first_end() -> None:
    places = place_nodes(compile_graph(chain(3)))
    assert [(name, float(places[name][0]), float(places[name][1])) for name in ("h1", "r1", "r2", "h2")] == [
        ("h1", 0.0, 0.0),
        ("r1", 1.0, 0.0),
        ("r2", 2.0, 0.0),
        ("h2", 3.0, 0.0),
    ]


@pytest.mark.parametrize(("suffix", "magic"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_equal_networks_give_equal_bytes(suffix: str, magic: bytes) -> None:
    first, second = (render_network(compile_graph(dumbbell(2, delay="1ms")), suffix) for _ in range(2))
    assert first == second
    assert first.startswith(magic)


def test_an_svg_names_every_node_and_what_links_do() -> None:
    graph = chain(2, rate="10Mbit/s", delay="5ms")
    graph.edges["h1", "r1"].update(loss="1%", drops={"r1->h1": [{"kind": "data", "nth": [1]}]})
    graph.edges["h2", "r1"]["schedule"] = [{"at": "1s", "delay": "9ms"}]
    texts = {
        "".join(element.itertext()) for element in ET.fromstring(render_network(compile_graph(graph), "svg")).iter()
    }
    assert {"h1", "h2", "r1", "1500 10Mbit/s 5ms schedule"} <= texts
    assert {"h1: 1500 10Mbit/s 5ms loss 1%", "r1: 1500 10Mbit/s 5ms loss 1% drops"} <= texts


def test_a_large_network_is_drawn_without_labels_on_links() -> None:
    drawn = render_network(compile_graph(star(60)), "svg").decode()
    assert ">h60<" in drawn
    assert ">1500<" not in drawn


def test_files_that_cannot_be_written_are_bad_input(tmp_path: Path) -> None:
    network = compile_graph(chain(2))
    draw_network(network, tmp_path / "x.svg")
    assert (tmp_path / "x.svg").read_bytes() == render_network(network, "svg")
    with pytest.raises(BadInput, match=r"x\.gif: a drawing's file ends in \.svg, \.pdf, \.png, not '\.gif'"):
        draw_network(network, tmp_path / "x.gif")
    with pytest.raises(BadInput, match=r"no/x\.svg: cannot be written: No such file or directory"):
        draw_network(network, tmp_path / "no" / "x.svg")
