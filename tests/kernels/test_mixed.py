"""Hosts on different kernels in one run: real guests, joined by the relay."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from netemu.errors import BadInput, MissingCapability, VoidRun
from netemu.kernels.mixed_guests import PartGuests
from netemu.kernels.store import Entry
from netemu.kernels.uml import UmlKernel
from netemu.recording.layout import Recording
from netemu.specs import Plan
from netemu.trace.recording import write_tables
from tests.kernels.machines import virtual_kernels
from tests.kernels.test_uml import quiet, transfer_plan
from tests.lab.plans import chain

KERNELS = virtual_kernels()


@pytest.fixture
def two() -> tuple[Entry, Entry]:
    """The oldest and the newest kernel in the cache."""
    if len(KERNELS) < 2:
        pytest.skip("two kernels are needed in the cache: netemu kernels build 7.2, netemu kernels build 5.10")
    return KERNELS[-1], KERNELS[0]


def on(plan: Plan, **kernels: str) -> Plan:
    """The plan with nodes that ask for kernels."""
    nodes = tuple(msgspec.structs.replace(node, kernel=kernels.get(node.name)) for node in plan.nodes)
    return msgspec.structs.replace(plan, nodes=nodes)


def execute_proved(kernel: str, plan: Plan, place: Path) -> tuple[Path, dict[str, Any]]:
    """Run the plan, again where a busy machine kept a link from being proved; the run and its account."""
    for attempt in range(5):
        run = place / f"run{attempt}"
        try:
            return run, execute(kernel, plan, run)
        except VoidRun as error:
            if "attempts)" not in str(error):
                raise
    pytest.fail("the links could not be proved in five runs")


def execute(kernel: str, plan: Plan, root: Path) -> dict[str, Any]:
    """Run the plan in a new directory; the account."""
    root.mkdir()
    UmlKernel(kernel).execute(plan, Recording(root), quiet)
    account: dict[str, Any] = json.loads((root / "execution.json").read_text())
    return account


def test_two_kernels_in_one_run(two: tuple[Entry, Entry], tmp_path: Path) -> None:
    old, new = two
    plan = on(transfer_plan(loss=0.0), h1=f"uml:{old.name}")
    run, account = execute_proved(f"uml:{new.name}", plan, tmp_path)
    assert account["void"] == []
    assert account["members"]["t.server"]["received_bytes"] == 300_000
    assert account["kernel"]["nodes"] == {"h1": old.manifest.version, "h2": new.manifest.version}
    assert [guest["sha256"] for guest in account["guests"]] == [old.manifest.binary_sha256, new.manifest.binary_sha256]
    assert {link["direction"]: link["quantities"]["rate_bps"]["ok"] for link in account["links"]} == {
        "a_to_b": True,
        "b_to_a": True,
    }
    assert set(account["settings"]["wires"]["l1"]) == {"a", "b", "device of a", "device of b"}
    assert account["settings"]["interfaces"].keys() == {"h1", "h2"}
    for clock in account["clocks"]:
        assert abs(clock["drift_ns"]) < 1_000_000
        assert clock["offset_start"]["uncertainty_ns"] < 1_000_000
    check_transfer(run, account)


def check_transfer(run: Path, account: dict[str, Any]) -> None:
    """Both ends' captures on one time axis, and the wire's account between them."""
    (run / "manifest.json").write_text(json.dumps({"validity": "valid"}))
    write_tables(Recording(run))
    packets = pl.read_parquet(run / "tables/packets.parquet").filter(pl.col("payload_bytes") > 0)
    key = ["seq_offset_bytes", "payload_bytes"]
    sent, came = (packets.filter(pl.col("capture") == name).select(*key, "t_ns") for name in ("h1-eth0", "h2-eth0"))
    both = sent.join(came, on=key, suffix="_h2")
    assert both.height >= 207
    took_ns = both["t_ns_h2"] - both["t_ns"]
    # Nothing is faster than the link's delay and the line, and the clocks are known to some microseconds.
    least_ns = int(took_ns.min())
    assert 10_000_000 - 200_000 < least_ns < 20_000_000
    assert account["wires"]["l1"]["directions"]["a_to_b"]["packets"] >= 207


def test_a_router_on_a_kernel_of_its_own(two: tuple[Entry, Entry], tmp_path: Path) -> None:
    """IPv6 through a router in the other guest: both of its links cross, and one guest has two hosts."""
    old, new = two
    _, account = execute_proved(f"uml:{new.name}?node.r1={old.name}", routed_plan(), tmp_path)
    assert account["void"] == []
    assert account["members"]["t.server"]["received_bytes"] == 100_000
    assert [guest["nodes"] for guest in account["guests"]] == [["h1", "h2"], ["r1"]]
    assert {link["link"] for link in account["links"]} == {"l1", "l2"}


def routed_plan() -> Plan:
    """100 kB over IPv6 from h1 to h2 through r1."""
    plan, example = chain(), transfer_plan(loss=0.0)
    server, client = example.agents
    server = msgspec.structs.replace(server, args={"port": 5001, "family": 6})
    sent = {"address": "fd00:2::2", "port": 5001, "bytes": 100_000, "family": 6}
    client = msgspec.structs.replace(client, args=sent)
    return msgspec.structs.replace(plan, agents=(server, client), captures=example.captures)


def without_rate(plan: Plan) -> Plan:
    """The plan whose link has no rate: a busy machine, where a rate cannot be proved, is no matter then."""
    link = plan.links[0]
    there, back = (msgspec.structs.replace(way, rate_bps=None) for way in (link.a_to_b, link.b_to_a))
    return msgspec.structs.replace(plan, links=(msgspec.structs.replace(link, a_to_b=there, b_to_a=back),))


def test_a_guest_that_dies_ends_the_run_and_leaves_nothing(two: tuple[Entry, Entry], tmp_path: Path) -> None:
    old, new = two
    plan = without_rate(transfer_plan(loss=0.0))
    bad = msgspec.structs.replace(plan.agents[1], args={**plan.agents[1].args, "congestion": "no_such_control"})
    plan = msgspec.structs.replace(plan, agents=(plan.agents[0], bad))
    with pytest.raises(
        MissingCapability, match=r"uml:.* \(h1\): t\.client ended before it was ready: .*no_such_control"
    ):
        execute(f"uml:{new.name}?node.h1={old.name}", plan, tmp_path / "run")


def test_virtual_time_is_refused(two: tuple[Entry, Entry], tmp_path: Path) -> None:
    old, new = two
    with pytest.raises(MissingCapability, match="different virtual clocks"):
        execute(f"uml:{new.name}?time=virtual&node.h1={old.name}", transfer_plan(), tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_node_that_is_not_there_is_refused(two: tuple[Entry, Entry], tmp_path: Path) -> None:
    old, new = two
    with pytest.raises(BadInput, match=r"node\.h9: there is no such host or router \(there are h1, h2\)"):
        execute(f"uml:{new.name}?node.h9={old.name}", transfer_plan(), tmp_path / "run")


def test_a_guest_that_is_killed_in_the_middle_makes_the_run_void(
    two: tuple[Entry, Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernel's own process: what a panic leads to as well. The other guest ends, and nothing is left."""
    old, new = two
    guards: list[int] = []
    wait = PartGuests.wait

    def kill_then_wait(self: PartGuests, word: str, timeout_s: float) -> list[dict[str, Any]]:
        if word == "agents_ended":
            guards.extend(guest.guest.process.pid for guest in self.guests)
            for pid in children(guards[1]):
                os.kill(pid, signal.SIGKILL)
        return wait(self, word, timeout_s)

    monkeypatch.setattr(PartGuests, "wait", kill_then_wait)
    with pytest.raises(
        VoidRun, match=rf"uml:{new.name} \(h2\): the guest was ended by SIGKILL before its work was done"
    ):
        execute(f"uml:{new.name}?node.h1={old.name}", without_rate(transfer_plan(loss=0.0)), tmp_path / "run")
    assert len(guards) == 2
    for pid in guards:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert controls_of(tmp_path) == []


def controls_of(place: Path) -> list[Path]:
    """Control directories of guests whose recordings lie below ``place``."""
    links = Path(tempfile.gettempdir()).glob("netemu-uml-*/recording")
    return [link.parent for link in links if place in link.readlink().parents]


def children(pid: int) -> list[int]:
    """The process ids of a process's children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found
