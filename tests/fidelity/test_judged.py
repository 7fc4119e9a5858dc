"""The comparison of two runs: one packet too many is one difference, and every field counts."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from netemu.fidelity.captured import Captured, read_capture
from netemu.fidelity.judged import Judged, judge
from netemu.fidelity.relative import FIELDS, relative_streams
from netemu.fidelity.times import sent_by
from tests.fidelity.segments import MS, Capture, transfer


def judged(real: list[Captured], model: list[Captured]) -> Judged:
    return judge({"h1-eth0": relative_streams(real)}, {"h1-eth0": relative_streams(model)}, sent_by({"h1-eth0": real}))


@pytest.fixture
def run(tmp_path: Path) -> list[Captured]:
    return read_capture(transfer(Capture(), 20).write(tmp_path / "run"))


def test_equal_runs_are_identical(run: list[Captured]) -> None:
    found = judged(run, run)
    assert (found.packets, found.identical, found.identical_ratio, found.first) == (43, 43, 1.0, None)
    assert found.times.answer.packets + found.times.timer.packets + found.times.call.packets == 22


def test_an_omission_is_one_difference(run: list[Captured], tmp_path: Path) -> None:
    found = judged(run, read_capture(transfer(Capture(), 20, skip=(7,)).write(tmp_path / "b")))
    assert (found.packets, found.identical, found.differences) == (43, 42, {"missing": 1})
    assert found.first is not None
    assert (found.first.field, found.first.number, found.first.t_ns, found.first.out) == ("missing", 11, 57 * MS, True)
    assert found.first.real.startswith(". seq 7001")
    assert found.first.model == ""


def test_an_insertion_is_one_difference(run: list[Captured], tmp_path: Path) -> None:
    found = judged(read_capture(transfer(Capture(), 20, skip=(7,)).write(tmp_path / "b")), run)
    assert (found.packets, found.identical, found.differences) == (43, 42, {"added": 1})
    assert found.first is not None
    assert found.first.real == ""


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"window": 501}, "window"),
        ({"flags": 24}, "flags"),
        ({"ecn": 3}, "ecn"),
        ({"dont_fragment": False}, "dont_fragment"),
        ({"options": ()}, "options"),
        ({"length": 1000}, "length"),
        ({"payload": 999}, "payload"),
        ({"ack": 2002}, "ack"),
        ({"seq": 7002}, "seq"),
    ],
)
def test_each_field_counts(run: list[Captured], change: dict[str, object], field: str) -> None:
    altered = [msgspec.structs.replace(one, **change) if one.number == 10 else one for one in run]
    found = judged(run, altered)
    assert found.identical == found.packets - 1 == 42
    assert found.first is not None
    assert (found.first.field, found.first.number) == (field, 10)
    assert field in FIELDS


def test_send_times_are_held_against_what_their_kind_allows(run: list[Captured]) -> None:
    late = [msgspec.structs.replace(one, t_ns=one.t_ns + 30_000) if one.out else one for one in run]
    found = judged(run, late)
    assert found.identical_ratio == 1.0
    assert found.times.answer.within == 0
    assert found.times.answer.worst_ns == 30_000
    assert found.times.timer.packets == found.times.timer.within > 0


def test_a_run_without_packets_agrees_in_all() -> None:
    assert judged([], []).identical_ratio == 1.0
    assert judged([], []).first is None


def test_a_capture_that_one_side_lacks_counts_all_its_packets(run: list[Captured]) -> None:
    found = judge({"h1-eth0": relative_streams(run)}, {}, sent_by({"h1-eth0": run}))
    assert (found.packets, found.identical_ratio) == (43, 0.0)
