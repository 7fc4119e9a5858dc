from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from netemu.figures import FIGURES, FigureSpec, RunTables, draw
from netemu.figures.style import DROPS, RETRANSMISSIONS, SERIES, new_figure, paper_style, settle
from netemu.recording.tables import SEGMENT_KINDS

CDF = {"table": "calls", "column": "blocked_ns", "by": "agent"}


def test_every_class_of_retransmission_has_a_look_of_its_own() -> None:
    assert tuple(RETRANSMISSIONS) == SEGMENT_KINDS[2:8]
    for one, other in combinations(RETRANSMISSIONS.values(), 2):
        assert one.colour != other.colour and one.marker != other.marker
    assert len({look.marker for look in DROPS.values()}) == len(DROPS)


def test_series_differ_by_line_and_marker_not_by_colour_alone() -> None:
    for one, other in combinations(SERIES, 2):
        assert one.line != other.line and one.marker != other.marker and one.colour != other.colour


def test_the_style_is_left_as_it_was() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    with paper_style():
        assert matplotlib.rcParams["pdf.fonttype"] == 42 and matplotlib.rcParams["ps.fonttype"] == 42
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("width_in", [3.33, 7.0])
@pytest.mark.parametrize("figure", sorted(FIGURES))
def test_text_is_legible_and_whole_and_nothing_overlaps(run: RunTables, figure: str, width_in: float) -> None:
    options = {"title": "A title", **(CDF if figure == "cdf" else {})}
    drawn: Any = draw(FigureSpec("a", figure, options), run, width_in=width_in)
    with paper_style():
        drawn.canvas.draw()
    texts = list(drawn_texts(drawn))
    assert "A title" in [text.get_text() for text in texts]
    assert min(text.get_fontsize() for text in texts) >= 7.0
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    for label, box in boxes:
        assert box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= drawn.bbox.x1 + 0.5 and box.y1 <= drawn.bbox.y1 + 0.5, (
            label
        )
    for (one, a), (other, b) in combinations(boxes, 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(overlap) <= 1.0, f"{one!r} lies over {other!r}"
    for legend in drawn.legends:
        bottom = legend.get_window_extent().y0
        assert all(axes.get_window_extent().y1 <= bottom for axes in drawn.axes), "the legend lies over an axes"


def drawn_texts(figure: Any) -> Iterator[Any]:
    """Every text that is drawn: ticks beyond an axis's view keep a label that is not."""
    from matplotlib.text import Text

    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not low <= tick.get_loc() <= high:
                    hidden |= {tick.label1, tick.label2}
    for text in figure.findobj(Text):
        if text not in hidden and text.get_visible() and text.get_text().strip():
            yield text


def test_a_settled_layout_is_the_same_to_the_last_bit() -> None:
    """The solver's result is not: its last bits follow the addresses of its variables."""

    def places() -> list[tuple[float, ...]]:
        with paper_style():
            figure = new_figure(3.33)
            for axes in figure.subplots(2, 1, sharex=True, height_ratios=[1.0, 2.0]):
                axes.set_ylabel("Bytes (kB)")
            settle(figure)
            figure.draw_without_rendering()
        return [axes.get_position().bounds for axes in figure.axes]

    found = places()
    corners = [bounds[0:2] for bounds in found]
    assert corners == [tuple(round(value, 6) for value in corner) for corner in corners]
    assert all(places() == found for _ in range(20))
