"""Files over several runs: the same bytes each time, and what they are over in their metadata."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.errors import BadInput
from netemu.figures import FigureSpec
from netemu.figures.repeated import REPEATED, SeveralRuns
from netemu.figures.repeated.output import make_repeated_figures
from tests.figures.repeated.test_registry import OPTIONS
from tests.figures.test_output import digests


def test_two_makings_are_equal_to_the_byte(runs: SeveralRuns, tmp_path: Path) -> None:
    specs = [FigureSpec(name, name, OPTIONS.get(name, {})) for name in REPEATED]
    made = [make_repeated_figures(specs, runs, tmp_path / out) for out in ("a", "b")]
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert len(made[0]) == 3 * len(REPEATED)
    for path in made[0]:
        assert b"3 runs, all valid" in path.read_bytes()


def test_widths_stand_side_by_side(runs: SeveralRuns, tmp_path: Path) -> None:
    paths = make_repeated_figures([FigureSpec("one", "cdf", OPTIONS["cdf"])], runs, tmp_path, widths_in=[3.33, 7.0])
    assert [path.name for path in paths] == [f"one{w}.{s}" for w in ("", "-7in") for s in ("pdf", "svg", "png")]


def test_one_bad_request_writes_nothing(runs: SeveralRuns, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        make_repeated_figures([FigureSpec("a", "rtt"), FigureSpec("b", "rtt", {"port": 1})], runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()
