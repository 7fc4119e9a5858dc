"""How far the arrival of each byte scatters over runs: its time less its median over them, as bands.

Runs that are equal show a line at zero and the word "identical"; the axis is linear up to a microsecond and logarithmic
beyond, so that a scatter of microseconds and one of seconds are both to be read, beside one another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netemu.figures.arrival import at_receiver, common_offsets, data_of
from netemu.figures.repeated.lines import DARK, LIGHT
from netemu.figures.repeated.runs import SeveralRuns, flows, nothing_shown
from netemu.figures.scales import size_scale
from netemu.figures.style import BLACK, BLUE, SMALL_PT, head, light_grid, new_figure

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Array = np.ndarray[Any, Any]

LINEAR_NS = 1_000
"""The axis is linear between minus and plus this, where zero is."""

PANEL_IN = 1.45


@dataclass(frozen=True, slots=True)
class Scatter:
    """At each of ``offsets`` the least, 5 %, 95 % and greatest deviation from the median over ``runs``, in ns."""

    offsets: Array
    low: Array
    low_5: Array
    high_5: Array
    high: Array
    runs: int

    @property
    def largest_ns(self) -> float:
        """The largest deviation of any byte in any run; 0 where all runs are identical."""
        return float(max(-self.low.min(), self.high.max()))


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection in every run; options as in the figure for one run."""
    return draw_beside([("", runs)], width_in=width_in, title=title, **selection)


def draw_beside(
    groups: Sequence[tuple[str, SeveralRuns]],
    *,
    width_in: float,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """A panel for each group of runs, such as those of one kernel, under its label and on the same axes."""
    found = [(label, scatter(runs, selection)) for label, runs in groups]
    figure = new_figure(width_in, height_in=None if len(found) == 1 else 0.6 + PANEL_IN * len(found))
    panels = figure.subplots(len(found), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    size = size_scale(max(float(one.offsets[-1]) for _, one in found))
    largest_ns = max(one.largest_ns for _, one in found)
    for axes, (label, one) in zip(panels, found, strict=True):
        _panel(axes, label, one, size.divisor)
        _vertical_axis(axes, largest_ns)
    panels[-1].set_xlabel(size.label("Sequence offset"))
    if len(found) == 1:
        panels[0].set_ylabel("Arrival − median")
    else:
        figure.supylabel("Arrival − median over the runs", fontsize=7.5)
    head(figure, title, _keys(any(one.largest_ns > 0 for _, one in found)))
    return figure


def scatter(runs: SeveralRuns, selection: dict[str, Any]) -> Scatter:
    """The deviations of all runs; time counts from the connection's first packet in each.

    Bytes that arrived in no more than half of the runs have no place in it.
    """
    import numpy as np

    chosen = flows(runs, at_receiver(runs.tables[0], selection))
    transfers = [data_of(flow.run, flow.chosen, flow.span) for flow in chosen]
    offsets = common_offsets(transfers)
    rows = np.stack([one.first_arrivals(offsets) - flow.start_ns for flow, one in zip(chosen, transfers, strict=True)])
    known = np.isfinite(rows).sum(axis=0) > max(1, len(chosen) // 2)
    if not known.any():
        raise nothing_shown(chosen, "data")
    rows = rows[:, known]
    away = rows - np.nanmedian(rows, axis=0)
    low, low_5, high_5, high = np.nanpercentile(away, (0, 5, 95, 100), axis=0)
    return Scatter(offsets[known], low, low_5, high_5, high, len(chosen))


def _panel(axes: Axes, label: str, one: Scatter, divisor: float) -> None:
    x = one.offsets / divisor
    axes.fill_between(x, one.low, one.high, color=BLUE, alpha=LIGHT, linewidth=0)
    axes.fill_between(x, one.low_5, one.high_5, color=BLUE, alpha=DARK, linewidth=0)
    axes.axhline(0, color=BLACK, linewidth=0.9)
    axes.margins(x=0.02)
    light_grid(axes)
    scattered = "identical" if one.largest_ns == 0 else f"up to {time_text(one.largest_ns)} from the median"
    text = f"{one.runs} runs, {scattered}"
    axes.set_title(f"{label}\n{text}" if label else text, loc="left", fontsize=SMALL_PT, pad=2.0)


def _vertical_axis(axes: Axes, largest_ns: float) -> None:
    """Symmetrical, linear around zero, decades beyond, each tick with its unit."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    top = max(10 * LINEAR_NS, 10 ** math.ceil(math.log10(max(largest_ns, 1.0))))
    axes.set_yscale("symlog", linthresh=LINEAR_NS, linscale=0.5)
    axes.set_ylim(-1.6 * top, 1.6 * top)
    count = round(math.log10(top / LINEAR_NS))
    decades = [top / 10**n for n in range(0, max(count, 1), 1 if count < 3 else 2)]  # the least is too near to zero
    axes.yaxis.set_major_locator(FixedLocator([*(-t for t in decades), 0.0, *reversed(decades)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: time_text(value)))


def time_text(value_ns: float) -> str:
    """Three digits and the unit, such as ``1.23 ms``; a minus sign where it is negative."""
    for unit, divisor in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(value_ns) >= divisor:
            return f"{value_ns / divisor:.3g} {unit}".replace("-", "−")
    return f"{value_ns:.3g} ns".replace("-", "−") if value_ns else "0"


def _keys(scattered: bool) -> list[tuple[Any, str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    keys: list[tuple[Any, str]] = [(Line2D([], [], color=BLACK), "median")]
    if scattered:
        keys.append((Patch(color=BLUE, alpha=LIGHT + DARK, linewidth=0), "5 % to 95 % of the runs"))
        keys.append((Patch(color=BLUE, alpha=LIGHT, linewidth=0), "min–max"))
    return keys
