"""Graphs in files: GraphML (``.graphml``) and NetworkX's node-link JSON (``.json``), without loss.

What is read back equals what was written, with specs and tuples turned into the mappings and lists that mean the
same (``plain_graph``), and compiles to an equal Network.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from netemu.errors import BadInput
from netemu.specs import LinkChange
from netemu.topology.edges import parse_graph
from netemu.topology.graphml import render_graphml
from netemu.topology.graphml_reader import parse_graphml
from netemu.topology.names import natural_key
from netemu.topology.nodelink import parse_nodelink, render_nodelink

if TYPE_CHECKING:
    import networkx as nx

_FORMATS = {".graphml": (parse_graphml, render_graphml), ".json": (parse_nodelink, render_nodelink)}
_CHANGE_NAMES = {"t_ns": "at", "rate_bps": "rate", "delay_ns": "delay", "jitter_ns": "jitter"}
"""LinkChange is the one spec whose attribute has names of its own."""


def read_graph(path: Path) -> nx.Graph:
    """The graph in a ``.graphml`` or ``.json`` file, every attribute checked.

    :raises BadInput: the file, the line or place in it, and what is wrong.
    """
    parse, _ = _format_of(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    graph = parse(content, str(path))
    try:
        parse_graph(graph)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    return graph


def write_graph(graph: nx.Graph, path: Path) -> None:
    """Write ``graph`` to a ``.graphml`` or ``.json`` file, in one step: there is never half a file.

    Equal graphs give equal bytes. :raises BadInput: the graph is none that compiles, or the file cannot be written.
    """
    _, render = _format_of(path)
    parse_graph(graph)
    content = render(plain_graph(graph))
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink()
            raise
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from error


def plain_graph(graph: nx.Graph) -> nx.Graph:
    """A copy in natural order whose attributes are only what JSON knows; it means the same."""
    import networkx as nx

    plain = nx.Graph(**{name: _plain(value) for name, value in sorted(graph.graph.items())})
    for name in sorted(graph.nodes, key=natural_key):
        plain.add_node(name, **_plain(graph.nodes[name]))
    ends = (sorted(edge, key=natural_key) for edge in graph.edges)
    for a, b in sorted(ends, key=lambda edge: (natural_key(edge[0]), natural_key(edge[1]))):
        plain.add_edge(a, b, **_plain(graph.edges[a, b]))
    return plain


def _plain(value: object) -> Any:
    if isinstance(value, msgspec.Struct):
        renamed = _CHANGE_NAMES if isinstance(value, LinkChange) else {}
        fields = msgspec.to_builtins(value).items()
        value = {renamed.get(name, name): one for name, one in fields if one is not None}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _format_of(path: Path) -> Any:
    if path.suffix not in _FORMATS:
        raise BadInput(f"{path}: a topology's file ends in {' or '.join(_FORMATS)}, not {path.suffix!r}")
    return _FORMATS[path.suffix]
