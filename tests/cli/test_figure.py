from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from netemu.cli.figure import parse_option, parse_options, parse_width_in
from netemu.cli.main import main
from netemu.errors import BadInput
from netemu.results.repeat import write_repeat
from netemu.results.summary import RunSummary
from tests.figures.test_output import digests
from tests.figures.traces import all_frames, write_run

REQUESTS = [
    {"name": "sequence", "figure": "time_sequence", "options": {"port": 5001}},
    {"name": "trips", "figure": "rtt", "options": {}},
]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", all_frames(), figures=REQUESTS)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_all_figures_of_a_run_are_made_again(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figure", str(stored)]) == 0
    assert names(stored / "figures") == [
        "sequence.pdf",
        "sequence.png",
        "sequence.svg",
        "sequence.xpl",
        "trips.pdf",
        "trips.png",
        "trips.svg",
    ]
    assert capsys.readouterr().out.splitlines()[0] == str(stored / "figures" / "sequence.pdf")


def test_one_figure_at_two_widths_elsewhere(stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = main(["figure", str(stored), "trips", "--width", "3.33in", "--width", "7in", "--out", str(out)])
    assert code == 0 and not (stored / "figures").exists()
    assert names(out) == [f"trips{w}.{s}" for w in ("-7in", "") for s in ("pdf", "png", "svg")]


def test_any_figure_of_netemu_may_be_asked_for_with_options(stored: Path) -> None:
    options = ["table=calls", "column=blocked_ns", "where.agent=web"]
    assert main(["figure", str(stored), "cdf", *(word for o in options for word in ("--option", o))]) == 0
    assert "cdf.pdf" in names(stored / "figures")


def test_the_list_names_stored_and_general_figures(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figure", str(stored), "--list"]) == 0
    out = capsys.readouterr().out
    assert "sequence  (time_sequence port=5001)" in out and "retransmissions" in out
    assert not (stored / "figures").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "no figure is called 'nope'; the run has sequence, trips; any run can have time_sequence"),
        (["--option", "port=1"], "--option needs the NAME"),
        (["trips", "--width", "3.33"], "--width '3.33' is not a length"),
        (["trips", "--width", "1in"], "--width '1in' is out of range"),
        (["trips", "--option", "port"], "--option 'port' is not KEY=VALUE"),
        (["trips", "--option", "port=1"], "figure 'trips': no connection matches"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(
    stored: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figure", str(stored), *words]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (stored / "figures").exists()


def test_a_place_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figure", str(tmp_path / "none")]) == 2
    assert "no such directory" in capsys.readouterr().err
    assert main(["figure", str(tmp_path), "rtt"]) == 2
    assert "no tables" in capsys.readouterr().err
    assert main(["figure", str(tmp_path)]) == 2
    assert "no manifest.json, so no run; name one of" in capsys.readouterr().err


def test_a_manifest_with_other_figures_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_run(tmp_path / "run", all_frames(), figures=[{"name": "a"}])
    assert main(["figure", str(root)]) == 2
    assert "manifest.json: figures: Object missing required field `figure`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "width_in"), [("3.33in", 3.33), ("7in", 7.0), ("85mm", 85 / 25.4), ("8.5cm", 8.5 / 2.54)]
)
def test_widths(text: str, width_in: float) -> None:
    assert parse_width_in(text) == pytest.approx(width_in)


def test_options_become_what_they_look_like() -> None:
    texts = ["port=5001", "start=1s", "window=false", "where.call=send", "where.agent=web", "title=a=b"]
    assert parse_options(texts) == {
        "port": 5001,
        "start": "1s",
        "window": False,
        "where": {"call": "send", "agent": "web"},
        "title": "a=b",
    }
    with pytest.raises(BadInput):
        parse_option("=1")


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    """The summary of two runs, as ``netemu run --repeat 2`` leaves it."""
    manifest = {"plan_digest": "0123456789ab", "parameters": {}, "figures": REQUESTS}
    runs = [write_run(tmp_path / "results" / "tiny" / name, all_frames(), **manifest) for name in ("a", "b")]
    summaries = [RunSummary("tiny", root, "host", seed, "valid", (), (), (), ()) for seed, root in enumerate(runs)]
    return write_repeat(summaries, tmp_path / "results").root


def test_figures_over_several_runs_are_made_again(repeated: Path, tmp_path: Path) -> None:
    assert main(["figure", str(repeated), "--out", str(tmp_path / "out")]) == 0
    assert digests(tmp_path / "out") == digests(repeated / "figures")
    assert "sequence.xpl" not in names(tmp_path / "out")


def test_any_figure_may_be_asked_for_over_several_runs(repeated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--option", "table=calls", "--option", "column=blocked_ns", "--width", "7in"]
    assert main(["figure", str(repeated), "cdf", *options]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(repeated / "figures" / "cdf-7in.pdf")
    assert main(["figure", str(repeated), "--list"]) == 0
    assert "sequence  (time_sequence port=5001)" in capsys.readouterr().out


def test_a_summary_whose_runs_are_gone_is_refused(repeated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(repeated.parent / "b")
    assert main(["figure", str(repeated)]) == 2
    error = capsys.readouterr().err
    assert "the run ../b (seed 1) has no tables any more" in error and error.count("\n") == 1
