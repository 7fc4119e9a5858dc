"""Segments: the links that switches join into one broadcast domain, and what must hold within one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netemu.errors import BadInput
from netemu.topology.edges import Edge, Parsed
from netemu.topology.names import natural_key
from netemu.topology.values import IPV6_MIN_MTU


@dataclass(frozen=True, slots=True)
class Segment:
    """One broadcast domain: its edges, and the interfaces of hosts and routers on it in natural order."""

    edges: tuple[Edge, ...]
    stations: tuple[tuple[str, str], ...]
    """``(node, interface)`` of every end that is not a switch."""
    ipv6: bool
    """Whether every interface on it can carry IPv6 and the graph does not say otherwise."""


def find_segments(parsed: Parsed) -> tuple[Segment, ...]:
    """The segments in the order of their first edge.

    :raises BadInput: a loop of switches, a node with two interfaces on one segment, or ``ipv6=True`` with an MTU
        below 1280.
    """
    groups = _group(parsed)
    return tuple(_segment(edges, parsed) for edges in groups)


def check_switch_mtus(parsed: Parsed) -> tuple[str, ...]:
    """Refuse unequal MTUs around a switch; the accepted ones as entries of ``Plan.accept``.

    A bridge drops a frame longer than the outgoing port's MTU and tells nobody (``br_dev_queue_push_xmit`` in
    net/bridge/br_forward.c, ``is_skb_forwardable`` in net/core/dev.c): a black hole for path MTU discovery.
    """
    accept = []
    for switch in sorted(parsed.switches, key=natural_key):
        around: dict[int, str] = {}
        for edge in parsed.edges:
            if switch in (edge.a, edge.b):
                for direction in (edge.a_to_b, edge.b_to_a):
                    around.setdefault(direction.mtu_bytes, edge.name)
        if len(around) > 1 and switch not in parsed.black_holes:
            listed = ", ".join(f"{mtu_bytes} on {name}" for mtu_bytes, name in sorted(around.items()))
            raise BadInput(
                f"node {switch}: mtu_bytes differ around this switch ({listed}), which drops long packets in silence;"
                " make them equal, use a router, or set accept_mtu_black_hole=True on it"
            )
        if len(around) > 1:
            accept.append(f"mtu_black_hole:{switch}")
    return tuple(accept)


def _group(parsed: Parsed) -> list[list[Edge]]:
    switches = parsed.switches
    at_switch: dict[str, list[int]] = {switch: [] for switch in switches}
    for index, edge in enumerate(parsed.edges):
        for end in (edge.a, edge.b):
            if end in switches:
                at_switch[end].append(index)
    seen: set[int] = set()
    groups = []
    for start in range(len(parsed.edges)):
        if start not in seen:
            groups.append([parsed.edges[index] for index in sorted(_reach(start, parsed.edges, at_switch, seen))])
    return groups


def _reach(start: int, edges: Sequence[Edge], at_switch: dict[str, list[int]], seen: set[int]) -> Iterator[int]:
    """The indices of all edges joined to ``start`` through switches, added to ``seen``."""
    waiting = [start]
    seen.add(start)
    while waiting:
        index = waiting.pop()
        yield index
        for end in (edges[index].a, edges[index].b):
            for other in at_switch.get(end, ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)


def _segment(edges: list[Edge], parsed: Parsed) -> Segment:
    ends = [end for edge in edges for end in ((edge.a, edge.a_interface), (edge.b, edge.b_interface))]
    stations = tuple(sorted((end for end in ends if end[0] not in parsed.switches), key=lambda e: natural_key(e[1])))
    for (node, first), (other, second) in itertools.pairwise(stations):
        if node == other:
            raise BadInput(
                f"node {node}: {first} and {second} are on one segment, so its addresses could not tell them apart;"
                " remove one link or put a router between"
            )
    members = {node for node, _ in ends}
    if len(edges) >= len(members):
        loop = sorted(members & parsed.switches, key=natural_key)
        raise BadInput(
            f"node {loop[0]}: the switches {', '.join(loop)} form a loop in which frames would circle for ever;"
            " remove a link or make one of them a router"
        )
    return Segment(tuple(edges), stations, _has_ipv6(edges, parsed.ipv6))


def _has_ipv6(edges: list[Edge], wanted: bool | None) -> bool:
    """Linux takes IPv6 off an interface whose MTU is below 1280 (``addrconf_notify``, net/ipv6/addrconf.c)."""
    for edge in edges:
        mtu_bytes = min(edge.a_to_b.mtu_bytes, edge.b_to_a.mtu_bytes)
        if mtu_bytes < IPV6_MIN_MTU:
            if wanted:
                raise BadInput(
                    f"edge {edge.name}: mtu_bytes: {mtu_bytes} is below {IPV6_MIN_MTU}, the minimum of IPv6 (RFC 8200"
                    " section 5), and the graph asks for ipv6=True; raise it or leave ipv6 out"
                )
            return False
    return wanted is not False
