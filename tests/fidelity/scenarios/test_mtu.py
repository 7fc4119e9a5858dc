"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.mtu import MTU


def test_they_cover_their_mechanisms() -> None:
    shown = {mechanism for one in MTU for mechanism in one.mechanisms}
    assert shown >= {"M08", "M09"}


def test_a_black_hole_swallows_the_routers_errors_and_no_others_packets() -> None:
    plan = next(one for one in MTU if one.name == "black_hole").plan()
    mtus = {link.name: link.a_to_b.mtu_bytes for link in plan.links}
    assert mtus == {"h1-r1": 1500, "r1-r2": 1400, "h2-r2": 1500}
    dropped = [rule.kind for link in plan.links for way in (link.a_to_b, link.b_to_a) for rule in way.drops]
    assert dropped == ["icmp"]
