"""Retransmissions by class and what the wires dropped: the mean of the runs with its 95 % interval, each run a dot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.figures.repeated.runs import Flow, SeveralRuns, flows
from netemu.figures.scales import within
from netemu.figures.sequence_data import wire_drops
from netemu.figures.style import BLACK, DROPS, GREY, RETRANSMISSIONS, SMALL_PT, head, light_grid, new_figure
from netemu.spread import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DOTS_WIDTH = 0.44
"""Room that a column's dots take side by side, in the order of the runs, so that equal ones can be counted."""


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected direction in every run: a column for each class and each reason of a drop that occurs in any."""
    from matplotlib.ticker import MaxNLocator

    counted = [_counts(flow) for flow in flows(runs, selection)]
    figure = new_figure(width_in)
    axes = figure.subplots()
    columns = [name for name in counted[0] if any(one.get(name) for one in counted)]
    for index, name in enumerate(columns):
        _column(axes, index, name, [one.get(name, 0) for one in counted])
    resent = [name for name in columns if name not in DROPS]
    if 0 < len(resent) < len(columns):
        axes.axvline(len(resent) - 0.5, color=GREY, linewidth=0.6, linestyle=(0, (1, 1.5)))
    axes.set_xticks(range(len(columns)), [_label(name) for name in columns], fontsize=SMALL_PT)
    axes.set_xlim(-0.6, max(len(columns), 1) - 0.4)
    axes.tick_params(axis="x", length=0)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_ylabel("Packets in a run")
    if columns:
        light_grid(axes)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if axes.dataLim.y0 < 0 else 0.0)
    else:
        axes.text(0.5, 0.5, "no retransmission", transform=axes.transAxes, ha="center", va="center")
        axes.set_ylim(0, 1)
    head(figure, title, _keys() if columns else [])
    return figure


def _counts(flow: Flow) -> dict[str, int]:
    """How many packets of each class, spurious ones of any, and each reason of a drop, in the order of the columns."""
    import polars as pl

    packets = flow.run.scan("packets").filter(flow.chosen.where(), within(flow.span)).select("kind", "spurious")
    again = packets.filter(pl.col("kind").is_in(list(RETRANSMISSIONS))).collect()
    counts = {kind: int((again["kind"] == kind).sum()) for kind in RETRANSMISSIONS}
    counts["spurious"] = int(again["spurious"].sum())
    dropped = wire_drops(flow.run, flow.chosen, flow.span).collect() if flow.run.has("wires") else None
    for action in DROPS:
        counts[action] = 0 if dropped is None else int((dropped["action"] == action).sum())
    return counts


def _column(axes: Axes, index: int, name: str, values: list[int]) -> None:
    """Single runs as dots, side by side; a bar as high as the mean, and the whisker of its interval."""
    colour = RETRANSMISSIONS[name].colour if name in RETRANSMISSIONS else GREY if name in DROPS else BLACK
    found = spread([float(value) for value in values])
    hollow = name == "spurious"
    axes.bar(
        index,
        found.mean or 0.0,
        0.62,
        color="none" if hollow else colour,
        alpha=1.0 if hollow else 0.45,
        zorder=1,
        edgecolor=colour,
        linewidth=0.8,
        linestyle=(0, (2, 1)) if hollow else "-",
    )
    if found.half_width is not None:
        axes.errorbar(
            index, found.mean or 0.0, yerr=found.half_width, color=BLACK, capsize=2.5, linewidth=0.9, zorder=3
        )
    places = [index + DOTS_WIDTH * ((run + 0.5) / len(values) - 0.5) for run in range(len(values))]
    axes.plot(places, values, "o", color=BLACK, markersize=2.2, markerfacecolor="white", markeredgewidth=0.5, zorder=4)


def _label(name: str) -> str:
    if name in DROPS:
        return "dropped:\n" + DROPS[name].label
    return RETRANSMISSIONS[name].label.replace(" ", "\n", 1) if name in RETRANSMISSIONS else name


def _keys() -> list[tuple[Any, str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    dot = Line2D(
        [], [], color=BLACK, marker="o", markersize=2.2, markerfacecolor="white", markeredgewidth=0.5, linestyle="none"
    )
    whisker = Line2D([], [], color=BLACK, marker="_", markersize=5, linestyle="none", markeredgewidth=0.9)
    return [(Patch(color=GREY, alpha=0.45), "mean"), (whisker, "95 % interval"), (dot, "single run")]
