"""The command: what it refuses, lists and prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netemu.cli.main import main
from netemu.fidelity import measure
from netemu.fidelity.table import Captures, Row, Table
from netemu.fidelity.times import Times


def row(ratio: float) -> Row:
    head = ("bulk", ("M01",), "uml:7.2?time=virtual", "model:linux-7", "abc")
    return Row(*head, 10, ratio, None, {}, Times(), "", Captures("/r", "/m"))


def use(monkeypatch: pytest.MonkeyPatch, ratio: float) -> list[Any]:
    calls: list[Any] = []

    def fake(scenarios: Any, kernels: Any, out: Path, **more: Any) -> tuple[Table, Path]:
        calls.append(([one.name for one in scenarios], kernels, out, more["seed"]))
        return Table((row(ratio),)), out / "fidelity" / "x"

    monkeypatch.setattr(measure, "measure", fake)
    return calls


def test_a_table_that_reaches_what_is_asked_gives_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = use(monkeypatch, 1.0)
    assert main(["fidelity", "--kernel", "7.2", "--only", "bulk", "--out", "there"]) == 0
    assert calls == [(["bulk"], {"7.2": "model:linux-7"}, Path("there"), None)]
    out = capsys.readouterr().out
    assert "average 100.00% of 1 scenarios" in out
    assert out.endswith("there/fidelity/x/fidelity.txt\n  there/fidelity/x/fidelity.json\n")


def test_one_that_falls_short_gives_1_and_json_is_one_object(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = use(monkeypatch, 0.95)
    assert main(["fidelity", "--seed", "3", "--count", "2", "--json"]) == 1
    assert calls[0][0] == ["seed3_0", "seed3_1"]
    assert calls[0][3] == 3
    content = json.loads(capsys.readouterr().out)
    assert content["scenarios"][0]["identical_ratio"] == 0.95
    assert content["directory"].endswith("fidelity/x")


def test_scenarios_are_listed_with_what_they_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fidelity", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["bulk", "M01"]
    assert len(lines) >= 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", "3"], "--count: it says how many scenarios of --seed"),
        (["--seed", "0"], "--seed 0: write a number from 1 on"),
        (["--jobs", "0"], "--jobs 0: write a number from 1 on"),
        (["--only", "nothing"], "--only 'nothing': there is no such scenario"),
        (["--kernel", "6.6"], "--kernel '6.6': no model is judged by it"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fidelity", *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"netemu: error: {message}")
    assert len(errors.splitlines()) == 1
