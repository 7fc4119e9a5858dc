"""Shortest paths towards one router, over routers and switches.

A path's cost is compared by weight first, then by IP hops, then by links; what is still equal is decided by the
natural order of the next hop's name. Every link has a positive cost in this order, so each next hop is strictly
closer to the target, and following next hops cannot loop. Hosts do not forward.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from netemu.errors import BadInput
from netemu.topology.edges import Edge

Weight = Literal["hops", "delay", "rate", "cost"]
WEIGHTS: tuple[Weight, ...] = ("hops", "delay", "rate", "cost")

# A cost is one integer, weight * 2**48 + hops * 2**24 + links: a path has fewer than 2**24 links, and integers
# compare much faster than tuples.
_HOP = 1 << 24
_WEIGHT = 1 << 48
_FEMTOSECONDS = 10**15


class Step(NamedTuple):
    """How a node gets closer to the target: ``distance`` left, next host or router, next node of any role."""

    distance: int
    gateway: str
    neighbour: str


def check_weight(edges: Sequence[Edge], weight: object) -> None:
    """Refuse a weight that the routes over ``edges`` cannot be chosen by.

    :raises BadInput: no such weight, or an edge without the attribute ``cost`` that it needs.
    """
    if weight not in WEIGHTS:
        raise BadInput(f"topology: weight: {weight!r} is no weight of routes; use one of {', '.join(WEIGHTS)}")
    for edge in edges if weight == "cost" else ():
        if edge.a_to_b_cost is None or edge.b_to_a_cost is None:
            raise BadInput(f"edge {edge.name}: lacks the attribute 'cost', by which routes are to be chosen")


def link_weight(edge: Edge, source: str, weight: str) -> int:
    """The weight of ``edge`` in the direction that ``source`` sends.

    ``hops``: 0, as the count of hops decides next anyway. ``delay``: nanoseconds. ``rate``: the time of one bit in
    femtoseconds (1/rate; 0 where the rate has no limit). ``cost``: the edge attribute. ``check_weight`` comes first.
    """
    direction, cost = (edge.a_to_b, edge.a_to_b_cost) if source == edge.a else (edge.b_to_a, edge.b_to_a_cost)
    match weight:
        case "hops":
            return 0
        case "delay":
            return direction.delay_ns
        case "rate":
            return 0 if direction.rate_bps is None else _FEMTOSECONDS // direction.rate_bps
        case "cost" if cost is not None:
            return cost
    raise ValueError(f"check_weight refuses {weight!r} for {edge.name}")


def incoming_costs(edges: Sequence[Edge], roles: Mapping[str, str], weight: str) -> dict[str, list[tuple[str, int]]]:
    """Node -> ``(neighbour, cost of the link from that neighbour to the node)``."""
    incoming: dict[str, list[tuple[str, int]]] = {}
    for edge in edges:
        for source, target in ((edge.a, edge.b), (edge.b, edge.a)):
            hop = 0 if roles[target] == "switch" else _HOP
            cost = link_weight(edge, source, weight) * _WEIGHT + hop + 1
            incoming.setdefault(target, []).append((source, cost))
    return incoming


def steps_to(
    target: str,
    incoming: Mapping[str, Sequence[tuple[str, int]]],
    roles: Mapping[str, str],
    rank: Mapping[str, int],
) -> dict[str, Step]:
    """The step of every node that can reach the router ``target`` (itself not included).

    :param incoming: as ``incoming_costs`` gives it.
    :param rank: the place of each name in the order that breaks ties.
    """
    steps: dict[str, Step] = {}
    settled: set[str] = set()
    # Ordered by distance, then by the gateway's and the neighbour's rank: the first to settle a node is its step.
    waiting: list[tuple[int, int, int, str, str, str]] = [(0, 0, 0, target, target, target)]
    while waiting:
        distance, _, _, node, gateway, neighbour = heapq.heappop(waiting)
        if node in settled:
            continue
        settled.add(node)
        if node != target:
            steps[node] = Step(distance, gateway, neighbour)
        if roles[node] == "host":
            continue
        for source, cost in incoming.get(node, ()):
            if source not in settled:
                next_gateway = gateway if roles[node] == "switch" else node
                entry = (distance + cost, rank[next_gateway], rank[node], source, next_gateway, node)
                heapq.heappush(waiting, entry)
    return steps
