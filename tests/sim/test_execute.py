"""A plan on models leaves what a lab leaves, the same bytes every time, and what it cannot do it refuses by name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.recording.digest import digest
from netemu.recording.tables import CALLS, COUNTERS, SOCKETS
from netemu.sim.execute import refuse
from netemu.specs import CaptureSpec, DropRule, FixedLoss, LinkDirection
from tests.lab import plans
from tests.sim.runs import LINE, MS, S, agent, bulk, lines, run, with_agents

CAPTURES = (CaptureSpec("h1", "h1-eth0"), CaptureSpec("h2", "h2-eth0"))


def test_a_transfer_leaves_every_file_of_a_run(tmp_path: Path) -> None:
    recording, account = run(with_agents(bulk(100_000), captures=CAPTURES), tmp_path)
    assert account["members"]["t.server"]["received_bytes"] == 100_000
    assert account["members"]["t.client"]["outcome"] == "done" and not account["void"] and not account["degraded"]
    assert [one["packets"] > 100 for one in account["members"]["capture"]["interfaces"]] == [True, True]
    directions = account["wires"]["l1"]["directions"]
    assert directions["a_to_b"]["forwarded"] == account["members"]["t.client"]["tcpi_segs_out"]
    calls = lines(recording.agents / "t.client.jsonl")
    assert set(calls[1]) - {"detail"} == set(CALLS) - {"agent", "host"}
    assert set(lines(recording.samples / "sockets.jsonl")[0]) == set(SOCKETS)
    assert set(lines(recording.samples / "counters.jsonl")[0]) == set(COUNTERS)
    assert {event["event"] for event in lines(recording.samples / "trace.jsonl")} >= {"tcp_probe"}


def test_the_same_plan_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    lossy = plans.pair(msgspec.structs.replace(LINE, loss=FixedLoss(0.02)))
    plan = with_agents(bulk(200_000), lossy, captures=CAPTURES)
    found = [digest(run(plan, tmp_path / str(number))[0], "everything") for number in range(2)]
    other = run(msgspec.structs.replace(plan, seed=2), tmp_path / "other")[0]
    assert found[0] == found[1] != digest(other, "everything")


def test_an_agent_without_an_end_is_ended_by_its_deadline_and_one_beyond_the_run_by_it(tmp_path: Path) -> None:
    agents = (
        agent("s.server", "h2", "sink", stop_ns=300 * MS, port=5001),
        agent("u.server", "h2", "udp_sink", stop_ns=9 * S, port=5002),
    )
    _, account = run(with_agents(agents, duration_ns=500 * MS), tmp_path)
    members = account["members"]
    assert (members["s.server"]["outcome"], members["s.server"]["duration_ns"]) == ("deadline", 300 * MS)
    assert (members["u.server"]["outcome"], members["u.server"]["duration_ns"]) == ("stop", 500 * MS)


def test_a_drop_that_never_met_its_packet_is_told(tmp_path: Path) -> None:
    plan = plans.pair(LinkDirection(drops=(DropRule("data", (5,)),)), LINE)
    _, account = run(with_agents(bulk(1000), plan), tmp_path)
    assert account["degraded"] == ["link l1 a_to_b: data: saw 1, asked to drop number 5 never met its packet"]


def test_recorders_that_are_off_leave_nothing(tmp_path: Path) -> None:
    probes = msgspec.structs.replace(plans.pair().probes, interval_ns=0, counters=False, tracepoints=False)
    recording, account = run(with_agents(bulk(1000), probes=probes), tmp_path)
    assert not list(recording.samples.iterdir()) and set(account["members"]) == {"t.client", "t.server"}


@pytest.mark.parametrize(
    ("fields", "named"), [({"backend": "netem"}, "backend 'netem'"), ({"offloads": True}, "offloads are on")]
)
def test_what_a_model_cannot_do_is_refused_by_name(fields: dict[str, object], named: str) -> None:
    plan = plans.pair()
    links = tuple(msgspec.structs.replace(link, **fields) for link in plan.links)
    with pytest.raises(MissingCapability, match=f"link l1: .*{named}"):
        refuse(msgspec.structs.replace(plan, links=links))


def test_an_address_that_nobody_has_and_an_unknown_sysctl_are_refused(tmp_path: Path) -> None:
    agents = (agent("c", "h1", "bulk_send", port=1, address="10.0.0.77"),)
    with pytest.raises(MissingCapability, match=r"nobody has the address 10\.0\.0\.77"):
        refuse(with_agents(agents))
    plan = plans.pair()
    nodes = tuple(msgspec.structs.replace(node, sysctls={"net.ipv4.no_such": "1"}) for node in plan.nodes)
    with pytest.raises(MissingCapability, match="no_such"):
        run(msgspec.structs.replace(plan, nodes=nodes), tmp_path)


def test_an_option_that_the_model_alters_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="sndbuf_bytes"):
        run(with_agents(bulk(1, sndbuf_bytes=1 << 29)), tmp_path)
