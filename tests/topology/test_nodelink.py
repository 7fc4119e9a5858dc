"""Node-link JSON: read strictly, with the path to what is wrong."""

from __future__ import annotations

import json
from typing import Any

import networkx as nx
import pytest

from netemu.errors import BadInput
from netemu.topology.nodelink import parse_nodelink, render_nodelink
from topologies import chain

PAIR: dict[str, Any] = {"nodes": [{"id": "h1"}, {"id": "h2"}], "edges": [{"source": "h1", "target": "h2"}]}


def parse(**changes: Any) -> nx.Graph:
    return parse_nodelink(json.dumps({**PAIR, **changes}).encode(), "x.json")


def test_a_graph_comes_back_equal() -> None:
    graph = chain(3, mtu_bytes=1400, drops=[{"kind": "data", "nth": [1]}])
    assert nx.utils.graphs_equal(parse_nodelink(render_nodelink(graph), "x"), graph)


def test_what_networkx_writes_is_read_in_both_its_dialects() -> None:
    graph = chain(2, rate="1Mbit/s")
    for edges in ("edges", "links"):
        content = json.dumps(nx.node_link_data(graph, edges=edges)).encode()
        assert nx.utils.graphs_equal(parse_nodelink(content, "x"), graph)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"directed": True}, "x.json: directed: True is not supported; a topology is an undirected Graph"),
        ({"multigraph": 1}, "x.json: multigraph: 1 is not supported"),
        ({"graph": []}, "x.json: graph: [] is not an object"),
        ({"nodes": {}}, "x.json: nodes: {} is not a list"),
        ({"nodes": ["h1"]}, "x.json: nodes[0]: 'h1' is not an object"),
        ({"nodes": [{"name": "h1"}]}, "x.json: nodes[0]: id: None is not a node's name"),
        ({"nodes": [{"id": "h1"}, {"id": "h1"}]}, "x.json: nodes[1]: the node 'h1' is there twice"),
        ({"edges": "h1"}, "x.json: edges: 'h1' is not a list"),
        ({"edges": [{"source": "h1", "target": "h3"}]}, "x.json: edges[0]: 'h3' is no node of the graph"),
        ({"edges": [{"source": "h1"}]}, "x.json: edges[0]: target: None is not a node's name"),
        (
            {"edges": [*PAIR["edges"], {"source": "h2", "target": "h1"}]},
            "x.json: edges[1]: the edge h2-h1 is there twice",
        ),
        ({"edges": [["h" * 99]]}, "x.json: edges[0]: ['hhhhhhhhhh"),
    ],
)
def test_what_is_refused_and_why(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(**changes)
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("content", [b"[]", b"{}", b"3", b'{"edges": []}'])
def test_another_document_is_no_graph(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"^x: is not a graph in node-link JSON: it needs an object with 'nodes'"):
        parse_nodelink(content, "x")


def test_a_graph_without_edges_key_is_told() -> None:
    with pytest.raises(BadInput, match=r"^x: links: None is not a list"):
        parse_nodelink(b'{"nodes": []}', "x")
