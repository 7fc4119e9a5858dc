"""Reading GraphML strictly, with the line of whatever is wrong.

Read are one undirected graph, its keys with their defaults, and text in ``data``; ports, hyperedges, nested graphs
and elements of other tools inside ``data`` are refused rather than lost. A document type is refused too, so no
entity can grow.
"""

from __future__ import annotations

import xml.sax
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.handler import (
    ContentHandler,
    LexicalHandler,
    feature_external_ges,
    feature_namespaces,
    property_lexical_handler,
)
from xml.sax.xmlreader import Locator

from netemu.errors import BadInput
from netemu.topology.graphml import decode

if TYPE_CHECKING:
    import networkx as nx

_KINDS = ("boolean", "int", "long", "float", "double", "string")
_INSIDE = {
    "graphml": (),
    "key": ("graphml",),
    "default": ("key",),
    "graph": ("graphml",),
    "node": ("graph",),
    "edge": ("graph",),
    "data": ("graph", "node", "edge", "graphml"),
    "desc": ("graphml", "key", "graph", "node", "edge"),
}
"""Element -> the elements it may stand in."""


class _Key(NamedTuple):
    scope: str
    name: str
    kind: str


def parse_graphml(content: bytes, place: str) -> nx.Graph:
    """The graph in a GraphML document; :class:`BadInput` names ``place`` and the line."""
    reader = xml.sax.make_parser()
    handler = _Handler(place)
    reader.setContentHandler(handler)
    reader.setFeature(feature_namespaces, False)
    reader.setFeature(feature_external_ges, False)
    reader.setProperty(property_lexical_handler, _NoDocumentType(handler))
    try:
        reader.parse(BytesIO(content))
    except xml.sax.SAXParseException as error:
        where = f"{place}, line {error.getLineNumber()}, column {(error.getColumnNumber() or 0) + 1}"
        raise BadInput(f"{where}: not XML: {error.getMessage()}") from error
    except (LookupError, ValueError) as error:  # an encoding that is unknown or does not fit
        raise BadInput(f"{place}: cannot be decoded: {error}") from error
    return handler.finish()


class _Handler(ContentHandler):
    """Builds the graph; ``stack`` holds the open elements."""

    def __init__(self, place: str) -> None:
        import networkx as nx

        super().__init__()
        self._place = place
        self._graph = nx.Graph()
        self._graphs = 0
        self._position: Locator | None = None
        self._stack: list[str] = []
        self._keys: dict[str, _Key] = {}
        self._defaults: dict[str, object] = {}
        self._owner: dict[str, Any] = {}
        self._key = ""
        self._text: list[str] | None = None
        self._edges: list[tuple[str, str, dict[str, Any], int]] = []

    def setDocumentLocator(self, locator: Locator) -> None:
        self._position = locator

    def line(self) -> int:
        """The line being read."""
        return 0 if self._position is None else self._position.getLineNumber() or 0

    def fail(self, message: str, line: int | None = None) -> BadInput:
        """The error for ``message`` at a line, this one by default."""
        return BadInput(f"{self._place}, line {line or self.line()}: {message}")

    def startElement(self, name: str, attrs: Any) -> None:
        given = dict(attrs)
        tag = name.rpartition(":")[2]
        parent = self._stack[-1] if self._stack else ""
        if tag not in _INSIDE or (_INSIDE[tag] and parent not in _INSIDE[tag]) or (not _INSIDE[tag] and parent):
            raise self.fail(f"<{name}> {'in <' + parent + '> ' if parent else ''}is not supported")
        self._stack.append(tag)
        match tag:
            case "key":
                self._start_key(given)
            case "graph":
                self._start_graph(given)
            case "node":
                self._start_node(given)
            case "edge":
                self._start_edge(given)
            case "data":
                self._key = self._need(given, "key", "data")
                if self._key not in self._keys:
                    raise self.fail(f"<data> has the key {self._key!r}, which no <key> declares")
                self._text = []
            case "default":
                self._text = []

    def endElement(self, name: str) -> None:
        tag = self._stack.pop()
        if tag not in ("data", "default"):
            if tag in ("edge", "node"):
                self._owner = self._graph.graph
            return
        key = self._keys[self._key]
        value = decode(key.kind, "".join(self._text or ()), f"{self._place}, line {self.line()}: {key.name}")
        self._text = None
        if tag == "default":
            self._defaults[self._key] = value
        elif key.name in self._owner:
            raise self.fail(f"{key.name!r} is there twice in one <{self._stack[-1]}>")
        else:
            self._owner[key.name] = value

    def characters(self, content: str) -> None:
        if self._text is not None:
            self._text.append(content)

    def finish(self) -> nx.Graph:
        """The graph, once the document has ended: edges and defaults are put in."""
        if self._graphs != 1:
            raise BadInput(f"{self._place}: holds {self._graphs} graphs; exactly one is needed")
        for source, target, attributes, line in self._edges:
            for name in (source, target):
                if name not in self._graph:
                    raise self.fail(f"{name!r} is no node of the graph", line)
            if self._graph.has_edge(source, target):
                raise self.fail(f"the edge {source}-{target} is there twice", line)
            self._graph.add_edge(source, target, **attributes)
        owners: Mapping[str, list[dict[str, Any]]] = {
            "graph": [self._graph.graph],
            "node": [attributes for _, attributes in self._graph.nodes(data=True)],
            "edge": [attributes for _, _, attributes in self._graph.edges(data=True)],
        }
        for identifier, value in self._defaults.items():
            key = self._keys[identifier]
            for scope in owners if key.scope == "all" else (key.scope,):
                for attributes in owners.get(scope, ()):
                    attributes.setdefault(key.name, value)
        return self._graph

    def _start_key(self, given: dict[str, str]) -> None:
        identifier = self._need(given, "id", "key")
        kind = given.get("attr.type", "string")
        if kind not in _KINDS:
            raise self.fail(f"<key> has attr.type {kind!r}; known are {', '.join(_KINDS)}")
        if identifier in self._keys:
            raise self.fail(f"the <key> {identifier!r} is there twice")
        self._key = identifier
        self._keys[identifier] = _Key(given.get("for", "all"), given.get("attr.name", identifier), kind)

    def _start_graph(self, given: dict[str, str]) -> None:
        self._graphs += 1
        self._owner = self._graph.graph
        if given.get("edgedefault") == "directed":
            raise self.fail("edgedefault 'directed' is not supported; use 'undirected' and values per direction")

    def _start_node(self, given: dict[str, str]) -> None:
        name = self._need(given, "id", "node")
        if name in self._graph:
            raise self.fail(f"the node {name!r} is there twice")
        self._graph.add_node(name)
        self._owner = self._graph.nodes[name]

    def _start_edge(self, given: dict[str, str]) -> None:
        if given.get("directed") == "true":
            raise self.fail("a directed edge is not supported; use values per direction")
        self._owner = {}
        ends = self._need(given, "source", "edge"), self._need(given, "target", "edge")
        self._edges.append((*ends, self._owner, self.line()))

    def _need(self, given: dict[str, str], attribute: str, tag: str) -> str:
        if attribute not in given:
            raise self.fail(f"<{tag}> lacks {attribute!r}")
        return given[attribute]


class _NoDocumentType(LexicalHandler):
    def __init__(self, handler: _Handler) -> None:
        super().__init__()
        self._handler = handler

    def startDTD(self, name: str, public_id: str | None, system_id: str | None) -> None:
        raise self._handler.fail("a document type (<!DOCTYPE>) is not supported; remove it")
