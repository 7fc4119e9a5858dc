"""The scenarios of opening and closing make plans, and each says what it shows."""

from __future__ import annotations

import pytest

from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios import NAMED
from netemu.fidelity.scenarios.opening import OPENING


@pytest.mark.parametrize("scenario", OPENING, ids=lambda one: one.name)
def test_it_makes_a_plan(scenario: Scenario) -> None:
    assert scenario in NAMED
    plan = scenario.plan()
    assert {agent.host for agent in plan.agents} <= {"h1", "h2"}
    assert plan.digest == scenario.plan().digest


def test_the_mechanisms_of_connections_are_among_them() -> None:
    shown = {mechanism for scenario in OPENING for mechanism in scenario.mechanisms}
    assert {"M08", "M19", "M20", "M21", "M22", "M23", "M24", "M28"} <= shown
