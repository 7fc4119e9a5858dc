"""When the bytes of a send() pass each place, since the call: the median over the runs with its band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.figures.life_data import sends_of
from netemu.figures.repeated.runs import Flow, SeveralRuns, flows, nothing_shown
from netemu.figures.scales import time_scale
from netemu.figures.style import BLACK, BLUE, GREY, SMALL_PT, head, light_grid, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STAGES = {
    "returned_ns": "call returned",
    "first_sent_ns": "first byte sent",
    "last_sent_ns": "last byte sent",
    "arrived_ns": "last byte arrived",
    "read_ns": "last byte read",
    "acked_ns": "acknowledged",
}


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    send: int | None = None,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The ``send``-th send() of the selected direction in every run; without it the median of those shown in each."""
    found = flows(runs, selection)
    times = [_stages(flow, send) for flow in found]
    present = [stage for stage in STAGES if any(one.get(stage) is not None for one in times)]
    if not present:
        raise nothing_shown(found, "send()")
    figure = new_figure(width_in)
    axes = figure.subplots()
    values = {stage: [value for one in times if (value := one[stage]) is not None] for stage in present}
    time = time_scale(max(max(several) for several in values.values()))
    for row, several in enumerate(values.values()):
        _row(axes, row, [value / time.divisor for value in several])
    axes.set_yticks(range(len(present)), [STAGES[stage] for stage in present], fontsize=SMALL_PT)
    axes.set_ylim(len(present) - 0.5, -0.5)
    axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
    axes.set_xlabel(time.label("Time since the call"))
    axes.tick_params(axis="y", length=0)
    light_grid(axes, axis="x")
    head(figure, title, _keys())
    return figure


def _stages(flow: Flow, send: int | None) -> dict[str, float | None]:
    """Stage -> median time since the call over the sends shown of one run; None where no send reached it."""
    import polars as pl

    rows = sends_of(flow.run, flow.chosen, flow.span, send).with_columns(
        returned_ns=pl.col("t_ns") + pl.col("blocked_ns")
    )
    row: dict[str, float | None] = rows.select((pl.col(s) - pl.col("t_ns")).median() for s in STAGES).row(0, named=True)
    return row


def _row(axes: Axes, row: int, values: list[float]) -> None:
    from statistics import median

    axes.plot([min(values), max(values)], [row, row], color=BLUE, alpha=0.4, linewidth=5.0, solid_capstyle="butt")
    axes.plot(
        values, [row] * len(values), "o", color=GREY, markersize=2.2, markerfacecolor="white", markeredgewidth=0.5
    )
    axes.plot([median(values)], [row], "|", color=BLACK, markersize=8.0, markeredgewidth=1.1, zorder=4)


def _keys() -> list[tuple[Any, str]]:
    from matplotlib.lines import Line2D

    dot = Line2D([], [], color=GREY, marker="o", markersize=2.2, markerfacecolor="white", linestyle="none")
    middle = Line2D([], [], color=BLACK, marker="|", markersize=7.0, markeredgewidth=1.1, linestyle="none")
    return [(middle, "median"), (Line2D([], [], color=BLUE, alpha=0.4, linewidth=5.0), "min–max"), (dot, "single run")]
