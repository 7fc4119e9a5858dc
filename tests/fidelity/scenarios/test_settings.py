"""Every scenario of this module sets what its name says, and makes a plan."""

from __future__ import annotations

import pytest

from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios import NAMED
from netemu.fidelity.scenarios.settings import SETTINGS


@pytest.mark.parametrize("scenario", SETTINGS, ids=lambda one: one.name)
def test_it_makes_a_plan_with_its_sysctls(scenario: Scenario) -> None:
    assert scenario in NAMED
    plan = scenario.plan()
    asked = {(node, name, str(value)) for node, given in scenario.sysctls.items() for name, value in given.items()}
    there = {(node.name, name, value) for node in plan.nodes for name, value in node.sysctls.items()}
    assert asked <= there and plan.digest == scenario.plan().digest


def test_few_sysctls_have_their_default() -> None:
    """The one that compares with a default is the one that says so."""
    assert [one.name for one in SETTINGS if not any(one.sysctls.values())] == ["metrics_without_ssthresh"]
