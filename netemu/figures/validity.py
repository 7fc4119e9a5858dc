"""What a figure says of the run it is made from: nothing when the run is valid, plainly when it is not."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def validity_line(validity: str, reasons: tuple[str, ...], judgement: str = "") -> str:
    """``Degraded run: reason; reason``, behind it the judgement of a model; empty for a valid run of a real kernel."""
    said = []
    if validity != "valid":
        said.append(f"{validity.capitalize()} run: {'; '.join(reasons) if reasons else 'no reason recorded'}")
    if judgement:
        said.append(f"{judgement}: no real kernel was compared with this model")
    return "; ".join(said)


def mark_validity(figure: Figure, validity: str, reasons: tuple[str, ...], judgement: str = "") -> None:
    """Write the verdict below the axes of a degraded, void or unjudged run, and across the axes of a void one.

    Long reasons end in an ellipsis; the manifest has them whole.
    """
    from netemu.figures.style import VERMILLION

    text = validity_line(validity, reasons, judgement)
    if not text:
        return
    note_below(figure, text, VERMILLION, "bold")
    if validity == "void":
        for axes in figure.axes:
            axes.text(
                0.5,
                0.5,
                "VOID",
                transform=axes.transAxes,
                ha="center",
                va="center",
                rotation=20,
                fontsize=28,
                color=VERMILLION,
                alpha=0.25,
                weight="bold",
            )


def note_below(figure: Figure, text: str, colour: str, weight: str) -> None:
    """Write ``text`` below the axes, in two lines at most; a longer one ends in an ellipsis.

    The layout gives up the room the lines need, so that they cover nothing.
    """
    from netemu.figures.style import SMALL_PT

    width_pt = figure.get_figwidth() * 72.0
    lines = textwrap.wrap(text, width=int(width_pt / (SMALL_PT * 0.66)), max_lines=2, placeholder=" …")
    height = (len(lines) * SMALL_PT * 1.25 + 3.0) / (figure.get_figheight() * 72.0)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0.0, height, 1.0, 1.0 - height))
    figure.text(0.01, 0.004, "\n".join(lines), ha="left", va="bottom", fontsize=SMALL_PT, color=colour, weight=weight)
