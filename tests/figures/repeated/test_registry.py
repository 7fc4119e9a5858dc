"""Every figure has a version over several runs, with the same options, that says what it is over."""

from __future__ import annotations

import importlib
import inspect

import pytest

from netemu.errors import BadInput
from netemu.figures import FIGURES, FigureSpec
from netemu.figures.repeated import REPEATED, SeveralRuns, draw_repeated
from tests.figures.repeated.conftest import transfer

OPTIONS = {"cdf": {"table": "calls", "column": "blocked_ns", "by": "agent"}}


def test_every_figure_has_one() -> None:
    assert set(REPEATED) == set(FIGURES)


@pytest.mark.parametrize("name", REPEATED)
def test_a_request_for_one_run_is_one_for_several(name: str) -> None:
    """An experiment's requests are stored once and drawn both ways."""
    one, several = (
        inspect.signature(importlib.import_module(table[name][0]).draw).parameters for table in (FIGURES, REPEATED)
    )
    assert list(one)[1:] == list(several)[1:]


@pytest.mark.parametrize("width_in", [3.33, 7.0])
@pytest.mark.parametrize("name", REPEATED)
def test_each_says_how_many_runs_it_is_over(name: str, width_in: float) -> None:
    runs = SeveralRuns((transfer(), transfer(5.0, validity="degraded", reasons=("busy",))), void=1)
    figure = draw_repeated(FigureSpec("a", name, OPTIONS.get(name, {})), runs, width_in=width_in)
    words = [" ".join(text.get_text().split()) for text in figure.texts]
    assert "2 runs, 1 of them degraded (busy); 1 void run left out" in words


def test_mistakes_name_the_figure(runs: SeveralRuns) -> None:
    with pytest.raises(BadInput, match="figure 'a': rtt has no option 'colour'"):
        draw_repeated(FigureSpec("a", "rtt", {"colour": 1}), runs, width_in=3.33)
