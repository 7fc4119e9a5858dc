"""A part of a plan: the nodes that one of several guests runs, and the links that leave it. Pure.

A link whose ends lie in different parts *crosses*: each part has its own half of the wire, and a relay outside joins
the halves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from netemu.lab.probe_judge import Target
from netemu.specs import LinkSpec, Plan
from netemu.topology.wiring import Wiring

PART_FILE = "part.json"
"""Where in its recording a guest finds its part, beside the whole plan."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``nodes``: those of this part. ``devices``: by crossing link, the network device that leads out of the guest."""

    nodes: tuple[str, ...]
    devices: dict[str, str]


def crossing_links(plan: Plan, part_of: Mapping[str, object]) -> list[LinkSpec]:
    """The links of ``plan`` whose ends lie in different parts; ``part_of`` says for each node which is its."""
    return [link for link in plan.links if part_of[link.a.node] != part_of[link.b.node]]


def plan_of_part(plan: Plan, nodes: Collection[str]) -> Plan:
    """What of ``plan`` concerns ``nodes`` alone: crossing links are left out."""
    return msgspec.structs.replace(
        plan,
        nodes=tuple(node for node in plan.nodes if node.name in nodes),
        links=tuple(link for link in plan.links if link.a.node in nodes and link.b.node in nodes),
        routes=tuple(route for route in plan.routes if route.node in nodes),
        agents=tuple(agent for agent in plan.agents if agent.host in nodes),
        captures=tuple(capture for capture in plan.captures if capture.node in nodes),
    )


def crossing_targets(wiring: Wiring, links: Collection[LinkSpec]) -> list[Target]:
    """Both directions of each crossing link to be probed, numbered alike wherever this is asked."""
    found: list[Target] = []
    for link in links:
        a, b = wiring.port(link, "a"), wiring.port(link, "b")
        found.append(Target(len(found), link.name, "a_to_b", "relay", link.a_to_b, a, b))
        found.append(Target(len(found), link.name, "b_to_a", "relay", link.b_to_a, b, a))
    return found
