"""What a hypervisor withheld during a guest's traffic stands in the run's account, and degrades what was late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netemu.kernels.withheld import Withheld, tell_withheld
from netemu.recording.account import read_account, write_account
from netemu.recording.layout import Recording
from netemu.specs import LinkDirection
from tests.lab import plans

PLAN = plans.pair(LinkDirection(delay_ns=1_000_000))


def account(*, late_ns: int) -> dict[str, Any]:
    directions = {name: {"packets": 10, "dropped": {}, "lateness_p99_ns": late_ns} for name in ("a_to_b", "b_to_a")}
    return {"wires": {PLAN.links[0].name: {"directions": directions}}, "stolen_ns": 5, "degraded": [], "void": []}


def test_counts_from_traffic_to_its_end_alone() -> None:
    readings = iter([100, 350])
    said: list[str] = []
    watch = Withheld(said.append, lambda: next(readings))
    steps = ["probing 1 links", "traffic of 2 agents, at most 3 s", "collecting captures and samples", "drawing"]
    for step in steps:
        watch(step)
    assert watch.ns == 250
    assert said == steps


def test_counts_nothing_where_no_traffic_began() -> None:
    watch = Withheld(lambda text: None, lambda: pytest.fail("no clock is asked"))
    watch("collecting captures and samples")
    assert watch.ns == 0


def test_is_told_where_a_wire_was_late(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    write_account(recording, account(late_ns=2_000_000) | {"degraded": ["known before"]})
    tell_withheld(recording, PLAN, 70_000_000)
    told = read_account(recording)
    assert told["stolen_ns"] == 70_000_005
    assert told["degraded"][0] == "known before"
    assert told["degraded"][-1] == "meanwhile a hypervisor withheld 70 ms of this machine's processor time"


def test_tells_no_reason_twice(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    write_account(recording, account(late_ns=2_000_000))
    tell_withheld(recording, PLAN, 0)
    first = read_account(recording)["degraded"]
    tell_withheld(recording, PLAN, 0)
    assert read_account(recording)["degraded"] == first


def test_a_wire_on_time_is_not_degraded(tmp_path: Path) -> None:
    recording = Recording(tmp_path)
    write_account(recording, account(late_ns=10))
    tell_withheld(recording, PLAN, 70_000_000)
    assert read_account(recording)["degraded"] == []
