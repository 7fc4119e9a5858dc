"""Neighbours, forwarding tables and refusals, derived from plans alone."""

from __future__ import annotations

import msgspec
import pytest

from netemu.errors import BadInput
from netemu.specs import LinkDirection, LinkSpec, NodeSpec, Plan
from netemu.topology.wiring import derive_wiring
from tests.lab.plans import chain, endpoint, pair, plan_of, star


def two_switches() -> Plan:
    """h1 - s1 - s2 - h2 and h3 at s2."""
    d = LinkDirection()
    links = (
        LinkSpec("l1", endpoint("h1", 0, 1, "10.0.0.1/24", None), endpoint("s1", 1, 11, None, None), d, d),
        LinkSpec("l2", endpoint("s1", 2, 12, None, None), endpoint("s2", 1, 13, None, None), d, d),
        LinkSpec("l3", endpoint("s2", 2, 14, None, None), endpoint("h2", 0, 2, "10.0.0.2/24", None), d, d),
        LinkSpec("l4", endpoint("s2", 3, 15, None, None), endpoint("h3", 0, 3, "10.0.0.3/24", None), d, d),
    )
    nodes = (*(NodeSpec(f"h{n}", "host") for n in (1, 2, 3)), NodeSpec("s1", "switch"), NodeSpec("s2", "switch"))
    return plan_of(nodes, links)


def test_peers_behind_any_number_of_switches_are_neighbours() -> None:
    wiring = derive_wiring(two_switches())
    assert {(near.address, near.mac) for near in wiring.neighbours["h1"]} == {
        ("10.0.0.2", "02:00:00:00:00:02"),
        ("10.0.0.3", "02:00:00:00:00:03"),
    }
    assert {near.address for near in wiring.neighbours["h3"]} == {"10.0.0.1", "10.0.0.2"}


def test_a_switch_knows_behind_which_port_each_host_is() -> None:
    wiring = derive_wiring(two_switches())
    assert set(wiring.forwarding["s1"]) == {
        ("02:00:00:00:00:01", 2),
        ("02:00:00:00:00:02", 3),
        ("02:00:00:00:00:03", 3),
    }
    assert set(wiring.forwarding["s2"]) == {
        ("02:00:00:00:00:01", 2),
        ("02:00:00:00:00:02", 3),
        ("02:00:00:00:00:03", 4),
    }


def test_routers_end_a_neighbourhood_and_families_do_not_mix() -> None:
    wiring = derive_wiring(chain())
    assert [near.address for near in wiring.neighbours["h1"]] == ["10.0.1.1", "fd00:1::1"]
    assert [(near.port.interface, near.address) for near in wiring.neighbours["r1"]] == [
        ("r1-eth0", "10.0.1.2"),
        ("r1-eth0", "fd00:1::2"),
        ("r1-eth1", "10.0.2.2"),
        ("r1-eth1", "fd00:2::2"),
    ]
    only_ipv4 = derive_wiring(star(3, ipv6=False))
    assert all(":" not in near.address for near in only_ipv4.neighbours["h1"])


def test_the_mtu_of_an_interface_is_that_of_the_direction_it_sends_in() -> None:
    plan = pair(LinkDirection(mtu_bytes=1500), LinkDirection(mtu_bytes=1300), accept=("mtu_black_hole:l1",))
    wiring = derive_wiring(plan)
    assert (wiring.ports["h1"][0].mtu_bytes, wiring.ports["h2"][0].mtu_bytes) == (1500, 1300)


def test_two_mtus_on_one_link_are_refused_unless_asked_for_by_name() -> None:
    with pytest.raises(BadInput, match=r"link l1: MTU 1500 .* and 1300 .*mtu_black_hole:l1"):
        derive_wiring(pair(LinkDirection(mtu_bytes=1500), LinkDirection(mtu_bytes=1300)))


def test_a_loop_of_switches_is_refused() -> None:
    plan = two_switches()
    d = LinkDirection()
    loop = LinkSpec("l5", endpoint("s1", 3, 20, None, None), endpoint("s2", 4, 21, None, None), d, d)
    with pytest.raises(BadInput, match="closes a loop of switches"):
        derive_wiring(msgspec.structs.replace(plan, links=(*plan.links, loop)))


def test_a_link_to_an_unknown_node_is_refused() -> None:
    plan = pair()
    with pytest.raises(BadInput, match="link l1: node 'h2' is not in the plan"):
        derive_wiring(msgspec.structs.replace(plan, nodes=plan.nodes[:1]))
