from __future__ import annotations

import pytest

from netemu.errors import BadInput
from netemu.figures import FIGURES, FigureSpec, RunTables, allowed_options, check_names, check_spec, draw


@pytest.mark.parametrize("figure", sorted(set(FIGURES) - {"cdf"}))
def test_every_figure_can_be_drawn_by_name(run: RunTables, figure: str) -> None:
    drawn = draw(FigureSpec("one", figure), run, width_in=5.0)
    assert drawn.get_figwidth() == 5.0 and drawn.axes


def test_an_unknown_figure_or_option_is_refused_with_what_there_is(run: RunTables) -> None:
    with pytest.raises(BadInput, match=r"figure 'a': no figure is called 'tsg'; there are arrival, cdf, .*window"):
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


@pytest.mark.parametrize(
    ("figure", "options", "message"),
    [
        ("tsg", {}, "no figure is called 'tsg'"),
        ("rtt", {"colour": "red"}, "rtt has no option 'colour'"),
        ("rtt", {"scale": "banana"}, "scale 'banana' is none of auto, linear, log"),
        ("rtt", {"start": "banana"}, "start: 'banana' is not a time"),
        ("window", {"start": "2s", "stop": "1s"}, "stop '1s' is not after start '2s'"),
        ("rtt", {"pick": "best"}, "pick 'best' is none of"),
        ("rtt", {"direction": "up"}, "direction 'up' is neither"),
        ("cdf", {"table": "calls"}, "cdf needs the option 'column'"),
        ("cdf", {"table": "zz", "column": "t_ns"}, "no table is called 'zz'"),
        ("cdf", {"table": "calls", "column": "zz"}, "table 'calls' has no column 'zz'"),
        ("cdf", {"table": "calls", "column": "call"}, "column 'call' of table 'calls' holds no numbers"),
        ("cdf", {"table": "calls", "column": "blocked_ns", "by": "zz"}, "table 'calls' has no column 'zz'"),
        ("cdf", {"table": "calls", "column": "blocked_ns", "where": "send"}, "where is 'send'"),
    ],
)
def test_what_no_run_can_make_good_is_refused_without_one(figure: str, options: dict, message: str) -> None:
    with pytest.raises(BadInput, match=f"figure 'a': {message}"):
        check_spec(FigureSpec("a", figure, options))


def test_names_must_differ_and_fit_for_files() -> None:
    check_names(["a", "b-1.x"])
    for names in (["a", "a"], ["../x"], [""], [".a"]):
        with pytest.raises(BadInput):
            check_names(names)
