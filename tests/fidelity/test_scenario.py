"""A scenario is data, and its plan is the same each time."""

from __future__ import annotations

from netemu.experiment import bulk
from netemu.fidelity.scenario import Scenario, Script

LINK = {"rate": "10Mbit/s", "delay": "5ms"}


def test_links_become_a_chain_with_routers_and_sysctls() -> None:
    sysctls = {"h1": {"net.ipv4.tcp_sack": 0}}
    flow = bulk("one", "h1", "h2", size=1000)
    plan = Scenario("x", ("M08",), "shows", (LINK, {**LINK, "mtu_bytes": 1400}), (flow,), sysctls).plan()
    assert [(node.name, node.role) for node in plan.nodes] == [("h1", "host"), ("h2", "host"), ("r1", "router")]
    assert plan.nodes[0].sysctls == {"net.ipv4.tcp_sack": "0"}
    assert {link.a_to_b.mtu_bytes for link in plan.links} == {1500, 1400}
    assert [capture.interface for capture in plan.captures] == ["h1-eth0", "h2-eth0"]
    assert plan.experiment == "fidelity_x"


def test_scripts_name_hosts_and_get_addresses() -> None:
    script = Script("client", "h1", [[0, "socket", "s"], [None, "connect", "s", "@h2", 5001]], hold=True)
    plan = Scenario("x", ("M21",), "shows", (LINK,), (script,)).plan()
    (agent,) = plan.agents
    assert agent.args["script"] == [[0, "socket", "s"], [None, "connect", "s", "10.0.0.2", 5001]]
    assert agent.args["hold"] is True


def test_the_plan_of_a_scenario_is_always_the_same() -> None:
    one = Scenario("x", ("M01",), "shows", (LINK,), (bulk("one", "h1", "h2", size=1000),))
    assert one.plan().digest == one.plan().digest
