"""The scenarios with names: how many, what they cover, and that each is a plan."""

from __future__ import annotations

import pytest

from netemu.errors import BadInput
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios import NAMED, named

SHOWN = {f"M{number:02}" for number in range(1, 26)} - {"M10", "M12", "M13"}
"""Every mechanism that packets of a guest in virtual time can show: contexts, prequeue and backlog are none."""


def test_there_are_enough_and_names_are_unique() -> None:
    assert len({one.name for one in NAMED}) == len(NAMED) >= 40


def test_every_mechanism_that_packets_show_has_a_scenario() -> None:
    assert {mechanism for one in NAMED for mechanism in one.mechanisms} >= SHOWN


@pytest.mark.parametrize("scenario", NAMED, ids=lambda one: one.name)
def test_each_is_a_plan(scenario: Scenario) -> None:
    plan = scenario.plan()
    assert plan.experiment == f"fidelity_{scenario.name}"
    assert plan.agents


def test_a_scenario_is_found_by_its_name() -> None:
    assert named("bulk").name == "bulk"
    with pytest.raises(BadInput, match=r"--only 'bulx': there is no such scenario; there are bulk, "):
        named("bulx")
