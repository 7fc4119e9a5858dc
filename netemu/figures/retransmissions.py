"""Retransmissions of one direction by class, cumulative, above what the wires really dropped of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures.scales import Scale, time_scale, within
from netemu.figures.selection import shown
from netemu.figures.sequence_data import wire_drops
from netemu.figures.style import (
    BLACK,
    DROPS,
    RETRANSMISSIONS,
    SMALL_PT,
    head,
    light_grid,
    new_figure,
)

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netemu.figures.tables import RunTables


def draw(
    run: RunTables,
    *,
    width_in: float,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected direction between ``start`` and ``stop``; the lower axes is there when the run has wires' accounts.

    A hollow marker is a spurious retransmission: its bytes had arrived.
    """
    import polars as pl
    from matplotlib.ticker import MaxNLocator

    chosen, span = shown(run, selection)
    packets = run.scan("packets").filter(chosen.where(), within(span)).sort("frame").collect()
    if packets.is_empty():
        raise BadInput(f"{run.label}: no packet of {chosen.sender} > {chosen.receiver} between start and stop")
    again = packets.filter(pl.col("kind").is_in(list(RETRANSMISSIONS)))
    last_ns = float(packets["t_ns"].to_numpy().max())
    time = time_scale(last_ns)
    figure = new_figure(width_in)
    drops = wire_drops(run, chosen, span).collect() if run.has("wires") else None
    if drops is None:
        upper = lowest = figure.subplots()
    else:
        reasons = max(1, drops["action"].n_unique())
        upper, lowest = figure.subplots(2, 1, sharex=True, height_ratios=[3.0, 0.2 + 0.35 * reasons])
        _rug(lowest, drops, time)
    keys = _cumulative(upper, again, time, last_ns)
    upper.set_ylim(bottom=0)
    upper.margins(x=0.02, y=0.08)
    upper.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    upper.set_ylabel("Retransmissions")
    light_grid(upper)
    upper.set_xlim(packets["t_ns"].to_numpy().min() / time.divisor - 0.02 * last_ns / time.divisor)
    lowest.set_xlabel(time.label("Time"))
    figure.align_ylabels()
    head(figure, title, keys)
    return figure


def _cumulative(axes: Axes, again: pl.DataFrame, time: Scale, last_ns: float) -> list[tuple[Any, str]]:
    """A rising line with a marker at each retransmission, for each class that occurs."""
    import polars as pl

    keys: list[tuple[Any, str]] = []
    for kind, look in RETRANSMISSIONS.items():
        rows = again.filter(pl.col("kind") == kind).with_columns(count=pl.int_range(1, pl.len() + 1))
        if rows.is_empty():
            continue
        x, y = rows["t_ns"].to_numpy() / time.divisor, rows["count"].to_numpy()
        (line,) = axes.step(
            [x[0], *x, last_ns / time.divisor], [0, *y, y[-1]], where="post", color=look.colour, linewidth=0.8
        )
        for spurious, face in ((False, look.colour), (True, "white")):
            picked = rows["spurious"].to_numpy() == spurious
            axes.plot(x[picked], y[picked], look.marker, color=look.colour, markerfacecolor=face, zorder=4)
        keys.append(((line, _marker(look.marker, look.colour, look.colour)), f"{look.label} ({rows.height})"))
    if keys and again["spurious"].any():
        keys.append((_marker("o", BLACK, "white"), f"spurious ({again['spurious'].sum()})"))
    if not keys:
        axes.text(0.5, 0.5, "no retransmission", transform=axes.transAxes, ha="center", va="center")
        axes.set_ylim(top=1)
    return keys


def _marker(marker: str, colour: str, face: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, marker=marker, markerfacecolor=face, linestyle="none", markersize=3.0)


def _rug(axes: Axes, drops: pl.DataFrame, time: Scale) -> None:
    """A tick for each packet dropped, in a row for each reason that occurs; the one row ``none`` when none does."""
    import polars as pl

    present = [action for action in DROPS if (drops["action"] == action).any()]
    labels = [] if present else ["none"]
    for index, action in enumerate(present):
        rows = drops.filter(pl.col("action") == action)
        axes.plot(
            rows["t_ns"].to_numpy() / time.divisor,
            [index] * rows.height,
            linestyle="none",
            marker="|",
            markersize=6.0,
            markeredgewidth=0.8,
            color=BLACK,
        )
        labels.append(f"{DROPS[action].label} ({rows.height})")
    axes.set_yticks(range(len(labels)), labels, fontsize=SMALL_PT)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylabel("Dropped")
