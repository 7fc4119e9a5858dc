"""Repeated runs on several kernels beside one another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.repeats import compare_repeats, draw_repeats, repeats_text
from netemu.results.repeat import Repeat, write_repeat
from netemu.results.summary import ClaimSummary, RunSummary
from tests.figures.traces import all_frames, write_run

FIGURES = [
    {"name": "spread", "figure": "arrival", "options": {"port": 5001, "capture": "h1-eth0"}},
    {"name": "trips", "figure": "rtt", "options": {"port": 5001}},
]
ONE_HASH = ClaimSummary("one hash", "1", "1", True, 1.0)


def repeat_of(
    results: Path, kernel: str, *, experiment: str = "tiny", validity: str = "valid", **more: object
) -> Repeat:
    """Two runs with seed 1 on ``kernel``, summed up."""
    summaries = []
    for number in "12":
        manifest = {"plan_digest": "000000000001", "parameters": {}, "figures": FIGURES, "kernel": kernel, **more}
        reasons = [] if validity == "valid" else ["busy"]
        root = write_run(
            results / experiment / f"{kernel}-{number}", all_frames(), validity=validity, reasons=reasons, **manifest
        )
        (root / "captures").mkdir()
        (root / "captures" / "h1-eth0.pcapng").write_text(kernel)
        claim = ClaimSummary("it arrives", "1", "1", True, 1.0)
        summaries.append(RunSummary(experiment, root, kernel, 1, validity, tuple(reasons), (claim,), (), ()))
    return write_repeat(summaries, results, [ONE_HASH])


def test_each_kernels_results_are_counted_side_by_side(tmp_path: Path) -> None:
    repeats = [repeat_of(tmp_path, "a"), repeat_of(tmp_path, "b", busy_loops=4)]
    root = compare_repeats([repeat.root for repeat in repeats], tmp_path)
    assert root.parent == repeats[0].root.parent and "-compare-" in root.name
    stored = json.loads((root / "comparison.json").read_text())
    assert [one["label"] for one in stored["repeats"]] == ["a", "b, 4 busy loops beside it"]
    assert [list(one["digests"]["captures"].values()) for one in stored["repeats"]] == [[2], [2]]
    assert [(claim["name"], claim["holds"]) for claim in stored["repeats"][0]["claims"]] == [
        ("one hash", True),
        ("it arrives", True),
    ]
    assert stored["repeats"][0]["claims"][1]["measured"] == "2 of 2, 1 ± 0 (95 %)"
    assert [spec["name"] for spec in stored["figures"]] == ["spread"]
    assert {path.name for path in (root / "figures").iterdir()} == {"spread.pdf", "spread.png", "spread.svg"}
    page = (root / "comparison.html").read_text()
    assert page.count("1 distinct in 2") == 4 and page.count("<svg") == 1 and "4 busy loops beside it" in page
    text = repeats_text(root)
    assert "  b, 4 busy loops beside it: captures 1 distinct in 2, everything 1 distinct in 2" in text
    assert str(root / "figures" / "spread.svg") in text


def test_figures_are_made_again_equal_to_the_byte_wherever_the_results_are(tmp_path: Path) -> None:
    repeats = [repeat_of(tmp_path / "here", kernel, validity="degraded") for kernel in "ab"]
    root = compare_repeats([repeat.root for repeat in repeats], tmp_path / "here")
    before = {path.name: path.read_bytes() for path in (root / "figures").iterdir()}
    assert b"a: 2 runs degraded; b: 2 runs degraded" in before["spread.svg"]
    (tmp_path / "here").rename(tmp_path / "there")
    again = draw_repeats(tmp_path / "there" / "tiny" / root.name)
    assert {path.name: path.read_bytes() for path in again} == before


def test_what_cannot_be_compared_leaves_nothing(tmp_path: Path) -> None:
    repeats = [repeat_of(tmp_path, "a"), repeat_of(tmp_path, "b", experiment="other")]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput, match="runs of 2 experiments"):
        compare_repeats([repeat.root for repeat in repeats], tmp_path)
    with pytest.raises(BadInput, match="needs two or more"):
        compare_repeats([repeats[0].root], tmp_path)
    assert sorted(tmp_path.rglob("*")) == before
