"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.loss import LOSS


def test_they_cover_their_mechanisms() -> None:
    shown = {mechanism for one in LOSS for mechanism in one.mechanisms}
    assert shown >= {"M06", "M07", "M11", "M22"}


def test_what_is_lost_is_a_list_that_the_wire_keeps_to() -> None:
    plan = next(one for one in LOSS if one.name == "loss_3").plan()
    (rule,) = plan.links[0].a_to_b.drops
    assert (rule.kind, rule.nth) == ("new_data", (30, 31, 34))
    assert not plan.links[0].b_to_a.drops
