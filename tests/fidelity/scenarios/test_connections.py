"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.connections import CONNECTIONS


def test_they_cover_their_mechanisms() -> None:
    shown = {mechanism for one in CONNECTIONS for mechanism in one.mechanisms}
    assert shown >= {"M19", "M20", "M21", "M23", "M24"}
