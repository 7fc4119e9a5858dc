"""Figures over several runs."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec
from netemu.figures.compared import KINDS, ComparedSpec, LabelledRun, compared_specs, make_compared
from tests.figures.traces import all_frames, run_of


def runs(*labels: str) -> list[LabelledRun]:
    return [LabelledRun(label, run_of(all_frames())) for label in labels]


def svg_titles(directory: Path, name: str) -> str:
    return (directory / f"{name}.svg").read_text()


def test_what_the_experiment_shows_decides_what_is_compared() -> None:
    here = {"port": 5001, "capture": "h1-eth0"}
    asked = [
        FigureSpec("zoom", "time_sequence", {**here, "start": "1s"}),
        FigureSpec("rtt", "rtt", here),
        FigureSpec("other", "window", {"port": 80}),
        FigureSpec("all", "cdf", {"table": "calls", "column": "blocked_ns"}),
    ]
    assert [(spec.name, spec.kind) for spec in compared_specs(asked)] == [
        ("zoom", "panels"),
        ("delivered-zoom", "delivered"),
        ("cwnd-zoom", "cwnd"),
        ("delivered-other", "delivered"),
        ("cwnd-other", "cwnd"),
    ]
    assert [spec.options for spec in compared_specs([])] == [{"pick": "largest"}] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_made_twice_the_bytes_are_equal(kind: str, tmp_path: Path) -> None:
    spec = ComparedSpec("x", kind)
    one = make_compared([spec], runs("a", "b", "c"), tmp_path / "1", widths_in=(3.33, 7.0))
    two = make_compared([spec], runs("a", "b", "c"), tmp_path / "2", widths_in=(3.33, 7.0))
    assert [path.name for path in one] == [f"x{w}.{s}" for w in ("", "-7in") for s in ("pdf", "svg", "png")]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_panels_share_their_axes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from netemu.figures import compared

    figure = compared._panels(ComparedSpec("x", "panels"), runs("a", "b"), 3.33)
    first, second = figure.axes
    assert (first.get_xlim(), first.get_ylim()) == (second.get_xlim(), second.get_ylim())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["a", "b"]


def test_the_lowest_panel_of_each_column_tells_the_time() -> None:
    from netemu.figures import compared

    figure = compared._panels(ComparedSpec("x", "panels"), runs("a", "b", "c"), 7.0)
    shown = [axes.xaxis.get_tick_params()["labelbottom"] for axes in figure.axes if axes.get_visible()]
    assert shown == [False, True, True]


def test_a_connection_that_a_run_does_not_have_is_said() -> None:
    from netemu.figures import compared

    frames = all_frames()
    frames["connections"] = frames["connections"].with_columns(server=pl.lit("10.0.1.1:9"))
    both = [*runs("a"), LabelledRun("b", run_of(frames))]
    spec = ComparedSpec("x", "panels", {"port": 5001})
    panels = compared._panels(spec, both, 3.33)
    assert [text.get_text() for text in panels.axes[1].texts] == ["no such connection in this run"]
    lines = compared._delivered(spec, both, 3.33)
    assert [text.get_text() for text in lines.legends[0].get_texts()] == ["a", "b (no such connection)"]


def test_a_connection_that_no_run_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"figure 'x': no run has anything to show: a: .*; b: "):
        make_compared([ComparedSpec("x", "cwnd", {"port": 9})], runs("a", "b"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_samples_of_all_runs_the_bytes_in_flight_are_drawn() -> None:
    from netemu.figures import compared

    frames = {name: frame for name, frame in all_frames().items() if name != "sockets"}
    both = [*runs("a"), LabelledRun("b", run_of(frames))]
    assert compared._cwnd(ComparedSpec("x", "cwnd"), runs("a", "b"), 3.33).axes[0].get_ylabel() == (
        "Congestion window (kB)"
    )
    assert compared._cwnd(ComparedSpec("x", "cwnd"), both, 3.33).axes[0].get_ylabel() == "In flight (kB)"


def test_the_reservations_of_each_run_are_told(tmp_path: Path) -> None:
    worse = LabelledRun("b", run_of(all_frames(), validity="degraded", reasons=("busy",)))
    make_compared([ComparedSpec("x", "cwnd")], [*runs("a"), worse], tmp_path)
    assert "Degraded run: b: busy" in svg_titles(tmp_path, "x")
