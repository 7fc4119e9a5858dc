"""Claims about several runs together: digests by seed, and what a set of runs cannot show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.experiment import Experiment, NotObservable, Run, Runs, bulk, equal
from netemu.experiment.load import load_experiment
from netemu.recording.layout import Recording
from netemu.specs import to_json
from topologies import chain

REPEATABILITY = Path(__file__).parents[2] / "experiments" / "repeatability.py"


def run_at(root: Path, seed: int, packets: bytes, time: str = "virtual") -> Run:
    """A finished run without tables whose one capture holds ``packets``."""
    experiment = Experiment("tiny", question="?")
    experiment.topology(lambda p: chain(mtus=(1500,)))
    experiment.traffic(lambda p: [bulk("x", "h1", "h2", size=1)])
    recording = Recording(root)
    recording.captures.mkdir(parents=True)
    (recording.captures / "h1-eth0.pcapng").write_bytes(packets)
    recording.plan.write_text(to_json(experiment.plan(seed=seed)))
    recording.manifest.write_text(json.dumps({"guest": {"time": time}} if time == "virtual" else {}))
    return Run(recording)


def runs_of(root: Path, *asked: tuple[int, bytes], time: str = "virtual") -> Runs:
    return Runs([run_at(root / str(number), *one, time) for number, one in enumerate(asked)])


def verdicts(runs: Runs) -> list[bool | None]:
    """What the experiment says of them: one hash, one result, scatter in real time, other seeds."""
    return [result.holds for result in load_experiment(REPEATABILITY).judge_over_runs(runs)]


def test_digests_are_sorted_by_seed_and_leave_evidence(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, (1, b"a"), (2, b"b"), (1, b"a"))
    found = runs.digests()
    assert {seed: len(several) for seed, several in found.items()} == {1: 2, 2: 1}
    assert len(set(found[1])) == 1 and found[1][0] != found[2][0]
    assert runs.evidence == ["SHA-256 over captures of 3 runs"]
    assert len(runs) == 3 and runs.in_virtual_time


def test_runs_of_one_seed_have_one_hash_or_not(tmp_path: Path) -> None:
    assert verdicts(runs_of(tmp_path / "alike", (1, b"a"), (1, b"a"))) == [True, True, None, None]
    assert verdicts(runs_of(tmp_path / "apart", (1, b"a"), (1, b"a"), (1, b"b"))) == [False, False, None, None]


def test_runs_in_real_time_scatter_or_not(tmp_path: Path) -> None:
    apart = runs_of(tmp_path / "apart", (1, b"a"), (1, b"b"), time="real")
    assert not apart.in_virtual_time
    assert verdicts(apart) == [None, None, True, None]
    assert verdicts(runs_of(tmp_path / "alike", (1, b"a"), (1, b"a"), time="real")) == [None, None, False, None]


def test_runs_of_other_seeds_differ_or_not(tmp_path: Path) -> None:
    assert verdicts(runs_of(tmp_path / "apart", (1, b"a"), (2, b"b"))) == [None, None, None, True]
    assert verdicts(runs_of(tmp_path / "alike", (1, b"a"), (2, b"a"))) == [None, None, None, False]


def test_what_the_runs_cannot_show_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(NotObservable, match="--same-seed makes such runs"):
        runs_of(tmp_path / "1", (1, b"a"), (2, b"b")).digests_of_one_seed()
    with pytest.raises(NotObservable, match="--repeat N gives each its own"):
        runs_of(tmp_path / "2", (1, b"a"), (1, b"b")).digests_of_all_seeds()


def test_runs_without_captures_have_nothing_to_compare(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, (1, b"a"), (1, b"a"))
    (runs.runs[1].recording.captures / "h1-eth0.pcapng").unlink()
    with pytest.raises(NotObservable, match="the run shows no files of captures"):
        runs.digests()


def test_no_runs_show_nothing() -> None:
    assert verdicts(Runs([])) == [None] * 4


def test_a_claim_over_runs_has_a_name_of_its_own() -> None:
    experiment = Experiment("tiny", question="?")
    experiment.claim("it is so")(lambda run: equal(1, 1))
    with pytest.raises(BadInput, match="'it is so' is declared twice"):
        experiment.claim_over_runs("it is so")


def test_a_claim_over_runs_that_returns_nothing_is_named() -> None:
    experiment = Experiment("tiny", question="?")
    experiment.claim_over_runs("it is so")(lambda runs: None)
    with pytest.raises(BadInput, match="claim 'it is so' returned None"):
        experiment.judge_over_runs(Runs([]))
