"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.sending import SENDING


def test_they_cover_their_mechanisms() -> None:
    shown = {mechanism for one in SENDING for mechanism in one.mechanisms}
    assert shown >= {"M01", "M02", "M03", "M04", "M05"}
