"""Writing GraphML (http://graphml.graphdrawing.org) so that other tools read it, and the text of one value.

GraphML knows booleans, numbers and strings. Lists, mappings and None are written as strings that hold JSON; so is a
string that would look like one of those when read, or that XML would not keep (control characters, outer spaces).
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from netemu.errors import BadInput
from netemu.topology.jsontext import load_json

if TYPE_CHECKING:
    import networkx as nx

NAMESPACE = "http://graphml.graphdrawing.org/xmlns"


def render_graphml(graph: nx.Graph) -> bytes:
    """The GraphML text of a graph whose attributes JSON knows, indented by two spaces."""
    root = ET.Element("graphml", xmlns=NAMESPACE)
    body = ET.Element("graph", edgedefault="undirected")
    keys: dict[tuple[str, str, str], str] = {}
    _add_data(body, graph.graph, "graph", keys)
    for name, attributes in graph.nodes.items():
        _add_data(ET.SubElement(body, "node", id=name), attributes, "node", keys)
    for (a, b), attributes in graph.edges.items():
        _add_data(ET.SubElement(body, "edge", source=a, target=b), attributes, "edge", keys)
    for (scope, name, kind), identifier in keys.items():
        ET.SubElement(root, "key", {"id": identifier, "for": scope, "attr.name": name, "attr.type": kind})
    root.append(body)
    ET.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n".encode()


def _add_data(
    element: ET.Element, attributes: dict[str, object], scope: str, keys: dict[tuple[str, str, str], str]
) -> None:
    for name, value in attributes.items():
        kind, text = encode(value)
        identifier = keys.setdefault((scope, name, kind), f"d{len(keys)}")
        ET.SubElement(element, "data", key=identifier).text = text


def encode(value: object) -> tuple[str, str]:
    """GraphML's type and text of a value."""
    match value:
        case bool():
            return "boolean", "true" if value else "false"
        case int():
            return "long", str(value)
        case float():
            return "double", repr(value)
        case str() if not _needs_quotes(value):
            return "string", value
    return "string", json.dumps(value, allow_nan=False)


def decode(kind: str, text: str, place: str) -> object:
    """The value that ``encode`` wrote; :class:`BadInput` names ``place`` where ``text`` is none of that type."""
    text = text.strip()
    try:
        match kind:
            case "boolean":
                return {"true": True, "1": True, "false": False, "0": False}[text.lower()]  # NetworkX: True
            case "int" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
    except (KeyError, ValueError):
        raise BadInput(f"{place}: {text[:60]!r} is no {kind}") from None
    return load_json(text, place) if _looks_like_json(text) else text


def _looks_like_json(text: str) -> bool:
    return text == "null" or text[:1] in ("{", "[", '"')


def _needs_quotes(text: str) -> bool:
    return _looks_like_json(text) or text != text.strip() or not text.isprintable()
