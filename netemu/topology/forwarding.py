"""Following a packet through the routing tables of a Plan or Network, link by link."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Address,
    IPv6Interface,
    ip_address,
    ip_interface,
    ip_network,
)

from netemu.errors import BadInput
from netemu.specs import Endpoint, LinkDirection, LinkSpec, NodeSpec, RouteSpec

Address = IPv4Address | IPv6Address
Crossing = tuple[LinkSpec, Endpoint, Endpoint, LinkDirection]
"""A link as a packet crosses it: the link, the end it enters, the end it leaves, and what the link does to it."""

_Table = dict[tuple[int, int], dict[int, RouteSpec]]
"""``(IP version, prefix length)`` -> network address -> route."""


class Forwarding:
    """The tables of all nodes, indexed.

    :param nodes, links, routes: of a Network or of a Plan, so that a stored plan answers too.
    """

    def __init__(self, nodes: Sequence[NodeSpec], links: Sequence[LinkSpec], routes: Sequence[RouteSpec]) -> None:
        self._roles = {node.name: node.role for node in nodes}
        self._ports: dict[str, list[Crossing]] = {node.name: [] for node in nodes}
        self._owner: dict[Address, Endpoint] = {}
        self._addresses: dict[str, list[tuple[Endpoint, IPv4Interface | IPv6Interface]]] = {}
        for link in links:
            for near, far, direction in ((link.a, link.b, link.a_to_b), (link.b, link.a, link.b_to_a)):
                self._ports[near.node].append((link, near, far, direction))
                for text in (near.ipv4, near.ipv6):
                    if text is not None:
                        address = ip_interface(text)
                        self._owner[address.ip] = near
                        self._addresses.setdefault(near.node, []).append((near, address))
        self._routes: dict[str, list[RouteSpec]] = {}
        for route in routes:
            self._routes.setdefault(route.node, []).append(route)
        self._tables: dict[str, _Table] = {}
        self._prefixes: dict[str, tuple[tuple[int, int], int]] = {}

    def addresses(self, node: str, family: int) -> list[tuple[Endpoint, Address]]:
        """The addresses of ``node`` in the order of the links; :class:`BadInput` when there is no such node."""
        if node not in self._roles:
            raise BadInput(f"topology: there is no node {node!r}; it has {', '.join(self._roles)}")
        return [(end, found.ip) for end, found in self._addresses.get(node, []) if found.version == family]

    def crossings(self, source: str, destination: Address) -> list[Crossing]:
        """Every link a packet from ``source`` to the address ``destination`` crosses, in order.

        :raises BadInput: a node on the way has no route, a host would have to forward, or the tables loop.
        """
        path: list[Crossing] = []
        node, seen = source, {source}
        while self._owner[destination].node != node:
            if node != source and self._roles[node] != "router":
                raise BadInput(f"topology: {source} cannot reach {destination}: the host {node} does not forward")
            path += self._next(node, destination, source)
            node = path[-1][2].node
            if node in seen:
                raise BadInput(f"topology: {source} cannot reach {destination}: the routes loop at {node}")
            seen.add(node)
        return path

    def _next(self, node: str, destination: Address, source: str) -> list[Crossing]:
        """The links to the next host or router on the way."""
        for end, own in self._addresses.get(node, []):
            if destination in own.network:
                return self._across(end.interface, self._owner[destination].interface)
        route = self._lookup(node, destination)
        if route is None:
            raise BadInput(
                f"topology: {source} cannot reach {destination} ({self._owner[destination].node}): {node} has no route;"
                " connect them by links, with routers where paths meet"
            )
        via = destination if route.via is None else ip_address(route.via)
        if via not in self._owner:
            raise BadInput(f"topology: {node} routes {route.destination} via {via}, which nobody has")
        return self._across(route.interface, self._owner[via].interface)

    def _lookup(self, node: str, destination: Address) -> RouteSpec | None:
        """The route with the longest prefix that holds ``destination``."""
        if node not in self._tables:
            self._tables[node] = self._index(self._routes.get(node, ()))
        tables = self._tables[node]
        for family, length in sorted(tables, reverse=True):
            if family == destination.version:
                shift = destination.max_prefixlen - length
                route = tables[family, length].get(int(destination) >> shift << shift)
                if route is not None:
                    return route
        return None

    def _index(self, routes: Iterable[RouteSpec]) -> _Table:
        """The table of one node, made when a packet first needs it; each prefix's text is read once for all nodes."""
        table: _Table = {}
        for route in routes:
            found = self._prefixes.get(route.destination)
            if found is None:
                prefix = ip_network(route.destination)
                found = (prefix.version, prefix.prefixlen), int(prefix.network_address)
                self._prefixes[route.destination] = found
            table.setdefault(found[0], {})[found[1]] = route
        return table

    def _across(self, interface: str, target: str) -> list[Crossing]:
        """The links from ``interface`` through switches to the interface ``target`` of the same segment."""
        node = interface.rpartition("-eth")[0]
        first = next(port for port in self._ports[node] if port[1].interface == interface)
        waiting: list[list[Crossing]] = [[first]]
        while waiting:
            path = waiting.pop()
            _, _, far, _ = path[-1]
            if far.interface == target:
                return path
            if self._roles[far.node] == "switch":
                waiting += ([*path, port] for port in self._ports[far.node] if port[1].interface != far.interface)
        raise BadInput(f"topology: {interface} and {target} are not on one segment")
