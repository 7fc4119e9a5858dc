"""The table of claims over several runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.compare.claims import claims_text, compared, run_labels
from netemu.errors import BadInput
from tests.compare.runs_by_hand import run_directory


def run_with(
    root: Path, holds: bool | None, measured: str | None = None, expected: str = "1", **manifest: object
) -> Path:
    run_directory(root, **manifest)
    said = str(holds) if measured is None else measured
    claim = {"name": "it arrives", "expected": expected, "measured": said, "holds": holds, "value": 1.0}
    (root / "claims.json").write_text(json.dumps({"claims": [claim]}))
    return root


@pytest.mark.parametrize(
    ("runs", "labels"),
    [
        ([("uml:5.10", 1), ("uml:6.1", 1)], ["uml:5.10", "uml:6.1"]),
        ([("uml:5.10?time=virtual", 1), ("uml:6.1?time=virtual", 1)], ["uml:5.10", "uml:6.1"]),
        ([("uml:6.1?time=virtual", 1), ("uml:6.1?time=real", 1)], ["uml:6.1?time=virtual", "uml:6.1?time=real"]),
        ([("uml:6.1?time=virtual", 1), ("host", 1)], ["uml:6.1?time=virtual", "host"]),
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
    lines = claims_text(comparison).splitlines()
    assert lines[0].split() == ["old", "new", "claim"]
    assert lines[2:] == ["holds  holds  it arrives"]


def test_an_equal_verdict_on_different_expectations_is_told_with_who_says_what(tmp_path: Path) -> None:
    runs = [
        run_with(tmp_path / "a", True, "15 s", "15 s", kernel="5.10"),
        run_with(tmp_path / "b", True, "15 s", "15 s", kernel="6.1"),
        run_with(tmp_path / "c", True, "4 s", "4 s", kernel="6.12"),
    ]
    comparison = compared(runs, tmp_path)
    assert comparison["agree"]
    assert claims_text(comparison).splitlines()[-3:] == [
        "it arrives:",
        "  5.10, 6.1: holds, measured 15 s, expected 15 s",
        "  6.12: holds, measured 4 s, expected 4 s",
    ]


@pytest.mark.parametrize(("time", "differs"), [("real", False), ("virtual", True)])
def test_what_only_real_time_scatters_is_no_difference(tmp_path: Path, time: str, differs: bool) -> None:
    runs = [
        run_with(tmp_path / name, True, f"{number} ms", "≤ 9 ms", kernel=name, guest={"time": time})
        for name, number in (("a", 7), ("b", 8))
    ]
    assert [claim["differs"] for claim in compared(runs, tmp_path)["claims"]] == [differs]


def test_a_figure_names_the_release_where_it_tells_runs_apart(tmp_path: Path) -> None:
    releases = {"a": "5.10.223", "b": "6.1.176", "c": "6.1.176"}
    a, b, c = (
        run_with(tmp_path / name, True, kernel=f"uml:{name}", kernel_details={"release": release})
        for name, release in releases.items()
    )
    assert [run["title"] for run in compared([a, b], tmp_path)["runs"]] == ["Linux 5.10.223", "Linux 6.1.176"]
    assert [run["title"] for run in compared([a, b, c], tmp_path)["runs"]] == ["uml:a", "uml:b", "uml:c"]


def test_a_claim_that_a_run_does_not_have_is_not_observable(tmp_path: Path) -> None:
    void = run_directory(tmp_path / "b", kernel="new", validity="void", reasons=["lost packets"])
    comparison = compared([run_with(tmp_path / "a", True), void], tmp_path)
    assert [result["holds"] for result in comparison["claims"][0]["results"]] == [True, None]
    assert comparison["runs"][1]["reasons"] == ["lost packets"]


def test_runs_of_two_experiments_are_not_compared(tmp_path: Path) -> None:
    runs = [run_directory(tmp_path / "a"), run_directory(tmp_path / "b", experiment="other")]
    with pytest.raises(BadInput, match=r"2 experiments \(by_hand, other\)"):
        compared(runs, tmp_path)
