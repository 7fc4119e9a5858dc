"""The scripts of calls make plans; bind's rules are asked for in every combination."""

from __future__ import annotations

import pytest

from netemu.fidelity.scenario import Scenario, Script
from netemu.fidelity.scenarios import NAMED, named
from netemu.fidelity.scenarios.socket_calls import SOCKET_CALLS


@pytest.mark.parametrize("scenario", SOCKET_CALLS, ids=lambda one: one.name)
def test_it_makes_a_plan(scenario: Scenario) -> None:
    assert scenario in NAMED
    assert scenario.plan().digest == scenario.plan().digest


def test_binds_are_asked_for_in_every_combination() -> None:
    client = named("bind_rules").traffic[0]
    assert isinstance(client, Script)
    tried = [(item[2], item[3]) for item in client.script if item[1] == "bind"]
    assert len(tried) == 2 * 4 * 4 * 2
    assert {address for name, address in tried if name == "x"} == {"", "@h1", "127.0.0.1"}
    assert sum(item[1] == "listen" and item[2] == "x" for item in client.script) == len(tried) // 4
