"""Baselines: only what held and no longer does is a regression."""

from dataclasses import replace
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.results.baseline import read_baseline, regressions, write_baseline
from netemu.results.summary import ClaimSummary, RunSummary


def summary(**held: bool | None) -> RunSummary:
    claims = tuple(ClaimSummary(name, "", "", holds, None) for name, holds in held.items())
    return RunSummary("x", Path("/r"), "host", 1, "valid", (), claims, (), ())


def test_what_held_must_go_on_holding(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, [summary(a=True, b=False, c=True)])
    assert regressions(read_baseline(path), [summary(a=True, b=False, c=True)]) == []
    lost = regressions(read_baseline(path), [summary(a=False, b=False)])
    assert lost == [
        "x@host: the claim 'a' held in the baseline and no longer holds",
        "x@host: the claim 'c' held in the baseline and is no longer declared",
    ]


def test_a_claim_holds_in_the_baseline_when_it_held_in_every_run(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, [summary(a=True, b=True, c=True), summary(a=True, b=False, c=None)])
    assert read_baseline(path) == {"x@host": {"a": True, "b": False, "c": None}}


def test_other_experiments_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    write_baseline(path, [summary(a=True)])
    write_baseline(path, [replace(summary(b=True), experiment="y")])
    assert set(read_baseline(path)) == {"x@host", "y@host"}


@pytest.mark.parametrize(("text", "message"), [("{", "line 1 is not JSON"), ("[]", "not a baseline")])
def test_a_file_that_is_no_baseline(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=message):
        read_baseline(path)


def test_a_missing_baseline_names_the_option_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--write-baseline"):
        read_baseline(tmp_path / "none.json")
