"""Advertised window and bytes in flight over time, and below them what limited the sender.

The lower axes has a row for each limiter: the peer's window (rwnd), the send buffer (sndbuf), the congestion window
(cwnd), the application. :mod:`netemu.figures.limits` says from which evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.figures.flight import changes, flight_and_window, sender_samples
from netemu.figures.limits import LIMITERS, Interval, limits_from_packets, limits_from_samples
from netemu.figures.scales import size_scale, time_scale
from netemu.figures.selection import shown
from netemu.figures.style import (
    BLACK,
    BLUE,
    GREY,
    ORANGE,
    RASTER_ABOVE,
    SKY_BLUE,
    SMALL_PT,
    VERMILLION,
    head,
    light_grid,
    new_figure,
)

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netemu.figures.scales import Scale
    from netemu.figures.tables import RunTables

_COLOURS = {"rwnd": ORANGE, "sndbuf": SKY_BLUE, "cwnd": BLUE, "application": GREY}


def draw(
    run: RunTables,
    *,
    width_in: float,
    cwnd: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection between ``start`` and ``stop``; ``cwnd=False`` leaves the congestion window out."""
    chosen, span = shown(run, selection)
    rows = flight_and_window(run, chosen, span)
    samples = sender_samples(run, chosen, span)
    figure = new_figure(width_in, height_in=width_in * (0.84 if width_in < 5 else 0.52))
    known = LIMITERS if samples is not None else ("rwnd",)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3.2, 0.2 + 0.2 * len(known)])
    time = time_scale(float(rows["t_ns"].to_numpy().max()))
    keys = _upper(upper, rows, samples if cwnd else None, time)
    told = limits_from_packets(rows, _segment_bytes(rows)) if samples is None else limits_from_samples(samples)
    _strip(lower, told, known, time)
    lower.set_xlabel(time.label("Time"))
    figure.align_ylabels()
    head(figure, title, keys)
    return figure


def _segment_bytes(rows: pl.DataFrame) -> int:
    """The largest step that the flight rose by: one full segment."""
    return max(1, int(rows["flight"].diff().drop_nulls().to_numpy().max(initial=1)))


def _upper(axes: Axes, rows: pl.DataFrame, samples: pl.DataFrame | None, time: Scale) -> list[tuple[Any, str]]:
    """The lines over time and their legend."""
    top = max(rows[name].drop_nulls().to_numpy().max(initial=0) for name in ("flight", "window_bytes"))
    size = size_scale(float(top))
    x, many = rows["t_ns"].to_numpy() / time.divisor, rows.height > RASTER_ABOVE
    keys = []
    for column, label, colour, line in (
        ("window_bytes", "peer's window", ORANGE, (0, (4, 1.2))),
        ("flight", "in flight", BLACK, "-"),
    ):
        y = rows[column].to_numpy() / size.divisor
        (key,) = axes.step(x, y, where="post", color=colour, linestyle=line, rasterized=many)
        keys.append((key, label))
    if samples is not None:
        cwnd = changes(samples.with_columns(cwnd=samples["snd_cwnd_segments"] * samples["snd_mss_bytes"]), "cwnd")
        x, y = cwnd["t_ns"].to_numpy() / time.divisor, cwnd["cwnd"].to_numpy() / size.divisor
        (key,) = axes.step(x, y, where="post", color=BLUE, linestyle=(0, (1, 1)))
        keys.append((key, "cwnd"))
    zero = rows.filter((rows["window_bytes"] == 0) & (rows["window_bytes"].shift() != 0))
    if not zero.is_empty():
        starts = zero["t_ns"].to_numpy() / time.divisor
        (key,) = axes.plot(starts, starts * 0, "v", color=VERMILLION, markersize=3.5, clip_on=False, zorder=5)
        keys.append((key, "zero window"))
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    axes.set_ylabel(size.label("Bytes"))
    light_grid(axes)
    return keys


def _strip(axes: Axes, intervals: list[Interval], rows: tuple[str, ...], time: Scale) -> None:
    """A bar in the row of its limiter for each interval; position tells what colour tells."""
    for index, limiter in enumerate(rows):
        spans = [
            (i.start_ns / time.divisor, (i.stop_ns - i.start_ns) / time.divisor)
            for i in intervals
            if i.limiter == limiter
        ]
        axes.broken_barh(spans, (index - 0.36, 0.72), facecolors=_COLOURS[limiter], linewidth=0)
    axes.set_yticks(range(len(rows)), rows, fontsize=SMALL_PT)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylabel("Limited by")
