"""``netemu run``: options, their mistakes, and how the outcomes of several runs become one exit code."""

import argparse
import json
from pathlib import Path

import pytest

from netemu import session
from netemu.cli import main as frame
from netemu.cli import run as command
from netemu.errors import BadInput, FailedClaim, VoidRun
from netemu.experiment.load import load_experiment
from netemu.experiment.parameters import resolve
from netemu.results.summary import ClaimSummary, RunSummary
from tests.results.test_repeat import made

FILES = ("figures/trips.pdf", "figures/trips.png", "figures/trips.svg", "repeat.json", "report.html")
EXPERIMENT = Path(__file__).parents[2] / "experiments" / "path_mtu.py"


def summary(validity: str = "valid", holds: bool | None = True) -> RunSummary:
    claim = ClaimSummary("it arrives", "1 byte", "0 bytes", holds, 0.0)
    reasons = () if validity == "valid" else ("7 packets dropped",)
    return RunSummary("tiny", Path("/r"), "host", 1, validity, reasons, (claim,), (), ())


def conclude(*summaries: RunSummary, baseline: dict | None = None) -> int:
    args = argparse.Namespace(junit=None, write_baseline=None)
    return command._conclude(args, list(summaries), baseline)


@pytest.mark.parametrize("validity", ["valid", "degraded"])
@pytest.mark.parametrize("holds", [True, None])
def test_degraded_runs_and_unobservable_claims_are_no_failure(validity: str, holds: bool | None) -> None:
    assert conclude(summary(validity, holds)) == 0


def test_a_failing_claim_is_named_with_both_values() -> None:
    with pytest.raises(
        FailedClaim, match=r"tiny: the claim 'it arrives' does not hold: measured 0 bytes, expected 1 byte"
    ):
        conclude(summary(), summary(holds=False))


def test_a_void_run_comes_before_a_failing_claim() -> None:
    with pytest.raises(VoidRun, match=r"1 of 2 runs are void: 7 packets dropped"):
        conclude(summary(holds=False), summary("void", None))


def test_with_a_baseline_only_what_held_in_it_fails() -> None:
    assert conclude(summary(holds=False), baseline={"tiny@host": {"it arrives": False}}) == 0
    with pytest.raises(FailedClaim, match="held in the baseline and no longer holds"):
        conclude(summary(holds=False), baseline={"tiny@host": {"it arrives": True}})


@pytest.mark.parametrize("text", ["size", "=1", ""])
def test_a_parameter_without_name_or_value_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="write NAME=VALUE"):
        command._given([text])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "sise=1"], "did you mean 'size'"),
        (["--set", "rate=fast"], "'fast' is not a rate"),
        (["--kernel", "windows"], "there is no kernel family 'windows'"),
        (["--baseline", "/nonexistent.json"], "no such file"),
    ],
)
def test_a_mistake_is_one_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.main(["run", str(EXPERIMENT), "--out", str(tmp_path / "results"), *options]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--same-seed"], "--same-seed: there is one run"), (["--load", "65"], "65 busy loops: give 0 to 64")],
)
def test_an_option_that_makes_no_sense_is_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.main(["run", str(EXPERIMENT), "--out", str(tmp_path / "results"), *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("options", "seeds"), [([], [7, 8, 9]), (["--same-seed"], [7, 7, 7])])
def test_runs_have_seeds_of_their_own_or_one(
    options: list[str], seeds: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []

    def run(*args: object, seed: int, load: int, **more: object) -> RunSummary:
        asked.append((seed, load))
        return made(tmp_path / str(len(asked)), seed, 2.0)

    monkeypatch.setattr(session, "run_experiment", run)
    words = ["run", str(EXPERIMENT), "--seed", "7", "--repeat", "3", "--load", "2", "--out", str(tmp_path), *options]
    assert frame.main(words) == 0
    assert asked == [(seed, 2) for seed in seeds]


def test_a_claim_over_all_runs_that_fails_is_the_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = iter([made(tmp_path / "a", 1, 2.0), made(tmp_path / "b", 1, 2.0)])
    monkeypatch.setattr(session, "run_experiment", lambda *args, **kwargs: next(ran))
    failed = ClaimSummary("one hash", "1", "2", False, 2.0)
    monkeypatch.setattr(session, "judge_over_runs", lambda experiment, group: (failed,))
    assert frame.main(["run", str(EXPERIMENT), "--repeat", "2", "--same-seed", "--out", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert "the claim 'one hash' does not hold over these runs: measured 2, expected 1" in captured.err
    assert "FAILS  one hash" in captured.out


def test_one_seed_on_several_kernels_is_compared_by_what_the_runs_come_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = iter([made(tmp_path / str(number), 1, 2.0) for number in range(4)])
    monkeypatch.setattr(session, "run_experiment", lambda *args, **kwargs: next(ran))
    words = ["run", str(EXPERIMENT), "--kernel", "host", "--kernel", "host", "--repeat", "2", "--same-seed"]
    assert frame.main([*words, "--out", str(tmp_path)]) == 0
    assert "tiny: repeated on 2 kernels, with one seed" in capsys.readouterr().out
    (root,) = (tmp_path / "tiny").glob("*-compare-*")
    assert len(json.loads((root / "comparison.json").read_text())["repeats"]) == 2


@pytest.mark.parametrize("options", [["--repeat", "0"], ["--repeat", "x"], ["--seed", "-1"]])
def test_numbers_are_checked(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        frame.main(["run", str(EXPERIMENT), *options])
    assert ended.value.code == 2
    assert "is not a whole number" in capsys.readouterr().err


@pytest.mark.parametrize("file", sorted(EXPERIMENT.parent.glob("*.py")), ids=lambda file: file.stem)
def test_what_is_listed_can_be_given(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["run", str(file), "--parameters"]) == 0
    listed = [line.split()[1].split("=", 1) for line in capsys.readouterr().out.splitlines() if "--set" in line]
    experiment = load_experiment(file)
    assert resolve(experiment.parameters, dict(listed)) == resolve(experiment.parameters, {})


def test_parameters_are_listed_with_their_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.main(["run", str(EXPERIMENT), "--parameters"]) == 0
    assert "--set size=400000   bytes that each flow sends" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--junit", "--write-baseline"])
def test_a_file_that_cannot_be_written_is_refused_before_the_run(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    words = ["run", str(EXPERIMENT), "--out", str(results), option, str(tmp_path / "none" / "x")]
    assert frame.main(words) == 2
    error = capsys.readouterr().err
    assert f"{option} {tmp_path}/none/x: cannot be written: No such file or directory" in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


class Told:
    """Stands for the work of a run: notes which were done in this process, and which side by side."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, parallel: dict[str, bool], at_once: int) -> None:
        from netemu import kernels, session
        from netemu.cli import jobs

        self.alone: list[str] = []
        self.together: list[str] = []
        monkeypatch.setattr(kernels, "kernel_named", lambda name: argparse.Namespace(parallel=parallel[name]))
        monkeypatch.setattr(jobs, "cores", lambda: at_once)
        monkeypatch.setattr(session, "run_experiment", self.run)
        monkeypatch.setattr(jobs, "run_side_by_side", self.side_by_side)

    def run(self, experiment: object, *, kernel: str, seed: int, **_: object) -> RunSummary:
        self.alone.append(f"{kernel} {seed}")
        return RunSummary("x", Path("/r"), kernel, seed, "valid", (), (), (), ())

    def side_by_side(self, asked: list, displays: list, *, at_once: int) -> list[RunSummary]:
        assert not self.alone, "nothing may go on beside a run in real time, and such runs come last"
        self.together += [f"{job.kernel} {job.seed}" for job in asked]
        return [RunSummary("x", Path("/r"), job.kernel, job.seed, "valid", (), (), (), ()) for job in asked]


def runs_of(kernels: list[str]) -> list[str]:
    from netemu.cli.jobs import Job
    from netemu.experiment import Experiment

    asked = [Job(EXPERIMENT, kernel, 1) for kernel in kernels]
    found = command._runs(Experiment("x", question="?"), asked, quiet=True)
    return [summary.kernel for summary in found]


def test_kernels_in_real_time_run_one_by_one_and_the_others_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch, {"host": False, "v1": True, "v2": True}, at_once=2)
    assert runs_of(["host", "v1", "host", "v2"]) == ["host", "v1", "host", "v2"]
    assert (told.together, told.alone) == (["v1 1", "v2 1"], ["host 1", "host 1"])


@pytest.mark.parametrize(("kernels", "at_once"), [(["v1"], 2), (["v1", "v2"], 1)])
def test_where_nothing_can_go_on_beside_it_a_run_needs_no_process(
    kernels: list[str], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told(monkeypatch, {"v1": True, "v2": True}, at_once)
    assert runs_of(kernels) == kernels
    assert told.together == []


def test_several_runs_are_summed_up_and_every_file_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = iter([made(tmp_path, 1, 2.0), made(tmp_path, 2, 2.0)])
    monkeypatch.setattr(session, "run_experiment", lambda *args, **kwargs: next(ran))
    assert frame.main(["run", str(EXPERIMENT), "--repeat", "2", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "over 2 runs:" in out
    (root,) = (tmp_path / "tiny").glob("*-repeat-*")
    assert f"  in {root}" in out
    assert out[-len(FILES) :] == [f"    {root / name}" for name in FILES]


def test_a_figure_that_the_runs_do_not_allow_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [{"name": "trips", "figure": "rtt", "options": {"port": 1}}]
    ran = iter([made(tmp_path, seed, 2.0, figures=wrong) for seed in (1, 2)])
    monkeypatch.setattr(session, "run_experiment", lambda *args, **kwargs: next(ran))
    assert frame.main(["run", str(EXPERIMENT), "--repeat", "2", "--out", str(tmp_path)]) == 0
    assert "  ! figure 'trips' is not there: figure 'trips': " in capsys.readouterr().out


def test_json_stays_a_list_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = iter([made(tmp_path, 1, 2.0), made(tmp_path, 2, 2.0)])
    monkeypatch.setattr(session, "run_experiment", lambda *args, **kwargs: next(ran))
    assert frame.main(["run", str(EXPERIMENT), "--repeat", "2", "--json", "--out", str(tmp_path)]) == 0
    assert [one["seed"] for one in json.loads(capsys.readouterr().out)] == [1, 2]
    (root,) = (tmp_path / "tiny").glob("*-repeat-*")
    assert (root / "repeat.json").is_file()
