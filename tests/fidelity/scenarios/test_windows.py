"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.windows import WINDOWS


def test_they_cover_their_mechanisms() -> None:
    shown = {mechanism for one in WINDOWS for mechanism in one.mechanisms}
    assert shown == {"M11", "M14", "M15", "M16", "M17"}


def test_disorder_is_decided_alike_on_both_sides() -> None:
    for one in WINDOWS:
        for link in one.plan().links:
            assert not link.a_to_b.reorder_ratio or link.backend == "relay"


def test_long_frames_are_longer_than_a_page() -> None:
    jumbo = [one for one in WINDOWS if one.name.startswith("jumbo")]
    assert len(jumbo) == 2
    assert all(link.a_to_b.mtu_bytes > 4096 for one in jumbo for link in one.plan().links)
