"""What several runs come to, stored beside them, and drawn again from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from netemu.errors import BadInput
from netemu.results import store
from netemu.results.repeat import is_repeat, repeat_text, several_runs, stored_figures, write_repeat
from netemu.results.summary import ClaimSummary, RunSummary
from tests.figures.traces import all_frames, write_run

FIGURES = [{"name": "trips", "figure": "rtt", "options": {"port": 5001}}]


def made(results: Path, seed: int, value: float, validity: str = "valid", figures: Any = FIGURES) -> RunSummary:
    """A finished run on disk, whose one claim has ``value``; a void one has no tables and judged nothing."""
    reasons = [] if validity == "valid" else ["busy"]
    manifest = {"plan_digest": f"00000000000{seed}", "parameters": {"size": 1}, "figures": figures}
    root = write_run(
        results / "tiny" / f"2026010{seed}T000000Z-00000000000{seed}",
        {} if validity == "void" else all_frames(),
        validity=validity,
        reasons=reasons,
        **manifest,
    )
    if validity == "void":
        (root / "tables").rmdir()
    claims = () if validity == "void" else (ClaimSummary("it is 2", "2 s", f"{value} s", value == 2.0, value),)
    return RunSummary("tiny", root, "host", seed, validity, tuple(reasons), claims, (), ())


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def test_the_summary_counts_and_names_its_runs(results: Path) -> None:
    runs = [made(results, 1, 2.0), made(results, 2, 4.0, "degraded"), made(results, 3, 0.0, "void")]
    repeat = write_repeat(runs, results)
    assert repeat.root.parent == (results / "tiny").resolve()
    assert repeat.root.name.partition("-")[2] == "repeat-000000000001"
    stored = json.loads((repeat.root / "repeat.json").read_text())
    assert stored["validity"] == {"valid": 1, "degraded": 1, "void": 1}
    assert {key: value for key, value in stored["runs"][1].items() if key != "digests"} == {
        "directory": "../20260102T000000Z-000000000002",
        "seed": 2,
        "validity": "degraded",
        "reasons": ["busy"],
    }
    assert (stored["experiment"], stored["kernel"], stored["parameters"]) == ("tiny", "host", {"size": 1})
    (claim,) = stored["claims"]
    assert {key: claim[key] for key in ("name", "runs", "holds", "fails", "not_observable", "n", "mean")} == {
        "name": "it is 2",
        "runs": 2,
        "holds": 1,
        "fails": 1,
        "not_observable": 0,
        "n": 2,
        "mean": 3.0,
    }
    assert claim["half_width"] == pytest.approx(12.706)  # s = sqrt(2), n = 2


def test_different_results_are_counted_by_their_digests(results: Path) -> None:
    runs = [made(results, seed, 2.0, "void" if seed == 4 else "valid") for seed in (1, 2, 3, 4)]
    for run, packets in zip(runs, (b"a", b"a", b"b", b"c"), strict=True):
        (run.run / "captures").mkdir()
        (run.run / "captures" / "h1-eth0.pcapng").write_bytes(packets)
    over_runs = (ClaimSummary("one hash", "1", "2", False, 2.0), ClaimSummary("unseen", "", "real time", None, None))
    repeat = write_repeat(runs, results, over_runs)
    assert sorted(repeat.digests["captures"].values()) == [1, 2]
    assert sorted(repeat.digests["everything"].values()) == [1, 1, 1]  # their manifests name three plans
    stored = json.loads((repeat.root / "repeat.json").read_text())
    assert stored["digests"] == repeat.digests and stored["busy_loops"] == 0
    assert stored["runs"][0]["digests"]["captures"] == stored["runs"][1]["digests"]["captures"]
    assert stored["runs"][3]["digests"] == {}
    assert [(claim["name"], claim["holds"]) for claim in stored["claims_over_runs"]] == [
        ("one hash", False),
        ("unseen", None),
    ]
    assert repeat.failed == ["tiny: the claim 'one hash' does not hold over these runs: measured 2, expected 1"]
    text = repeat_text(repeat)
    assert "  captures: 2 distinct in 3 runs\n" in text and "FAILS" in text
    assert str(repeat.root / "repeat.json") in text


def test_one_result_is_named_by_its_digest(results: Path) -> None:
    runs = [made(results, 1, 2.0), made(results / "again", 1, 2.0)]
    repeat = write_repeat(runs, results)
    (found,) = repeat.digests["everything"]
    assert repeat.digests["captures"] == {}
    assert f"  everything: 1 distinct in 2 runs (sha256 {found[:12]}...)" in repeat_text(repeat)


def test_figures_lie_beside_it_and_are_listed(results: Path) -> None:
    repeat = write_repeat([made(results, 1, 2.0), made(results, 2, 2.0)], results)
    assert [path.relative_to(repeat.root).as_posix() for path in repeat.files] == [
        *(f"figures/trips.{suffix}" for suffix in ("pdf", "png", "svg")),
        "repeat.json",
    ]
    assert repeat.not_drawn == {}
    assert is_repeat(repeat.root) and not is_repeat(results)
    assert [spec.name for spec in stored_figures(repeat.root)] == ["trips"]


def test_a_moved_results_root_still_knows_its_runs(results: Path, tmp_path: Path) -> None:
    repeat = write_repeat([made(results, 1, 2.0), made(results, 2, 2.0)], results)
    results.rename(tmp_path / "elsewhere")
    runs = several_runs(tmp_path / "elsewhere" / "tiny" / repeat.root.name)
    assert len(runs.tables) == 2 and runs.void == 0


def test_one_usable_run_has_no_figures_and_says_why(results: Path) -> None:
    repeat = write_repeat([made(results, 1, 0.0, "void"), made(results, 2, 2.0)], results)
    assert repeat.not_drawn == {
        "trips": "a figure over several runs needs two that are not void; there are 1 and 1 void"
    }
    assert [path.name for path in repeat.files] == ["repeat.json"]
    with pytest.raises(BadInput, match="needs two that are not void; there are 1 and 1 void"):
        several_runs(repeat.root)


def test_a_figure_that_cannot_be_made_is_named_and_the_others_are_there(results: Path) -> None:
    figures = [*FIGURES, {"name": "none", "figure": "rtt", "options": {"port": 1}}]
    repeat = write_repeat([made(results, seed, 2.0, figures=figures) for seed in (1, 2)], results)
    assert set(repeat.not_drawn) == {"none"} and "no connection matches" in repeat.not_drawn["none"]
    assert json.loads((repeat.root / "repeat.json").read_text())["not_drawn"] == repeat.not_drawn
    assert (repeat.root / "figures" / "trips.pdf").is_file()


def test_what_cannot_be_completed_leaves_nothing(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [made(results, seed, 2.0) for seed in (1, 2)]
    monkeypatch.setattr(store, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_repeat(runs, results)
    assert sorted(path.name for path in (results / "tiny").iterdir()) == sorted(one.run.name for one in runs)


def interrupted(recording: Any) -> None:
    raise KeyboardInterrupt


def test_a_run_that_is_gone_is_named(results: Path) -> None:
    runs = [made(results, 1, 2.0), made(results, 2, 2.0)]
    repeat = write_repeat(runs, results)
    shutil.rmtree(runs[1].run / "tables")
    with pytest.raises(BadInput, match=r"repeat.json: the run \.\./20260102T.* \(seed 2\) has no tables any more at /"):
        several_runs(repeat.root)


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "repeat.json").write_text("{}")
    with pytest.raises(BadInput, match=r"repeat\.json: Object missing required field `runs`"):
        several_runs(tmp_path)
