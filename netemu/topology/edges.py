"""The nodes and edges of a graph, checked and in natural order: the last place where user's text is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from netemu.errors import BadInput
from netemu.specs import LinkDirection, NodeSpec
from netemu.specs.plan import Role
from netemu.topology.attributes import (
    DIRECTION_ATTRIBUTES,
    GRAPH_ATTRIBUTES,
    LINK_ATTRIBUTES,
    NODE_ATTRIBUTES,
    check_known,
    split_directions,
)
from netemu.topology.direction import parse_direction
from netemu.topology.names import check_name, interface_name, link_name, natural_key
from netemu.topology.values import parse_cost, parse_flag

if TYPE_CHECKING:
    import networkx as nx

_ROLES: tuple[str, ...] = get_args(Role)
_BACKENDS = ("auto", "netem", "relay")
_SYSCTL = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class Edge:
    """A link before it has addresses; ``a`` comes before ``b`` in natural order. Costs are None where not given."""

    a: str
    b: str
    a_interface: str
    b_interface: str
    a_to_b: LinkDirection
    b_to_a: LinkDirection
    a_to_b_cost: int | None
    b_to_a_cost: int | None
    backend: Literal["auto", "netem", "relay"]
    offloads: bool

    @property
    def name(self) -> str:
        """``<a>-<b>``."""
        return link_name(self.a, self.b)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A graph whose every attribute was read: nodes and edges in natural order."""

    nodes: tuple[NodeSpec, ...]
    edges: tuple[Edge, ...]
    black_holes: frozenset[str]
    """Switches whose ``accept_mtu_black_hole`` is set."""
    ipv6: bool | None
    """The graph attribute: True wants IPv6 everywhere, False nowhere, None wherever the MTU allows it."""

    @property
    def switches(self) -> frozenset[str]:
        """The names of the switches."""
        return frozenset(node.name for node in self.nodes if node.role == "switch")


def parse_graph(graph: nx.Graph) -> Parsed:
    """Read and check every attribute of ``graph``; :class:`BadInput` names the node or edge, attribute and value."""
    _check_kind(graph)
    check_known(graph.graph, GRAPH_ATTRIBUTES, "graph")
    ipv6 = graph.graph.get("ipv6")
    if not isinstance(graph.graph.get("name", ""), str):
        raise BadInput(f"graph: name: {graph.graph['name']!r} is not text")
    names = sorted((check_name(name, "graph") for name in graph.nodes), key=natural_key)
    nodes = tuple(_parse_node(name, graph.nodes[name]) for name in names)
    neighbours = {name: sorted(graph.adj[name], key=natural_key) for name in names}
    for name in names:
        if name in neighbours[name]:
            raise BadInput(f"edge {name}-{name}: links {name!r} to itself; a link needs two nodes")
        if not neighbours[name]:
            raise BadInput(f"node {name}: has no link; connect it or remove it")
    interfaces = {
        (name, other): interface_name(name, index) for name in names for index, other in enumerate(neighbours[name])
    }
    edges = tuple(
        _parse_edge(a, b, interfaces[a, b], interfaces[b, a], graph.edges[a, b])
        for a in names
        for b in neighbours[a]
        if natural_key(a) < natural_key(b)
    )
    return Parsed(
        nodes,
        edges,
        frozenset(name for name in names if graph.nodes[name].get("accept_mtu_black_hole")),
        None if ipv6 is None else parse_flag(ipv6, "graph: ipv6"),
    )


def _check_kind(graph: object) -> None:
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise BadInput(f"topology: {type(graph).__name__} is no networkx.Graph")
    if graph.is_multigraph():
        raise BadInput("topology: a MultiGraph is not supported; put a router or switch into each parallel link")
    if graph.is_directed():
        raise BadInput("topology: a directed graph is not supported; use networkx.Graph and values per direction")
    if not graph.nodes:
        raise BadInput("topology: the graph is empty; add two hosts and an edge")


def _parse_node(name: str, attributes: Mapping[str, object]) -> NodeSpec:
    place = f"node {name}"
    check_known(attributes, NODE_ATTRIBUTES, place)
    role = attributes.get("role", "host")
    if role not in _ROLES:
        raise BadInput(f"{place}: role: {role!r} is no role; use one of {', '.join(_ROLES)}")
    kernel = attributes.get("kernel")
    if kernel is not None and (not isinstance(kernel, str) or not kernel.strip() or not kernel.isprintable()):
        raise BadInput(f"{place}: kernel: {kernel!r} is not a kernel's name such as 'host' or 'uml:6.12'")
    sysctls = attributes.get("sysctls") or {}
    if role == "switch" and (kernel is not None or sysctls):
        raise BadInput(f"{place}: {'kernel' if kernel is not None else 'sysctls'}: a switch is a bridge and has none")
    accept = attributes.get("accept_mtu_black_hole")
    if accept is not None and parse_flag(accept, f"{place}: accept_mtu_black_hole") and role != "switch":
        raise BadInput(f"{place}: accept_mtu_black_hole: only a switch can be one, and this is a {role}")
    return NodeSpec(name, role, kernel, _parse_sysctls(sysctls, f"{place}: sysctls"))  # type: ignore[arg-type]


def _parse_sysctls(value: object, place: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise BadInput(f"{place}: {value!r} is not a mapping such as {{'net.ipv4.tcp_sack': 1}}")
    found: dict[str, str] = {}
    for key, one in value.items():
        if not isinstance(key, str) or _SYSCTL.fullmatch(key) is None:
            raise BadInput(f"{place}: {key!r} is not a sysctl's name such as 'net.ipv4.tcp_sack'")
        if isinstance(one, bool) or not isinstance(one, int | str) or (isinstance(one, str) and not _one_line(one)):
            raise BadInput(f"{place}: {key}: {one!r} is not a number or a line of text such as '4096 131072 6291456'")
        found[key] = str(one)
    return dict(sorted(found.items()))


def _one_line(text: str) -> bool:
    return bool(text) and text.replace("\t", " ").isprintable()


def _parse_edge(a: str, b: str, a_interface: str, b_interface: str, attributes: Mapping[str, object]) -> Edge:
    place = f"edge {a}-{b}"
    check_known(attributes, DIRECTION_ATTRIBUTES + LINK_ATTRIBUTES, place)
    forward, backward = f"{a}->{b}", f"{b}->{a}"
    values, values_back = split_directions(attributes, forward, backward, place)
    a_to_b = parse_direction(values, f"{place}, {forward}")
    b_to_a = parse_direction(values_back, f"{place}, {backward}")
    backend = attributes.get("backend") or "auto"
    if backend not in _BACKENDS:
        raise BadInput(f"{place}: backend: {backend!r} is no backend; use one of {', '.join(_BACKENDS)}")
    if backend == "netem" and (a_to_b.drops or b_to_a.drops):
        raise BadInput(f"{place}: backend: 'netem' cannot drop by a list; use 'relay' or 'auto', or remove drops")
    offloads = attributes.get("offloads")
    return Edge(
        a,
        b,
        a_interface,
        b_interface,
        a_to_b,
        b_to_a,
        parse_cost(*values["cost"]) if "cost" in values else None,
        parse_cost(*values_back["cost"]) if "cost" in values_back else None,
        backend,  # type: ignore[arg-type]
        False if offloads is None else parse_flag(offloads, f"{place}: offloads"),
    )
