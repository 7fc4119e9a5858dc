"""The scenarios of Accurate ECN make plans, and set what kernels without it lack."""

from __future__ import annotations

import pytest

from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios import NAMED
from netemu.fidelity.scenarios.accecn import ACCECN


@pytest.mark.parametrize("scenario", ACCECN, ids=lambda one: one.name)
def test_it_makes_a_plan(scenario: Scenario) -> None:
    assert scenario in NAMED
    plan = scenario.plan()
    assert plan.digest == scenario.plan().digest
    assert "net.ipv4.tcp_ecn_option" in scenario.sysctls["h1"]
