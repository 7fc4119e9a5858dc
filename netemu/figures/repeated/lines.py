"""Bands on axes over time: line of the median, light from least to greatest, dark the 95 % interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netemu.figures.repeated.bands import Band, common_grid, held, over_runs
from netemu.figures.scales import Scale, time_scale
from netemu.figures.style import GREY, light_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from netemu.figures.repeated.bands import Array

LIGHT, DARK = 0.20, 0.28
"""Opacity of the two bands; they overlap."""

TIME = "Time since the connection's start"


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function of one run: ``values`` from each of ``t_ns`` on; both empty where the run has none.

    ``t_ns`` counts from the connection's start and ascends. The last value holds up to ``until_ns``; None: for good.
    """

    t_ns: Array
    values: Array
    until_ns: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """A band with its look: ``line`` is a Matplotlib line style; ``filled`` False shows the median alone."""

    band: Band
    label: str
    colour: str
    line: Any
    filled: bool = True


def band_of(runs: Sequence[Steps]) -> Band | None:
    """The band of the runs' step functions on a common grid; None when none of them has a value."""
    import numpy as np

    present = [one for one in runs if one.t_ns.size]
    if not present:
        return None
    stops = [int(one.t_ns[-1]) if one.until_ns is None else one.until_ns for one in present]
    grid = common_grid([int(one.t_ns[0]) for one in present], stops)
    rows = [
        held(one.t_ns, one.values, grid, until=one.until_ns) if one.t_ns.size else np.full(grid.size, np.nan)
        for one in runs
    ]
    return over_runs(grid, np.stack(rows))


def draw_lines(
    axes: Axes,
    lines: Sequence[Line],
    unit: Callable[[float], Scale],
    quantity: str,
    *,
    time: Scale | None = None,
) -> tuple[Scale, Scale]:
    """Draw every band, label both axes, and return the units of time (chosen unless given) and values."""
    import numpy as np

    scale = unit(max(float(np.nanmax(one.band.high)) for one in lines))
    if time is None:
        time = time_scale(max(float(one.band.x[-1]) for one in lines))
    for one in lines:
        _draw(axes, one, time, scale)
    axes.margins(x=0.02)
    axes.set_xlabel(time.label(TIME))
    axes.set_ylabel(scale.label(quantity))
    light_grid(axes)
    return time, scale


def _draw(axes: Axes, one: Line, time: Scale, scale: Scale) -> None:
    band, x = one.band, one.band.x / time.divisor
    if one.filled:
        look: dict[str, Any] = {"step": "post", "color": one.colour, "linewidth": 0}
        axes.fill_between(x, band.low / scale.divisor, band.high / scale.divisor, alpha=LIGHT, **look)
        axes.fill_between(x, band.interval_low / scale.divisor, band.interval_high / scale.divisor, alpha=DARK, **look)
    axes.step(x, band.median / scale.divisor, where="post", color=one.colour, linestyle=one.line)


def keys(lines: Sequence[Line]) -> list[tuple[Any, str]]:
    """The legend: each line, then what the bands are."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    found: list[tuple[Any, str]] = [(Line2D([], [], color=one.colour, linestyle=one.line), one.label) for one in lines]
    bands = [one for one in lines if one.filled]
    colour = bands[0].colour if len(bands) == 1 else GREY
    found.append((Patch(color=colour, alpha=LIGHT, linewidth=0), f"min–max{_confidence(bands)}"))
    if any(one.band.has_interval for one in bands):
        found.append((Patch(color=colour, alpha=LIGHT + DARK, linewidth=0), "95 % interval"))
    return found


def _confidence(lines: Sequence[Line]) -> str:
    """How sure min to max hold the median, where the runs are too few for a 95 % interval."""
    share = min(one.band.confidence for one in lines)
    return "" if share >= 0.95 else f" ({100 * share:.0f} % interval)"
