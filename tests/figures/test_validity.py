from __future__ import annotations

import polars as pl
import pytest

from netemu.figures import FigureSpec, draw
from netemu.figures.validity import validity_line
from tests.figures.traces import run_of


def texts(frames: dict[str, pl.DataFrame], validity: str, *reasons: str) -> list[str]:
    figure = draw(FigureSpec("a", "window"), run_of(frames, validity=validity, reasons=reasons), width_in=3.33)
    return [text.get_text() for text in [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]]


def test_a_valid_run_says_nothing(frames: dict[str, pl.DataFrame]) -> None:
    assert texts(frames, "valid") == []


def test_a_degraded_run_says_why(frames: dict[str, pl.DataFrame]) -> None:
    assert texts(frames, "degraded", "lag", "drops") == ["Degraded run: lag; drops"]


def test_a_void_run_is_crossed_out_on_every_axes(frames: dict[str, pl.DataFrame]) -> None:
    assert sorted(texts(frames, "void")) == ["VOID", "VOID", "Void run: no reason recorded"]


def test_long_reasons_end_in_an_ellipsis(frames: dict[str, pl.DataFrame]) -> None:
    (line,) = texts(frames, "degraded", "a very long reason " * 20)
    assert line.count("\n") == 1 and line.endswith("…")


@pytest.mark.parametrize(("validity", "line"), [("valid", ""), ("void", "Void run: x")])
def test_line(validity: str, line: str) -> None:
    assert validity_line(validity, ("x",)) == line


def test_an_unjudged_model_is_named_whatever_the_verdict() -> None:
    assert validity_line("valid", (), "unjudged") == "unjudged: no real kernel was compared with this model"
    assert validity_line("degraded", ("busy",), "unjudged").startswith("Degraded run: busy; unjudged: ")
