"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.timers import TIMERS


def test_they_cover_their_mechanisms() -> None:
    shown = {mechanism for one in TIMERS for mechanism in one.mechanisms}
    assert shown == {"M03", "M05", "M06", "M07", "M15", "M19", "M21", "M22"}


def test_loss_is_decided_alike_on_both_sides() -> None:
    """A relay's chance comes from the plan's seed; netem's would be its own."""
    for one in TIMERS:
        for link in one.plan().links:
            assert link.a_to_b.loss is None or link.backend == "relay"
