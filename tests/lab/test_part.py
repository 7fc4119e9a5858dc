"""What of a plan is a part's, and what crosses."""

from __future__ import annotations

import msgspec

from netemu.lab.part import Part, crossing_links, crossing_targets, plan_of_part
from netemu.specs import AgentSpec, CaptureSpec, Plan, from_json, to_json
from netemu.topology.wiring import derive_wiring
from tests.lab.plans import chain


def plan() -> Plan:
    agents = (AgentSpec("x.server", "h2", "sink", {}), AgentSpec("x.client", "h1", "bulk_send", {}))
    captures = (CaptureSpec("h1", "h1-eth0"), CaptureSpec("r1", "r1-eth1"), CaptureSpec("h2", "h2-eth0"))
    return msgspec.structs.replace(chain(), agents=agents, captures=captures)


def test_a_part_has_what_lies_in_it() -> None:
    own = plan_of_part(plan(), ("h1", "r1"))
    assert [node.name for node in own.nodes] == ["h1", "r1"]
    assert [link.name for link in own.links] == ["l1"]
    assert {route.node for route in own.routes} == {"h1"}
    assert [agent.name for agent in own.agents] == ["x.client"]
    assert [capture.interface for capture in own.captures] == ["h1-eth0", "r1-eth1"]
    assert own.seed == plan().seed


def test_links_between_parts_cross() -> None:
    assert [link.name for link in crossing_links(plan(), {"h1": 0, "r1": 0, "h2": 1})] == ["l2"]
    assert [link.name for link in crossing_links(plan(), {"h1": 0, "r1": 1, "h2": 0})] == ["l1", "l2"]
    assert crossing_links(plan(), {"h1": 0, "r1": 0, "h2": 0}) == []


def test_both_directions_of_a_crossing_link_are_targets() -> None:
    targets = crossing_targets(derive_wiring(plan()), plan().links)
    assert [(target.number, target.link, target.direction) for target in targets] == [
        (0, "l1", "a_to_b"),
        (1, "l1", "b_to_a"),
        (2, "l2", "a_to_b"),
        (3, "l2", "b_to_a"),
    ]
    assert targets[3].source.interface == "h2-eth0"
    assert {target.backend for target in targets} == {"relay"}


def test_a_part_goes_through_json() -> None:
    part = Part(("h1", "r1"), {"l2": "vec0"})
    assert from_json(to_json(part), Part, "part") == part
