"""The scenarios of Fast Open make plans, and share a key, without which no two kernels make the same cookies."""

from __future__ import annotations

import pytest

from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios import NAMED
from netemu.fidelity.scenarios.fastopen import FASTOPEN


@pytest.mark.parametrize("scenario", FASTOPEN, ids=lambda one: one.name)
def test_it_makes_a_plan(scenario: Scenario) -> None:
    assert scenario in NAMED
    plan = scenario.plan()
    assert plan.digest == scenario.plan().digest
    assert scenario.sysctls["h1"]["net.ipv4.tcp_fastopen_key"]
