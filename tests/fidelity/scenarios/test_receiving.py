"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.receiving import RECEIVING


def test_they_cover_their_mechanisms() -> None:
    shown = {mechanism for one in RECEIVING for mechanism in one.mechanisms}
    assert shown >= {"M14", "M15", "M16", "M17", "M18", "M25"}
