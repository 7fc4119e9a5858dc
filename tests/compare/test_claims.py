"""The table of claims over several runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.compare.claims import claims_text, compared, run_labels
from netemu.errors import BadInput
from tests.compare.runs_by_hand import run_directory


def run_with(root: Path, holds: bool | None, **manifest: object) -> Path:
    run_directory(root, **manifest)
    claim = {"name": "it arrives", "expected": "1", "measured": str(holds), "holds": holds, "value": 1.0}
    (root / "claims.json").write_text(json.dumps({"claims": [claim]}))
    return root


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        ([("uml:5.10", 1), ("uml:6.1", 1)], ["uml:5.10", "uml:6.1"]),
        ([("host", 1), ("host", 1), ("host", 1)], ["host", "host (2)", "host (3)"]),
        ([("host", 1), ("host", 2)], ["host, seed 1", "host, seed 2"]),
        ([("a", 1), ("b", 1), ("a", 2), ("b", 2)], ["a, seed 1", "b, seed 1", "a, seed 2", "b, seed 2"]),
    ],
)
def test_labels_are_short_and_unlike(runs: list[tuple[str, int]], labels: list[str]) -> None:
    assert run_labels(runs) == labels


def test_runs_that_disagree_are_told_in_full(tmp_path: Path) -> None:
    runs = [run_with(tmp_path / "a", True, kernel="old"), run_with(tmp_path / "b", False, kernel="new")]
    comparison = compared(runs, tmp_path)
    assert not comparison["agree"]
    assert [run["directory"] for run in comparison["runs"]] == ["a", "b"]
    text = claims_text(comparison)
    assert "holds  FAILS" in text
    assert "  new: FAILS, measured False, expected 1" in text


def test_runs_that_agree_need_no_more_than_the_table(tmp_path: Path) -> None:
    runs = [run_with(tmp_path / "a", True, kernel="old"), run_with(tmp_path / "b", True, kernel="new")]
    comparison = compared(runs, tmp_path)
    assert comparison["agree"]
    assert len(claims_text(comparison).splitlines()) == 3


def test_a_claim_that_a_run_does_not_have_is_not_observable(tmp_path: Path) -> None:
    void = run_directory(tmp_path / "b", kernel="new", validity="void", reasons=["lost packets"])
    comparison = compared([run_with(tmp_path / "a", True), void], tmp_path)
    assert [result["holds"] for result in comparison["claims"][0]["results"]] == [True, None]
    assert comparison["runs"][1]["reasons"] == ["lost packets"]


def test_runs_of_two_experiments_are_not_compared(tmp_path: Path) -> None:
    runs = [run_directory(tmp_path / "a"), run_directory(tmp_path / "b", experiment="other")]
    with pytest.raises(BadInput, match=r"2 experiments \(by_hand, other\)"):
        compared(runs, tmp_path)
