"""What the scenarios of this module are about."""

from __future__ import annotations

from netemu.fidelity.scenarios.corners import CORNERS


def test_they_cover_their_mechanisms() -> None:
    shown = {mechanism for one in CORNERS for mechanism in one.mechanisms}
    assert shown >= {"M02", "M04", "M15", "M16", "M17", "M18", "M19", "M20", "M21", "M22"}


def test_both_ends_of_a_simultaneous_open_name_each_others_port() -> None:
    left, right = next(one for one in CORNERS if one.name == "simultaneous_open").plan().agents
    ports = [(agent.args["script"][1][4], agent.args["script"][2][4]) for agent in (left, right)]
    assert ports[0] == ports[1][::-1] == (4400, 4600)
