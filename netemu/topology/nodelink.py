"""NetworkX's node-link JSON (``networkx.node_link_data(graph, edges="edges")``), read strictly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.topology.jsontext import load_json

if TYPE_CHECKING:
    import networkx as nx


def render_nodelink(graph: nx.Graph) -> bytes:
    """The JSON text of a graph whose attributes JSON knows, indented by two spaces."""
    document = {
        "directed": False,
        "multigraph": False,
        "graph": graph.graph,
        "nodes": [{"id": name, **attributes} for name, attributes in graph.nodes.items()],
        "edges": [{"source": a, "target": b, **attributes} for (a, b), attributes in graph.edges.items()],
    }
    return f"{json.dumps(document, indent=2, allow_nan=False)}\n".encode()


def parse_nodelink(content: bytes, place: str) -> nx.Graph:
    """The graph in node-link JSON; NetworkX's older name ``links`` for ``edges`` is read too.

    :raises BadInput: ``place`` with the line of a syntax error, or the path to the element at fault.
    """
    import networkx as nx

    document = load_json(content, place)
    if not isinstance(document, dict) or "nodes" not in document:
        raise BadInput(f"{place}: is not a graph in node-link JSON: it needs an object with 'nodes' and 'edges'")
    for flag in ("directed", "multigraph"):
        if document.get(flag, False) is not False:
            raise BadInput(f"{place}: {flag}: {document[flag]!r} is not supported; a topology is an undirected Graph")
    edges = "edges" if "edges" in document else "links"
    graph = nx.Graph(**_attributes(document.get("graph", {}), f"{place}: graph"))
    for index, node in enumerate(_list(document["nodes"], f"{place}: nodes")):
        at = f"{place}: nodes[{index}]"
        attributes = _attributes(node, at)
        name = _name(attributes, "id", at)
        if name in graph:
            raise BadInput(f"{at}: the node {name!r} is there twice")
        graph.add_node(name, **attributes)
    for index, edge in enumerate(_list(document.get(edges), f"{place}: {edges}")):
        at = f"{place}: {edges}[{index}]"
        attributes = _attributes(edge, at)
        source, target = _name(attributes, "source", at), _name(attributes, "target", at)
        for name in (source, target):
            if name not in graph:
                raise BadInput(f"{at}: {name!r} is no node of the graph")
        if graph.has_edge(source, target):
            raise BadInput(f"{at}: the edge {source}-{target} is there twice")
        graph.add_edge(source, target, **attributes)
    return graph


def _list(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise BadInput(f"{place}: {_short(value)} is not a list")
    return value


def _attributes(value: object, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadInput(f"{place}: {_short(value)} is not an object")
    return dict(value)


def _name(attributes: dict[str, Any], key: str, place: str) -> str:
    name = attributes.pop(key, None)
    if not isinstance(name, str):
        raise BadInput(f"{place}: {key}: {_short(name)} is not a node's name")
    return name


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
