"""RTT samples of the capture, with the smoothed RTT and the retransmission timeout of the sender's socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from netemu.errors import BadInput
from netemu.figures import scales
from netemu.figures.flight import changes, sender_samples
from netemu.figures.selection import shown
from netemu.figures.style import BLUE, GREY, RASTER_ABOVE, VERMILLION, head, light_grid, new_figure

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

    from netemu.figures.tables import RunTables

LOG_ABOVE = 20
"""``scale="auto"`` is logarithmic when the largest value is more than this many times the smallest."""


def draw(
    run: RunTables,
    *,
    width_in: float,
    scale: str = "auto",
    rto: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection; ``scale`` is ``auto``, ``linear`` or ``log``; ``rto=False`` leaves the timeout out."""
    scales.check_scale(scale)
    chosen, span = shown(run, selection)
    measured = run.scan("rtt").filter(chosen.where(), scales.within(span)).sort("t_ns").collect()
    series = [_Series(measured["t_ns"], measured["rtt_ns"], "RTT samples", GREY, None)]
    samples = sender_samples(run, chosen, span)
    if samples is not None:
        samples = samples.filter(samples["srtt_ns"] > 0)  # zero until the first sample of the connection
        srtt, timeout = changes(samples, "srtt_ns"), changes(samples, "rto_ns")
        series.append(_Series(srtt["t_ns"], srtt["srtt_ns"], "smoothed RTT", BLUE, "-"))
        if rto:
            series.append(_Series(timeout["t_ns"], timeout["rto_ns"], "RTO", VERMILLION, (0, (4, 1.2))))
    series = [one for one in series if not one.t_ns.is_empty()]
    if not series:
        raise BadInput(f"{run.label}: no RTT sample of {chosen.sender} > {chosen.receiver} between start and stop")
    return _plot(series, scale, title, new_figure(width_in))


class _Series(NamedTuple):
    """Values over time; ``line`` None draws them as dots."""

    t_ns: pl.Series
    value_ns: pl.Series
    label: str
    colour: str
    line: Any


def _plot(series: list[_Series], scale: str, title: str | None, figure: Figure) -> Figure:
    values = [one.value_ns.to_numpy() for one in series]
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    time = scales.time_scale(max(float(one.t_ns.to_numpy().max()) for one in series))
    unit = scales.time_scale(high)
    axes = figure.subplots()
    keys: list[tuple[Any, str]] = []
    for one in series:
        x, y = one.t_ns.to_numpy() / time.divisor, one.value_ns.to_numpy() / unit.divisor
        if one.line is None:
            many = one.t_ns.len() > RASTER_ABOVE
            (key,) = axes.plot(x, y, ".", color=one.colour, markersize=2.2, rasterized=many)
        else:
            (key,) = axes.step(x, y, where="post", color=one.colour, linestyle=one.line)
        keys.append((key, one.label))
    if scale == "log" or (scale == "auto" and low > 0 and high > LOG_ABOVE * low):
        axes.set_yscale("log")
        scales.plain_log_ticks(axes.yaxis, low / unit.divisor, high / unit.divisor)
    else:
        axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    axes.set_xlabel(time.label("Time"))
    axes.set_ylabel(unit.label("RTT"))
    light_grid(axes)
    head(figure, title, keys)
    return figure
