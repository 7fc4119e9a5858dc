"""When a run is void, degraded or valid, from the figures its members left."""

from typing import Any

import pytest

from netemu.experiment import Experiment, bulk
from netemu.lab.validity import LATENESS_NS, Validity, judge_members, judge_wires
from netemu.specs import Plan
from topologies import chain


def plan(loss: float = 0.01) -> Plan:
    experiment = Experiment("tiny", question="?")
    experiment.topology(lambda p: chain(mtus=(1500,), rate="10Mbit/s", delay="1ms", loss=loss))
    experiment.traffic(lambda p: [bulk("x", "h1", "h2", size=1)])
    return experiment.plan()


def account(packets: int = 10_000, lost: int = 100, late_ns: int = 0) -> dict[str, Any]:
    direction = {"packets": packets, "dropped": {"drop_loss": lost}, "lateness_p99_ns": late_ns}
    return {"h1-h2": {"directions": {"a_to_b": direction, "b_to_a": direction}}}


@pytest.mark.parametrize(("lost", "void"), [(100, 0), (63, 0), (62, 2), (142, 0), (143, 2), (0, 2)])
def test_random_loss_that_chance_brings_once_in_16000_links_is_void(lost: int, void: int) -> None:
    # of 10,000 packets at 1 %, 100 on average; the tails beyond these are 1 in 32,000 each
    validity = Validity()
    judge_wires(plan(), account(lost=lost), validity)
    assert len(validity.voids) == void
    assert all("loss asked 0.01" in reason for reason in validity.voids)


def test_a_late_wire_degrades_the_run() -> None:
    validity = Validity()
    judge_wires(plan(), account(late_ns=LATENESS_NS), validity)
    assert validity == Validity()
    judge_wires(plan(), account(late_ns=LATENESS_NS + 1), validity)
    assert validity.voids == []
    assert "1 packet in 100" in validity.degradations[0]


def test_a_late_wire_tells_what_a_hypervisor_took() -> None:
    on_time, late = Validity(), Validity()
    judge_wires(plan(), account(), on_time, 40_000_000)
    judge_wires(plan(), account(late_ns=LATENESS_NS + 1), late, 40_000_000)
    assert on_time == Validity()
    assert "withheld 40 ms" in late.degradations[-1]


def test_a_wire_without_account_is_void() -> None:
    validity = Validity()
    judge_wires(plan(), {}, validity)
    assert validity.voids == ["link h1-h2: its wire left no account"]


def test_reasons_of_members_are_taken_over_with_their_name() -> None:
    validity = Validity()
    judge_members({"capture": {"void": ["7 packets dropped"], "degraded": []}}, validity)
    assert validity.voids == ["capture: 7 packets dropped"]


@pytest.mark.parametrize(("missed", "degraded"), [(10, 0), (11, 1)])
def test_a_sampler_that_misses_more_than_a_tenth_degrades_the_run(missed: int, degraded: int) -> None:
    validity = Validity()
    judge_members({"sampler": {"samples": 100 - missed, "missed": missed}}, validity)
    assert len(validity.degradations) == degraded
