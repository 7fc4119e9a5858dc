"""The time-sequence graph of one direction of a connection, with tcptrace's conventions.

Data segments are vertical bars from their first to their last sequence number; the ACK line steps below them and
the line of the advertised window above; SACK blocks are bars at the time of the ACK that carried them. Marks:
R retransmission (in its class's colour; the marker below it hollow when it is spurious), O out of order, P window
probe, K keepalive, Z zero window, D D-SACK, SYN, FIN, RST. Ticks on the ACK line are duplicate ACKs; crosses are
packets that a wire dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netemu.figures.scales import Scale, size_scale, time_scale
from netemu.figures.selection import shown
from netemu.figures.sequence_data import FIN, SYN, SequenceData, has_flag, largest, sequence_data
from netemu.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RASTER_ABOVE,
    RETRANSMISSIONS,
    SMALL_PT,
    VERMILLION,
    Look,
    head,
    new_figure,
)

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netemu.figures.tables import RunTables

CAPS_BELOW = 400
"""Bars of no more segments than this carry tcptrace's end marks, which would hide a denser graph."""


def draw(
    run: RunTables,
    *,
    width_in: float,
    window: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The graph of the selected connection between ``start`` and ``stop``; ``window=False`` leaves its line out."""
    data = sequence_data(run, *shown(run, selection))
    figure = new_figure(width_in)
    axes = figure.subplots()
    time, size = scales([data])
    legend = Drawing(data, axes, time, size).draw(window)
    axes.set_xlabel(time.label("Time"))
    axes.set_ylabel(size.label("Sequence offset"))
    head(figure, title, legend)
    return figure


def scales(graphs: Sequence[SequenceData]) -> tuple[Scale, Scale]:
    """The units of time and of sequence offsets that fit all of ``graphs``."""
    last_ns = max(max(largest(data.segments["t_ns"]), largest(data.acks["t_ns"])) for data in graphs)
    top = max(max(largest(data.segments["end"]), largest(data.acks["ack"])) for data in graphs)
    return time_scale(last_ns), size_scale(top)


def companion(run: RunTables, **options: Any) -> tuple[str, str]:
    """The same graph for xplot: the suffix and the text of the file."""
    from netemu.figures.xpl import time_sequence_xpl

    window, title = options.pop("window", True), options.pop("title", None)
    data = sequence_data(run, *shown(run, options))
    return "xpl", time_sequence_xpl(data, window=window, title=title)


class Drawing:
    """One graph while it is drawn onto ``axes``: its units and the legend it has earned so far."""

    def __init__(self, data: SequenceData, axes: Axes, time: Scale, size: Scale) -> None:
        self.data = data
        self.axes = axes
        self.time = time
        self.size = size
        self.legend: list[tuple[Any, str]] = []

    def draw(self, window: bool) -> list[tuple[Any, str]]:
        """Draw everything but the labels of the axes; the legend's keys."""
        import polars as pl

        data = self.data
        plain = data.segments.filter(~pl.col("kind").is_in(list(RETRANSMISSIONS)))
        self._bars(plain, BLACK, 0.8)
        if not plain.is_empty():
            self._earn("segment", BLACK, marker="|", line="")
        if not data.acks.is_empty():
            self._ack_lines(window)
        self._sacks()
        for kind, look in RETRANSMISSIONS.items():
            again = data.segments.filter(pl.col("kind") == kind)
            if not again.is_empty():
                self._retransmissions(again, look)
        self._drops()
        self._marks()
        self.axes.margins(x=0.02, y=0.12)
        return self.legend

    def _x(self, t_ns: pl.Series) -> Any:
        return t_ns.to_numpy() / self.time.divisor

    def _y(self, offset: pl.Series) -> Any:
        return offset.to_numpy() / self.size.divisor

    def _earn(
        self, label: str, colour: str, *, marker: str, line: Any, size: float = 5.0, second: str | None = None
    ) -> None:
        """A line of the legend; ``second`` is a marker that stands beside the first."""
        from matplotlib.lines import Line2D

        style: dict[str, Any] = {"linestyle": line or "none", "markeredgewidth": 0.0 if "$" in marker else 0.8}
        key: Any = Line2D([], [], color=colour, label=label, marker=marker, markersize=size, **style)
        if second is not None:
            key = (Line2D([], [], color=colour, marker=second, markersize=2.6, linestyle="none"), key)
        self.legend.append((key, label))

    def _bars(self, rows: pl.DataFrame, colour: str, width_pt: float) -> None:
        """A vertical bar for each row, capped where there are few enough for the caps to be seen."""
        if rows.is_empty():
            return
        x, low, high = self._x(rows["t_ns"]), self._y(rows["start"]), self._y(rows["end"])
        many = rows.height > RASTER_ABOVE
        self.axes.vlines(x, low, high, colors=colour, linewidths=width_pt, rasterized=many, zorder=3)
        if self.data.segments.height <= CAPS_BELOW:
            for edge in (low, high):
                self.axes.plot(x, edge, "_", color=colour, markersize=2.2, markeredgewidth=0.5, zorder=3)

    def _retransmissions(self, again: pl.DataFrame, look: Look) -> None:
        """Bars of one class with its marker on top, hollow where spurious, and R above."""
        self._bars(again, look.colour, 1.2)
        for spurious, face in ((False, look.colour), (True, "white")):
            rows = again.filter(again["spurious"] == spurious)
            style: dict[str, Any] = {"color": look.colour, "markerfacecolor": face, "markersize": 2.2, "zorder": 4}
            self.axes.plot(self._x(rows["t_ns"]), self._y(rows["end"]), look.marker, **style)
        self._letter("R", again["t_ns"], again["end"], look.colour, up=True)
        self._earn(look.label, look.colour, marker="$\\mathrm{R}$", line="", size=4.5, second=look.marker)

    def _ack_lines(self, window: bool) -> None:
        import polars as pl

        acks = self.data.acks
        x, many = self._x(acks["t_ns"]), acks.height > RASTER_ABOVE
        self.axes.step(x, self._y(acks["ack"].cum_max()), where="post", color=GREEN, linewidth=0.9, rasterized=many)
        self._earn("ACK", GREEN, marker="", line="-")
        repeated = acks.filter(pl.col("duplicate_ack"))
        if not repeated.is_empty():
            place = self._x(repeated["t_ns"]), self._y(repeated["ack"])
            self.axes.plot(*place, linestyle="none", marker=3, color=GREEN, markersize=2.5, markeredgewidth=0.6)
            self._earn("duplicate ACK", GREEN, marker="|", line="", size=3.5)
        if window:
            edge = self._y(acks["edge"])
            self.axes.step(x, edge, where="post", color=ORANGE, linestyle=(0, (4, 1.2)), linewidth=0.9, rasterized=many)
            self._earn("window", ORANGE, marker="", line=(0, (4, 1.2)))

    def _sacks(self) -> None:
        import polars as pl

        blocks = self.data.sacks
        if blocks.is_empty():
            return
        for dsack, colour in ((False, PURPLE), (True, VERMILLION)):
            rows = blocks.filter(pl.col("dsack") == dsack)
            if not rows.is_empty():
                span = self._y(rows["start"]), self._y(rows["end"])
                many = rows.height > RASTER_ABOVE
                self.axes.vlines(self._x(rows["t_ns"]), *span, colors=colour, linewidths=1.0, rasterized=many, zorder=1)
        self._earn("SACK", PURPLE, marker="|", line="")
        duplicates = blocks.filter(pl.col("dsack"))
        if not duplicates.is_empty():
            self._letter("D", duplicates["t_ns"], duplicates["start"], VERMILLION, up=False)

    def _drops(self) -> None:
        rows = self.data.drops
        if not rows.is_empty():
            middle = self._y((rows["start"] + rows["end"]) / 2)
            self.axes.plot(self._x(rows["t_ns"]), middle, "x", color=VERMILLION, markersize=3.5, zorder=5)
            self._earn("dropped on the wire", VERMILLION, marker="x", line="", size=3.5)

    def _marks(self) -> None:
        """Letters and words of single packets."""
        import polars as pl
        from matplotlib.patheffects import withStroke

        segments, acks = self.data.segments, self.data.acks
        zero = acks.filter(pl.col("window_bytes") == 0)
        unexpected = segments.filter(pl.col("out_of_order"))
        for letter, rows, position, colour in (
            ("Z", zero, "ack", ORANGE),
            ("O", unexpected, "end", GREY),
            ("P", segments.filter(pl.col("kind") == "window_probe"), "end", BLUE),
            ("K", segments.filter(pl.col("kind") == "keepalive"), "end", GREY),
        ):
            if not rows.is_empty():
                self._letter(letter, rows["t_ns"], rows[position], colour, up=letter != "Z")
        for word, rows, position in (
            ("SYN", segments.filter(has_flag(SYN), pl.col("kind") == "new"), "start"),
            ("FIN", segments.filter(has_flag(FIN), pl.col("kind") == "new"), "end"),
            ("RST", self.data.resets, "position"),
        ):
            for t_ns, offset in rows.select("t_ns", position).iter_rows():
                place = t_ns / self.time.divisor, offset / self.size.divisor
                shift = (0, -3) if word == "SYN" else (-3, 3)
                self.axes.annotate(
                    word,
                    place,
                    shift,
                    textcoords="offset points",
                    fontsize=SMALL_PT,
                    ha="left" if word == "SYN" else "right",
                    va="top" if word == "SYN" else "bottom",
                    path_effects=[withStroke(linewidth=1.5, foreground="white")],
                )

    def _letter(self, letter: str, t_ns: pl.Series, offset: pl.Series, colour: str, *, up: bool) -> None:
        """``letter`` just above (or below) each place, as a marker: one artist however many there are."""
        from matplotlib.transforms import ScaledTranslation

        shift = ScaledTranslation(0, (4.5 if up else -4.5) / 72, self.axes.figure.dpi_scale_trans)
        self.axes.plot(
            self._x(t_ns),
            self._y(offset),
            linestyle="none",
            marker=f"$\\mathrm{{{letter}}}$",
            markersize=4.5,
            color=colour,
            markeredgewidth=0.0,
            transform=self.axes.transData + shift,
            zorder=4,
        )
