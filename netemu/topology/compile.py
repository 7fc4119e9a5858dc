"""``compile_graph``: from a NetworkX graph to a Network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.specs import Endpoint, LinkSpec
from netemu.topology.addressing import Subnet, assign_macs, assign_subnets
from netemu.topology.edges import Edge, parse_graph
from netemu.topology.network import Network
from netemu.topology.routing import make_routes
from netemu.topology.segments import check_switch_mtus, find_segments
from netemu.topology.shortest import check_weight

if TYPE_CHECKING:
    import networkx as nx


def compile_graph(graph: nx.Graph, *, weight: str = "hops") -> Network:
    """The Network that ``graph`` describes, with addresses and routes (docs/topology.md has every attribute).

    Equal graphs give equal Networks: nothing depends on the order in which nodes, edges or attributes were added.

    :param weight: what routes minimise: ``hops``, ``delay``, ``rate`` (1/rate) or the edge attribute ``cost``.
    :raises BadInput: one line that names the node or edge, the attribute, the value and what is allowed.
    """
    parsed = parse_graph(graph)
    check_weight(parsed.edges, weight)
    segments = find_segments(parsed)
    accept = check_switch_mtus(parsed)
    subnets = assign_subnets(segments)
    subnet_of = {edge.name: subnet for segment, subnet in zip(segments, subnets, strict=True) for edge in segment.edges}
    macs = assign_macs(parsed)
    links = tuple(_link(edge, subnet_of[edge.name], macs) for edge in parsed.edges)
    return Network(parsed.nodes, links, make_routes(parsed, segments, subnets, weight), accept)


def _link(edge: Edge, subnet: Subnet | None, macs: dict[str, str]) -> LinkSpec:
    return LinkSpec(
        edge.name,
        _endpoint(edge.a, edge.a_interface, subnet, macs),
        _endpoint(edge.b, edge.b_interface, subnet, macs),
        edge.a_to_b,
        edge.b_to_a,
        edge.backend,
        edge.offloads,
    )


def _endpoint(node: str, interface: str, subnet: Subnet | None, macs: dict[str, str]) -> Endpoint:
    if subnet is None or interface not in subnet.numbers:
        return Endpoint(node, interface, macs[interface], None, None)
    return Endpoint(
        node, interface, macs[interface], subnet.with_length(interface, 4), subnet.with_length(interface, 6)
    )
