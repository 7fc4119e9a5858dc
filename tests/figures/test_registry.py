from __future__ import annotations

import pytest

from netemu.errors import BadInput
from netemu.figures import FIGURES, FigureSpec, RunTables, allowed_options, draw


@pytest.mark.parametrize("figure", sorted(set(FIGURES) - {"cdf"}))
def test_every_figure_can_be_drawn_by_name(run: RunTables, figure: str) -> None:
    drawn = draw(FigureSpec("one", figure), run, width_in=5.0)
    assert drawn.get_figwidth() == 5.0 and drawn.axes


def test_an_unknown_figure_or_option_is_refused_with_what_there_is(run: RunTables) -> None:
    with pytest.raises(BadInput, match=r"figure 'a': no figure is called 'tsg'; there are cdf, .*window"):
        draw(FigureSpec("a", "tsg"), run, width_in=3.33)
    with pytest.raises(BadInput, match=r"figure 'a': rtt has no option 'colour'; it takes .*scale.*port"):
        draw(FigureSpec("a", "rtt", {"colour": "red"}), run, width_in=3.33)


def test_an_option_that_a_figure_needs_is_named(run: RunTables) -> None:
    with pytest.raises(BadInput, match="cdf needs the option 'table'"):
        draw(FigureSpec("a", "cdf"), run, width_in=3.33)


def test_a_switch_must_be_true_or_false(run: RunTables) -> None:
    with pytest.raises(BadInput, match="option window is 'no'"):
        draw(FigureSpec("a", "time_sequence", {"window": "no"}), run, width_in=3.33)


def test_errors_of_a_figure_name_the_request(run: RunTables) -> None:
    with pytest.raises(BadInput, match="figure 'a': no connection matches"):
        draw(FigureSpec("a", "rtt", {"port": 1}), run, width_in=3.33)


@pytest.mark.parametrize("width_in", [0.5, 30.0])
def test_absurd_widths_are_refused(run: RunTables, width_in: float) -> None:
    with pytest.raises(BadInput, match="out of range"):
        draw(FigureSpec("a", "rtt"), run, width_in=width_in)


def test_allowed_options_hold_the_selection() -> None:
    assert {"scale", "start", "stop", "title", "client", "server", "port", "capture"} <= set(allowed_options("rtt"))
