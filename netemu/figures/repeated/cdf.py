"""The mean of the runs' empirical distributions, with the least and the greatest share of any run around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures.cdf import check_curves, distributions, finish_axes
from netemu.figures.repeated.bands import GRID_POINTS, share_at_or_below
from netemu.figures.repeated.lines import LIGHT
from netemu.figures.repeated.runs import SeveralRuns
from netemu.figures.style import GREY, SERIES, head, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netemu.figures.repeated.bands import Array


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    table: str,
    column: str,
    by: str | None = None,
    where: dict[str, Any] | None = None,
    scale: str = "auto",
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The distribution of ``column`` of ``table`` in every run; options as in the figure for one run.

    A curve is the mean over the runs that have its value of ``by``; the legend says how many when not all have.
    """
    import numpy as np
    from matplotlib.patches import Patch

    curves: dict[str, list[Array]] = {}
    for run in runs.tables:
        for label, values in distributions(run, table=table, column=column, by=by, where=where, selection=selection):
            curves.setdefault(label, []).append(values)
    if not curves:
        raise BadInput(f"no row of {table!r} is left for the distribution of {column!r} in any run")
    check_curves(by, len(curves))
    figure = new_figure(width_in)
    axes = figure.subplots()
    everything = np.concatenate([values for several in curves.values() for values in several])
    divisor = finish_axes(axes, everything, column, scale)
    keys: list[tuple[Any, str]] = []
    for label, look in zip(sorted(curves), SERIES, strict=False):
        key = _curve(axes, curves[label], look, divisor)
        missing = "" if len(curves[label]) == len(runs.tables) else f" in {len(curves[label])} runs"
        keys.append((key, (label if by is not None else "mean") + missing))
    colour = SERIES[0].colour if len(curves) == 1 else GREY
    keys.append((Patch(color=colour, alpha=LIGHT, linewidth=0), "min–max"))
    head(figure, title, keys)
    return figure


def _curve(axes: Axes, several: list[Array], look: Any, divisor: float) -> Any:
    """Mean and band at every value that occurs, or at evenly spread ranks of them where they are many."""
    import numpy as np

    x = np.unique(np.concatenate(several))
    if x.size > GRID_POINTS:
        x = x[np.unique(np.linspace(0, x.size - 1, GRID_POINTS).round().astype(np.int64))]
    shares = np.stack([share_at_or_below(values, x) for values in several])
    shares = np.concatenate([np.zeros((len(several), 1)), shares], axis=1)  # rises from 0 at the least value
    x = np.concatenate([x[:1], x]) / divisor
    low, high = shares.min(axis=0), shares.max(axis=0)
    axes.fill_between(x, low, high, step="post", color=look.colour, alpha=LIGHT, linewidth=0)
    (key,) = axes.step(x, shares.mean(axis=0), where="post", color=look.colour, linestyle=look.line)
    return key
