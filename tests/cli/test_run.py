"""``netemu run``: options, their mistakes, and how the outcomes of several runs become one exit code."""

import argparse
from pathlib import Path

import pytest

from netemu.cli import main as frame
from netemu.cli import run as command
from netemu.errors import BadInput, FailedClaim, VoidRun
from netemu.results.summary import ClaimSummary, RunSummary

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


@pytest.mark.parametrize("options", [["--repeat", "0"], ["--repeat", "x"], ["--seed", "-1"]])
def test_numbers_are_checked(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        frame.main(["run", str(EXPERIMENT), *options])
    assert ended.value.code == 2
    assert "is not a whole number" in capsys.readouterr().err


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
