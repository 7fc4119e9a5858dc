"""``netemu diff``: exit codes as diff has them, text and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from netemu.cli import main
from tests.compare.runs_by_hand import run_directory
from tests.figures.traces import all_frames


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    frames = all_frames()
    frames["packets"] = frames["packets"].with_columns(
        window_bytes=pl.when(pl.col("frame") == 40).then(1).otherwise("window_bytes")
    )
    return str(run_directory(tmp_path / "a")), str(run_directory(tmp_path / "b", frames))


def test_equal_runs_give_0(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["diff", pair[0], pair[0]]) == 0
    assert capsys.readouterr().out.endswith("identical\n")


def test_different_runs_give_1_and_name_the_field(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["diff", *pair]) == 1
    out, err = capsys.readouterr()
    assert ": window\n" in out and err == ""


def test_what_is_ignored_does_not_count(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["diff", *pair, "--ignore", "window", "--tolerance", "0"]) == 0
    assert "times are compared exactly; left out: window" in capsys.readouterr().out


def test_json_is_one_object(pair: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["diff", *pair, "--json", "--flow", "bulk", "--capture", "h1-eth0", "--tolerance", "1ms"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["tolerance_ns"] == 1_000_000
    assert told["first"]["differs"] == ["window"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tolerance", "soon"], "soon"),
        (["--context", "-1"], "--context -1"),
        (["--flow", "x"], "no connection of a flow 'x'"),
        (["--ignore", "x"], "--ignore 'x'"),
    ],
)
def test_a_mistake_is_one_line(
    pair: tuple[str, str], options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["diff", *pair, *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
