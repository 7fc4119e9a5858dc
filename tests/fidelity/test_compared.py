"""A row of the table: from two runs, or from a model that could not run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.fidelity import compared
from netemu.fidelity.compared import Job, compare
from netemu.fidelity.scenarios import named
from netemu.recording.layout import Recording
from netemu.specs import Plan
from tests.fidelity.segments import MS, Capture, transfer

PLAN = named("bulk").plan()


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Compares with a kept run in which h1 sent six segments."""
    real = Recording(tmp_path / "real")
    write(real)
    monkeypatch.setattr(compared, "reference", lambda plan, kernel, progress: real)
    return Job("bulk", ("M01",), PLAN, "7.2", "model:linux-7", tmp_path / "models" / "bulk")


def write(recording: Recording, skip: tuple[int, ...] = (), *, late_ms: int = 0) -> None:
    recording.captures.mkdir(parents=True)
    recording.agents.mkdir()
    close = {"t_ns": 100 * MS, "call": "close", "asked_bytes": None, "errno": None, "blocked_ns": 0}
    header = {"agent": "one.client", "host": "h1", "program": "bulk_send"}
    (recording.agents / "one.client.jsonl").write_text(f"{json.dumps(header)}\n{json.dumps(close)}\n")
    capture = transfer(Capture(), skip=skip)
    if late_ms:
        capture.sent(late_ms * MS, 7000, 1)
    written = capture.write(recording.captures / "h1-eth0.pcapng")
    shutil.copy(written, recording.captures / "h2-eth0.pcapng")


class Model:
    """A model kernel that does as it is told."""

    def __init__(self, act: Callable[[Recording], None]) -> None:
        self._act = act

    def execute(self, plan: Plan, recording: Recording, progress: Callable[[str], None]) -> None:
        self._act(recording)


def use(monkeypatch: pytest.MonkeyPatch, act: Callable[[Recording], None]) -> None:
    monkeypatch.setattr(compared, "kernel_named", lambda name: Model(act))


def test_a_faithful_model_is_identical(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, write)
    row = compare(job)
    assert (row.packets, row.identical_ratio, row.first_difference, row.cause, row.error) == (30, 1.0, None, "", None)
    assert (row.kernel, row.model, row.plan) == ("uml:7.2?time=virtual", "model:linux-7", PLAN.digest)
    assert Path(row.captures.real).is_dir()
    assert row.captures.model == str(job.place / "captures")


def test_a_packet_that_the_model_omits_is_found_with_its_cause(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda recording: write(recording, skip=(2,)))
    row = compare(job)
    assert row.identical_ratio == pytest.approx(28 / 30)
    assert row.first_difference is not None
    assert (row.first_difference.field, row.first_difference.number) == ("missing", 6)
    assert row.cause.startswith("acknowledgements (")


def test_a_model_that_raises_agrees_in_nothing_and_leaves_its_traceback(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(recording: Recording) -> None:
        raise KeyError("snd_una")

    use(monkeypatch, act)
    row = compare(job)
    assert (row.packets, row.identical_ratio, row.captures.model) == (30, 0.0, None)
    assert row.error is not None
    assert row.error.startswith("the model raised KeyError: 'snd_una' (test_compared.py:")
    assert "in act" in (job.place / "traceback.txt").read_text()


def test_a_model_that_cannot_do_a_plan_says_so_in_its_row(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(recording: Recording) -> None:
        raise MissingCapability("no such congestion control")

    use(monkeypatch, act)
    assert compare(job).error == "no such congestion control"


def test_a_model_that_does_not_end_is_given_up(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(recording: Recording) -> None:
        while True:
            pass

    monkeypatch.setattr(compared, "MODEL_SECONDS", 1)
    use(monkeypatch, act)
    error = compare(job).error
    assert error is not None
    assert "took more than 1 s" in error


def test_captures_that_are_not_there_are_an_error_of_ours(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, lambda recording: recording.captures.mkdir(parents=True))
    with pytest.raises(BadInput, match=r"h1-eth0\.pcapng"):
        compare(job)


@pytest.mark.parametrize(("late_ms", "packets", "ratio"), [(300, 32, 30 / 32), (301, 30, 1.0)])
def test_what_only_one_run_saw_after_its_end_is_no_difference(
    job: Job, monkeypatch: pytest.MonkeyPatch, late_ms: int, packets: int, ratio: float
) -> None:
    """The last agent was done at 100 ms, and 200 ms more belong to the run."""
    use(monkeypatch, lambda recording: write(recording, late_ms=late_ms))
    row = compare(job)
    assert (row.packets, row.identical_ratio) == (packets, ratio)


def test_of_equal_packets_the_phase_with_the_nearer_times_is_taken(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, write)
    row = compare(job)
    kind = msgspec.structs.replace(row.times.call, packets=2, within=1)
    late = msgspec.structs.replace(row, times=msgspec.structs.replace(row.times, call=kind))
    on_time = msgspec.structs.replace(
        row, times=msgspec.structs.replace(row.times, call=msgspec.structs.replace(kind, within=2))
    )
    fewer = msgspec.structs.replace(on_time, identical_ratio=0.5)
    assert compared._nearness(on_time) > compared._nearness(late) > compared._nearness(fewer)
