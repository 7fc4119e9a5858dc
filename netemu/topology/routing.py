"""Routing tables that follow the shortest paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netemu.specs import RouteSpec
from netemu.topology.addressing import Subnet
from netemu.topology.edges import Parsed
from netemu.topology.segments import Segment
from netemu.topology.shortest import Step, incoming_costs, steps_to

Hop = tuple[str, int, str]
"""Outgoing interface, position of the segment it is on, and the gateway's interface on that segment."""

_DEFAULT = -1
"""Stands for all remote segments where a host's table names a segment's position."""


def make_routes(
    parsed: Parsed, segments: Sequence[Segment], subnets: Sequence[Subnet | None], weight: str
) -> tuple[RouteSpec, ...]:
    """The routing tables of all hosts and routers: per node, IPv4 before IPv6, by destination.

    A host whose every route has one next hop gets a default route instead; a router gets a route per remote segment.
    """
    chooser = _Chooser(parsed, [(position, segment) for position, segment in enumerate(segments)], weight)
    hops4 = hops6 = chooser.hops()
    if not all(segment.ipv6 for segment in segments):
        carrying = [(position, segment) for position, segment in enumerate(segments) if segment.ipv6]
        hops6 = _Chooser(parsed, carrying, weight).hops()
    texts = _Texts(subnets)
    return tuple(
        RouteSpec(node.name, texts.prefix(position, family), texts.gateway(hop, family), hop[0])
        for node in parsed.nodes
        for family, hops in ((4, hops4), (6, hops6))
        for position, hop in hops.get(node.name, {}).items()
    )


class _Chooser:
    """Next hops over the segments of one address family."""

    def __init__(self, parsed: Parsed, live: Sequence[tuple[int, Segment]], weight: str) -> None:
        self._live = live
        self._roles = {node.name: node.role for node in parsed.nodes}
        self._rank = {node.name: position for position, node in enumerate(parsed.nodes)}
        self._outgoing: dict[tuple[str, str], tuple[str, int]] = {}
        self._station: dict[tuple[int, str], str] = {}
        self._attached: dict[str, list[int]] = {}
        for position, segment in live:
            for edge in segment.edges:
                self._outgoing[edge.a, edge.b] = edge.a_interface, position
                self._outgoing[edge.b, edge.a] = edge.b_interface, position
            for node, interface in segment.stations:
                self._station[position, node] = interface
                self._attached.setdefault(node, []).append(position)
        self._routers = {
            position: [node for node, _ in segment.stations if self._roles[node] == "router"]
            for position, segment in live
        }
        self._simple = {hop[0]: hop[1] for hop in map(self._only_hop, self._attached) if hop is not None}
        edges = [edge for _, segment in live for edge in segment.edges]
        edges = [edge for edge in edges if edge.a not in self._simple and edge.b not in self._simple]
        self._incoming = incoming_costs(edges, self._roles, weight)

    def hops(self) -> dict[str, dict[int, Hop]]:
        """Node -> position of each remote segment, or ``_DEFAULT`` -> next hop; segments in order."""
        steps: dict[str, dict[str, Step]] = {}
        table: dict[str, dict[int, Hop]] = {node: {_DEFAULT: hop} for node, hop in self._simple.items()}
        for target, segment in self._live:
            attached = {node for node, _ in segment.stations}
            for router in self._routers[target]:
                if router not in steps:
                    steps[router] = steps_to(router, self._incoming, self._roles, self._rank)
            for node, step in self._nearest([steps[router] for router in self._routers[target]]).items():
                if node not in attached and self._roles[node] != "switch":
                    interface, on = self._outgoing[node, step.neighbour]
                    table.setdefault(node, {})[target] = interface, on, self._station[on, step.gateway]
        return {node: self._shorten(node, hops) for node, hops in table.items()}

    def _only_hop(self, node: str) -> tuple[str, Hop] | None:
        """The next hop of a host that has one interface and one router to choose from, which spares the search."""
        if self._roles[node] != "host" or len(self._attached[node]) != 1:
            return None
        on = self._attached[node][0]
        routers = self._routers[on]
        if len(routers) != 1 or len(self._attached[routers[0]]) == 1:
            return None
        return node, (self._station[on, node], on, self._station[on, routers[0]])

    def _nearest(self, trees: Sequence[Mapping[str, Step]]) -> Mapping[str, Step]:
        """Each node's step towards the nearest of several routers, ties by the next hop's order."""
        if len(trees) == 1:
            return trees[0]
        nearest: dict[str, Step] = {}
        for tree in trees:
            for node, step in tree.items():
                best = nearest.get(node)
                if best is None or self._order(step) < self._order(best):
                    nearest[node] = step
        return nearest

    def _order(self, step: Step) -> tuple[int, int, int]:
        return step.distance, self._rank[step.gateway], self._rank[step.neighbour]

    def _shorten(self, node: str, hops: dict[int, Hop]) -> dict[int, Hop]:
        if self._roles[node] == "host" and len(set(hops.values())) == 1:
            return {_DEFAULT: next(iter(hops.values()))}
        return hops


class _Texts:
    """Prefixes and gateways as text, each written once."""

    def __init__(self, subnets: Sequence[Subnet | None]) -> None:
        self._subnets = subnets
        self._prefixes = {(_DEFAULT, 4): "0.0.0.0/0", (_DEFAULT, 6): "::/0"}
        self._gateways: dict[tuple[str, int], str] = {}

    def prefix(self, position: int, family: int) -> str:
        """``10.0.3.0/24``."""
        found = self._prefixes.get((position, family))
        if found is None:
            found = self._prefixes[position, family] = str(self._subnet(position).prefix(family))
        return found

    def gateway(self, hop: Hop, family: int) -> str:
        """``10.0.0.2``."""
        _, position, interface = hop
        found = self._gateways.get((interface, family))
        if found is None:
            found = self._gateways[interface, family] = str(self._subnet(position).address(interface, family))
        return found

    def _subnet(self, position: int) -> Subnet:
        subnet = self._subnets[position]
        assert subnet is not None  # a segment without stations is nobody's destination and nobody's way
        return subnet
