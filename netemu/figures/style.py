"""The one paper style: widths, font, palette, axes. Nothing else sets how a figure looks.

Colours are those of Okabe and Ito (2008), told apart by people with any colour vision. Whatever is told by colour
is told by marker, line style or position too, so that a figure stays readable in grey.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from netemu.errors import BadInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_WIDTH_IN = 3.33
PAGE_WIDTH_IN = 7.0

BLACK = "#000000"
GREY = "#7F7F7F"
ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"

SMALL_PT = 7.0
TEXT_PT = 7.5

RASTER_ABOVE = 20_000
"""A layer of more marks than this is drawn as a 600 dpi picture inside the vector file, which stays small."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one thing looks in every figure; ``line`` is a Matplotlib line style."""

    label: str
    colour: str
    marker: str
    line: Any


RETRANSMISSIONS: dict[str, Look] = {
    "timeout": Look("timeout", VERMILLION, "s", "-"),
    "fast": Look("fast", BLUE, "^", "-"),
    "tail_loss_probe": Look("tail loss probe", SKY_BLUE, "D", "-"),
    "syn": Look("SYN", GREY, ">", "-"),
    "syn_ack": Look("SYN-ACK", BLACK, "<", "-"),
    "fin": Look("FIN", PURPLE, "v", "-"),
}
"""The six classes of retransmission (SEGMENT_KINDS 2..7), in their order."""

DROPS: dict[str, Look] = {
    "drop_list": Look("listed", BLACK, "x", "-"),
    "drop_loss": Look("random", BLACK, "+", "-"),
    "drop_queue": Look("queue full", BLACK, "|", "-"),
}
"""What a wire's account calls a drop, in its order."""

SERIES: tuple[Look, ...] = (
    Look("", BLACK, "o", "-"),
    Look("", ORANGE, "s", (0, (4, 1.2))),
    Look("", BLUE, "^", (0, (1, 1))),
    Look("", GREEN, "D", (0, (4, 1.2, 1, 1.2))),
    Look("", VERMILLION, "v", (0, (2, 1))),
    Look("", PURPLE, "P", (0, (6, 1.2, 1, 1.2, 1, 1.2))),
    Look("", SKY_BLUE, "X", (0, (8, 2))),
)
"""Looks for several series in one axes, told apart by dash pattern as well as by colour."""

_RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # shipped with Matplotlib, free to embed
    "mathtext.fontset": "dejavusans",
    "font.size": TEXT_PT,
    "axes.titlesize": 8.0,
    "axes.labelsize": TEXT_PT,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "legend.fontsize": SMALL_PT,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "netemu",
    "pdf.compression": 6,
    "figure.titleweight": "normal",
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "axes.axisbelow": True,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 0.9,
    "lines.markersize": 3.0,
    "lines.markeredgewidth": 0.6,
    "legend.frameon": False,
    "legend.borderpad": 0.0,
    "legend.borderaxespad": 0.2,
    "legend.handlelength": 1.6,
    "legend.handletextpad": 0.4,
    "legend.columnspacing": 1.0,
    "legend.labelspacing": 0.25,
    "agg.path.chunksize": 10_000,
    "path.simplify": True,
    "path.simplify_threshold": 0.111111,
}


@contextmanager
def paper_style() -> Iterator[None]:
    """Matplotlib's own defaults with this style on top, whatever the user's matplotlibrc says; restored after."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(cast("Any", _RC))
        yield


def new_figure(width_in: float, *, height_in: float | None = None) -> Figure:
    """An empty figure ``width_in`` wide, its layout solved so that nothing overlaps or is cut off.

    The height is a function of the width: a column figure is 0.68 times as high as wide, a page figure flatter.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not 2.0 <= width_in <= 20.0:
        raise BadInput(f"width {width_in:g} in is out of range; use 2 to 20 in, such as 3.33in or 7in")
    figure = Figure(figsize=(width_in, height_in or width_in * (0.70 if width_in < 5 else 0.46)), layout="constrained")
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.02, h_pad=0.02, wspace=0.0, hspace=0.02)
    FigureCanvasAgg(figure)
    return figure


def settle(figure: Figure) -> None:
    """Solve the layout, once for all formats, and fix it.

    The solver's last bits depend on where its variables lie in memory; rounded to a millionth of the figure, the places
    of the axes are the same each time, and so are the files.
    """
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(Bbox(axes.get_position(original=True).get_points().round(6)))


def head(figure: Figure, title: str | None, keys: Sequence[tuple[Any, str]]) -> None:
    """The title, if there is one, and a legend below it, both above the axes and never over data.

    ``keys`` are (artist or tuple of artists side by side, label), in as few rows as the width allows.
    """
    from matplotlib.legend_handler import HandlerTuple

    if not keys:
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=8.0)
        return
    width_pt = figure.get_figwidth() * 72.0 - 10.0
    texts = [label for _, label in keys]
    columns = len(texts)
    while columns > 1 and _legend_width_pt(texts, columns) > width_pt:
        columns -= 1
    figure.legend(
        [key for key, _ in keys],
        texts,
        loc="outside upper left",
        ncols=columns,
        title=title,
        title_fontsize=8.0,
        alignment="left",
        handler_map={tuple: HandlerTuple(ndivide=None, pad=0.3)},
    )


def _legend_width_pt(texts: list[str], columns: int) -> float:
    """Width of a legend of ``texts`` in ``columns``, filled column by column as Matplotlib does."""
    rows, longer = divmod(len(texts), columns)
    width, index = 0.0, 0
    for column in range(columns):
        count = rows + (1 if column < longer else 0)
        longest = max((_text_width_pt(text) for text in texts[index : index + count]), default=0.0)
        width += longest + SMALL_PT * (1.6 + 0.4 + 1.0)
        index += count
    return width


@cache
def _text_width_pt(text: str) -> float:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family="DejaVu Sans", size=SMALL_PT)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def light_grid(axes: Axes, *, axis: Any = "y") -> None:
    """Faint lines to read values along ``axis``."""
    axes.grid(True, axis=axis, color="#E0E0E0", linewidth=0.4)
