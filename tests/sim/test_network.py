"""Hosts, routers and switches of a plan, joined: what is sent to an address arrives there, by its route."""

from __future__ import annotations

from pathlib import Path

from netemu.specs import CaptureSpec
from tests.lab import plans
from tests.sim.runs import LINE, agent, run, with_agents


def test_a_router_forwards_both_families(tmp_path: Path) -> None:
    agents = (
        agent("a.server", "h2", "sink", port=5001),
        agent("a.client", "h1", "bulk_send", port=5001, address="10.0.2.2", bytes=20_000),
        agent("b.server", "h2", "sink", port=5002, family=6),
        agent("b.client", "h1", "bulk_send", port=5002, address="fd00:2::2", bytes=20_000),
    )
    captures = (CaptureSpec("r1", "r1-eth1"),)
    _, account = run(with_agents(agents, plans.chain(), captures=captures), tmp_path)
    members = account["members"]
    assert members["a.server"]["received_bytes"] == members["b.server"]["received_bytes"] == 20_000
    assert members["a.client"]["connections"][0]["tcp_info"]["tcpi_snd_mss"] == 1280 - 40 - 12
    assert members["capture"]["interfaces"][0]["packets"] > 20


def test_a_switch_brings_each_frame_to_its_host_alone(tmp_path: Path) -> None:
    plan = plans.star(3, LINE)
    agents = (
        agent("t.server", "h2", "sink", port=5001),
        agent("t.client", "h1", "bulk_send", port=5001, address="10.0.0.3", bytes=20_000),
    )
    _, account = run(with_agents(agents, plan), tmp_path)
    assert account["members"]["t.server"]["received_bytes"] == 20_000
    packets = {link: wire["directions"]["b_to_a"]["packets"] for link, wire in account["wires"].items()}
    assert packets["l2"] > 10 and packets["l3"] == 0


def test_a_host_reaches_itself(tmp_path: Path) -> None:
    agents = (
        agent("t.server", "h1", "sink", port=5001),
        agent("t.client", "h1", "bulk_send", port=5001, address="127.0.0.1", bytes=50_000),
    )
    _, account = run(with_agents(agents), tmp_path)
    assert account["members"]["t.server"]["received_bytes"] == 50_000
    assert account["wires"]["l1"]["directions"]["a_to_b"]["packets"] == 0
