"""The sender's state as its packets tell it: estimated windows over time, and below what it did and what held it.

The estimates are those of the table `sender`; where the run sampled the sender's socket, the kernel's own congestion
window is beside them as dots. Rows of the lower axes are the phases and limits that occur.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures.flight import flight_and_window, sender_samples
from netemu.figures.scales import size_scale, time_scale
from netemu.figures.selection import shown
from netemu.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RASTER_ABOVE,
    SKY_BLUE,
    SMALL_PT,
    VERMILLION,
    YELLOW,
    head,
    light_grid,
    new_figure,
)
from netemu.recording.kinds import SENDER_LIMITS, SENDER_PHASES

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netemu.figures.scales import Scale
    from netemu.figures.tables import RunTables

_PHASE_COLOURS = dict(zip(SENDER_PHASES, (GREEN, BLUE, VERMILLION, BLACK, GREY, ORANGE, PURPLE, SKY_BLUE), strict=True))
_LIMIT_COLOURS = dict(zip(SENDER_LIMITS, (YELLOW, BLUE, ORANGE, GREEN, GREY, SKY_BLUE, PURPLE), strict=True))


def draw(
    run: RunTables,
    *,
    width_in: float,
    window: bool = True,
    kernel: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection between ``start`` and ``stop``.

    ``window=False`` leaves the receiver's window out, ``kernel=False`` the kernel's own congestion window.
    """
    import polars as pl

    chosen, span = shown(run, selection)
    rows = run.scan("sender").filter(chosen.where()).sort("t_ns").collect()
    rows = rows.filter(pl.col("t_ns") > span[0], pl.col("start_ns") < span[1])
    if rows.is_empty():
        raise BadInput(f"{run.label}: {chosen.sender} > {chosen.receiver} sent no data between start and stop")
    flight = flight_and_window(run, chosen, span)
    samples = sender_samples(run, chosen, span) if kernel else None
    strips = [_intervals(rows, "phase", SENDER_PHASES), _intervals(rows, "limited_by", SENDER_LIMITS)]
    lanes = [max(len(strip), 1) for strip in strips]
    figure = new_figure(width_in, height_in=width_in * (0.62 if width_in < 5 else 0.36) + 0.13 * sum(lanes))
    unit = 0.35
    axes = figure.subplots(3, 1, sharex=True, height_ratios=[3.6, *(0.25 + unit * count for count in lanes)])
    time = time_scale(float(flight["t_ns"].to_numpy().max()))
    keys = _upper(axes[0], rows, flight if window else flight.drop("window_bytes"), samples, time)
    low, high = (float(flight["t_ns"].to_numpy()[k]) / time.divisor for k in (0, -1))
    axes[0].set_xlim(low - (high - low) * 0.01, high + (high - low) * 0.01)
    _strip(axes[1], strips[0], _PHASE_COLOURS, "Phase", time)
    _strip(axes[2], strips[1], _LIMIT_COLOURS, "Held by", time)
    axes[2].set_xlabel(time.label("Time"))
    figure.align_ylabels()
    head(figure, title, keys)
    return figure


def _upper(
    axes: Axes, rows: pl.DataFrame, flight: pl.DataFrame, samples: pl.DataFrame | None, time: Scale
) -> list[tuple[Any, str]]:
    """The lines over time and their legend."""
    import polars as pl

    top = max(_top(flight, "flight"), _top(rows, "cwnd_estimated_bytes"))
    if samples is not None:
        samples = samples.with_columns(cwnd=pl.col("snd_cwnd_segments") * pl.col("snd_mss_bytes"))
    size = size_scale(top)
    keys = []
    x, many = flight["t_ns"].to_numpy() / time.divisor, flight.height > RASTER_ABOVE
    for column, label, colour, line in (
        ("window_bytes", "receiver's window", ORANGE, (0, (4, 1.2))),
        ("flight", "in flight", "#A0A0A0", "-"),
    ):
        if column in flight.columns:
            y = flight[column].to_numpy() / size.divisor
            (key,) = axes.step(x, y, where="post", color=colour, linestyle=line, linewidth=0.7, rasterized=many)
            keys.append((key, label))
    if samples is not None:
        dots = samples.filter(pl.col("cwnd") > 0)
        x, y = dots["t_ns"].to_numpy() / time.divisor, dots["cwnd"].to_numpy() / size.divisor
        (key,) = axes.plot(x, y, ".", color=VERMILLION, markersize=2.0, rasterized=dots.height > RASTER_ABOVE)
        keys.append((key, "kernel's cwnd"))
    keys += _estimates(axes, rows, time, size)
    axes.set_ylim(0, 1.12 * top / size.divisor)
    axes.set_ylabel(size.label("Bytes"))
    light_grid(axes)
    return keys


def _estimates(axes: Axes, rows: pl.DataFrame, time: Scale, size: Scale) -> list[tuple[Any, str]]:
    """Estimated windows: a line from estimate to estimate, broken where a row gives none."""
    keys = []
    at = rows["cwnd_estimated_ns"].fill_null(strategy="forward").to_numpy() / time.divisor
    y = rows["cwnd_estimated_bytes"].cast(float).to_numpy() / size.divisor
    (key,) = axes.plot(at, y, "o-", color=BLUE, markersize=2.2, linewidth=0.9)
    keys.append((key, "cwnd, estimated"))
    if rows["ssthresh_estimated_bytes"].count():
        x = rows["start_ns"].to_numpy() / time.divisor
        y = rows["ssthresh_estimated_bytes"].cast(float).to_numpy() / size.divisor
        (key,) = axes.step(x, y, where="post", color=GREEN, linestyle=(0, (1, 1)), linewidth=1.1)
        keys.append((key, "ssthresh, estimated"))
    return keys


def _top(rows: pl.DataFrame, column: str) -> float:
    return float(rows[column].drop_nulls().to_numpy().max(initial=1))


def _intervals(rows: pl.DataFrame, column: str, values: tuple[str, ...]) -> dict[str, list[tuple[int, int]]]:
    """Start and end of the rows that have each value, in the order of the closed list; only values that occur."""
    found: dict[str, list[tuple[int, int]]] = {}
    for value in values:
        chosen = rows.filter(rows[column] == value)
        if not chosen.is_empty():
            found[value] = list(chosen.select("start_ns", "t_ns").iter_rows())
    return found


def _strip(
    axes: Axes, intervals: dict[str, list[tuple[int, int]]], colours: dict[str, str], label: str, time: Scale
) -> None:
    """A bar in the lane of its value for each interval; position tells what colour tells."""
    for lane, (value, spans) in enumerate(intervals.items()):
        bars = [(start / time.divisor, (end - start) / time.divisor) for start, end in spans]
        axes.broken_barh(bars, (lane - 0.36, 0.72), facecolors=colours[value], linewidth=0)
    lanes = max(len(intervals), 1)
    axes.set_yticks(range(lanes), [name.replace("_", " ") for name in intervals] or ["unknown"], fontsize=SMALL_PT)
    axes.set_ylim(lanes - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylabel(label)
