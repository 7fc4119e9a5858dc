"""What is told of two runs: the first difference with its context, side by side."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from netemu.compare.describe import as_json, first_text, flows_as_json, text_of
from netemu.compare.runs import RunDiff, diff_runs
from tests.compare.runs_by_hand import run_directory
from tests.figures.traces import all_frames


@pytest.fixture
def diff(tmp_path: Path) -> RunDiff:
    """B lacks the client's 12th packet, and advertises another window later."""
    frames = all_frames()
    frames["packets"] = frames["packets"].filter(pl.col("frame") != 12)
    return diff_runs(run_directory(tmp_path / "a"), run_directory(tmp_path / "b", frames), tolerance_ns=0)


def test_the_object_is_plain_data_and_names_the_difference(diff: RunDiff) -> None:
    told = json.loads(json.dumps(as_json(diff)))
    assert told["first"]["differs"] == ["only in A"]
    assert (told["first"]["flow"], told["first"]["direction"]) == ("bulk", "a_to_b")
    marked = [packet for packet in told["first"]["packets"] if packet["first"]]
    assert [(packet["a"]["frame"], packet["b"]) for packet in marked] == [(12, None)]
    assert len(told["first"]["packets"]) == 7
    assert told["first"]["sender_a"][0]["snd_cwnd_segments"] > 0
    assert sum(stream["only_a"] for stream in told["streams"]) == 1


def test_the_text_has_both_sides_the_state_and_the_verdict(diff: RunDiff) -> None:
    lines = text_of(diff, context=1).splitlines()
    (marked,) = [line for line in lines if line.startswith("> ")]
    assert "#12" in marked and marked.endswith("only in A") and "| -" in marked
    assert any("ca_state Open" in line for line in lines if line.startswith("  B "))
    assert lines[-1].startswith("identical_ratio 0.99") and lines[-1].endswith(": different")


def test_equal_runs_tell_no_difference(tmp_path: Path) -> None:
    diff = diff_runs(run_directory(tmp_path / "a"), run_directory(tmp_path / "b"))
    assert as_json(diff)["first"] is None
    assert text_of(diff).endswith("identical_ratio 1.000000: identical")
    assert "times are not compared" in text_of(diff)


def test_a_flow_tells_in_what_it_differs_how_often_and_where_first(diff: RunDiff) -> None:
    (flow,) = flows_as_json(diff, context=1)
    assert (flow["flow"], flow["only_a"], flow["only_b"]) == ("bulk", 1, 0)
    assert 0.9 < flow["identical_ratio"] < 1
    text = list(first_text(flow["first"]))
    assert "only in A" in text[0]
    assert sum(line.startswith("> ") for line in text) == 1
    assert any(line.startswith("  B ") and "ca_state Open" in line for line in text)
    assert set(text) <= set(text_of(diff, context=1).splitlines())


def test_equal_flows_have_no_first_difference(tmp_path: Path) -> None:
    diff = diff_runs(run_directory(tmp_path / "a"), run_directory(tmp_path / "b"))
    (flow,) = flows_as_json(diff)
    assert flow["first"] is None and flow["identical_ratio"] == 1.0 and flow["fields"] == {}
