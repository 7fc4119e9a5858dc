"""From run directories to a comparison's directory."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from netemu.comparison import compare_runs, comparison_text, draw_comparison
from netemu.errors import BadInput
from tests.compare.runs_by_hand import run_directory
from tests.figures.traces import all_frames

ASKED = [{"name": "sequence", "figure": "time_sequence", "options": {"port": 5001, "capture": "h1-eth0"}}]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name, kernel in (("one", "old"), ("two", "new")):
        run_directory(tmp_path / "by_hand" / name, kernel=kernel, figures=ASKED)
    return tmp_path


def test_claims_packets_and_figures_lie_in_one_directory(results: Path) -> None:
    root = compare_runs([results / "by_hand/one", results / "by_hand/two"], results)
    assert root.parent == results / "by_hand"
    assert "-compare-" in root.name
    stored = json.loads((root / "comparison.json").read_text())
    assert [run["label"] for run in stored["runs"]] == ["old", "new"]
    assert [run["directory"] for run in stored["runs"]] == ["../one", "../two"]
    assert stored["packets"][0]["identical"] is True
    made = {path.name for path in (root / "figures").iterdir()}
    assert {"sequence.svg", "delivered-sequence.pdf", "cwnd-sequence.png"} <= made
    assert "packets old -> new: identical, times not compared" in comparison_text(root)
    assert [flow["flow"] for flow in stored["packets"][0]["flows"]] == ["bulk"]
    page = (root / "comparison.html").read_text()
    assert "../one/report.html" in page and page.count("<svg") == 3


def test_figures_are_made_again_equal_to_the_byte(results: Path) -> None:
    root = compare_runs([results / "by_hand/one", results / "by_hand/two"], results)
    before = {path.name: path.read_bytes() for path in (root / "figures").iterdir()}
    again = draw_comparison(root)
    assert {path.name: path.read_bytes() for path in again} == before


def test_a_flow_that_differs_is_told_on_the_terminal_and_in_full_on_the_page(results: Path) -> None:
    frames = all_frames()
    frames["packets"] = frames["packets"].filter(pl.col("frame") != 12)
    other = run_directory(results / "by_hand/less", frames, kernel="less")
    root = compare_runs([results / "by_hand/one", other], results)
    text = comparison_text(root)
    assert "packets old -> less: 99." in text
    (line,) = [line for line in text.splitlines() if line.startswith("  bulk: 99.")]
    assert "first at h1-eth0, " in line and line.endswith("a_to_b: only in A")
    assert "bulk: first difference at" in (root / "comparison.html").read_text()


def test_a_void_run_is_in_the_table_and_in_no_figure(results: Path) -> None:
    void = run_directory(results / "by_hand/void", kernel="bad", validity="void", reasons=["lost"])
    root = compare_runs([results / "by_hand/one", void], results)
    stored = json.loads((root / "comparison.json").read_text())
    assert (stored["packets"], stored["figures"]) == ([], [])
    assert "void" in comparison_text(root)


def test_runs_without_tcp_are_compared_by_their_claims(results: Path) -> None:
    empty = {name: frame.clear() for name, frame in all_frames().items()}
    quiet = [run_directory(results / "by_hand" / name, empty) for name in ("q1", "q2")]
    stored = json.loads((compare_runs(quiet, results) / "comparison.json").read_text())
    assert (stored["packets"], stored["figures"], len(stored["runs"])) == ([], [], 2)


def test_what_cannot_be_compared_leaves_nothing(results: Path) -> None:
    other = run_directory(results / "other/run", experiment="other")
    before = sorted(results.rglob("*"))
    with pytest.raises(BadInput, match="2 experiments"):
        compare_runs([results / "by_hand/one", other], results)
    with pytest.raises(BadInput, match="two or more"):
        compare_runs([other], results)
    assert sorted(results.rglob("*")) == before
