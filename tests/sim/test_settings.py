"""A run on models tells its settings in the words of a lab's manifest, read from what was made."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from netemu.sim.settings import links
from netemu.specs import LinkDirection
from tests.lab import plans
from tests.sim.runs import LINE, bulk, run, with_agents


def test_settings_are_those_of_the_hosts_that_were_made(tmp_path: Path) -> None:
    plan = with_agents(bulk(1000))
    plan = msgspec.structs.replace(
        plan, nodes=tuple(_tuned(node) if node.name == "h1" else node for node in plan.nodes)
    )
    found = run(plan, tmp_path)[1]["settings"]
    assert set(found) == {"interfaces", "routes", "neighbours", "forwarding", "wires", "sysctls"}
    assert set(found["interfaces"]["h1"]["h1-eth0"]) == {
        "mtu_bytes", "mac", "addresses", "offloads", "gso_max_segs", "qdiscs",
    }  # fmt: skip
    assert found["interfaces"]["h1"]["h1-eth0"]["mtu_bytes"] == 1500
    assert found["neighbours"] >= 2
    common, nodes = found["sysctls"]["common"], found["sysctls"]["nodes"]
    assert common["net.ipv4.tcp_congestion_control"] == "cubic"
    assert common["net.core.rmem_max"] == "4194304"
    assert common["net.ipv6.conf.all.forwarding"] == "0"
    assert nodes["h1"] == {"net.ipv4.tcp_rmem": "4096 5000 6000"}
    assert nodes["h2"]["net.ipv4.tcp_rmem"].startswith("4096 131072 ")


def _tuned(node: object) -> object:
    return msgspec.structs.replace(node, sysctls={"net.ipv4.tcp_rmem": "4096 5000 6000"})


@pytest.mark.parametrize(
    "direction",
    [
        LinkDirection(rate_bps=10_000_000, delay_ns=20_000_000),
        LinkDirection(rate_bps=3_000_000_000, delay_ns=1_000),
        LinkDirection(delay_ns=5_000_000),
        LinkDirection(rate_bps=2_000_000, delay_ns=20_000_000, jitter_ns=1_000_000, mtu_bytes=1280),
        LinkDirection(),
    ],
)
def test_each_link_is_measured_as_it_was_asked_for(direction: LinkDirection) -> None:
    plan = plans.pair(direction, msgspec.structs.replace(LINE, mtu_bytes=direction.mtu_bytes))
    forward, back = links(plan)
    assert (forward["link"], forward["direction"], back["direction"]) == ("l1", "a_to_b", "b_to_a")
    quantities = forward["quantities"]
    assert set(quantities) == {"delay_ns", "mtu_bytes"} | ({"rate_bps"} if direction.rate_bps else set())
    assert all(one["ok"] for one in quantities.values()), quantities
    assert quantities["delay_ns"]["asked"] == direction.delay_ns
