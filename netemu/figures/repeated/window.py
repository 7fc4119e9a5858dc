"""Bytes in flight, congestion window and peer's window over time, each with the band of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from netemu.figures.flight import flight_and_window, sender_samples
from netemu.figures.repeated.lines import Line, Steps, band_of, draw_lines, keys
from netemu.figures.repeated.runs import Flow, SeveralRuns, flows, nothing_shown
from netemu.figures.scales import size_scale
from netemu.figures.style import BLACK, BLUE, ORANGE, head, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    start: str | int | None = None,
    stop: str | int | None = None,
    cwnd: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection in every run; ``cwnd=False`` leaves the congestion window out."""
    chosen = flows(runs, start, stop, selection)
    rows = [flight_and_window(flow.run, flow.chosen, flow.span) for flow in chosen]
    wanted = [
        ([_steps(flow, one, "window_bytes") for flow, one in zip(chosen, rows, strict=True)], "peer's window", ORANGE),
        ([_steps(flow, one, "flight") for flow, one in zip(chosen, rows, strict=True)], "in flight", BLACK),
    ]
    if cwnd:
        wanted.append(([_cwnd(flow) for flow in chosen], "cwnd", BLUE))
    styles: dict[str, Any] = {ORANGE: (0, (4, 1.2)), BLACK: "-", BLUE: (0, (1, 1))}
    lines = [
        Line(band, label, colour, styles[colour])
        for steps, label, colour in wanted
        if (band := band_of(steps)) is not None and not band.is_empty
    ]
    if not lines:
        raise nothing_shown(chosen, "window")
    figure = new_figure(width_in)
    axes = figure.subplots()
    draw_lines(axes, lines, size_scale, "Median of the runs")
    axes.set_ylim(bottom=0)
    head(figure, title, keys(lines))
    return figure


def _steps(flow: Flow, rows: pl.DataFrame, column: str) -> Steps:
    """``column`` up to the last row: a connection that has ended has no window."""
    known = rows.filter(pl.col(column).is_not_null()).sort("t_ns", maintain_order=True)
    until_ns = int(rows["t_ns"].to_numpy().max(initial=0)) - flow.start_ns
    return Steps(known["t_ns"].to_numpy() - flow.start_ns, known[column].to_numpy(), until_ns)


def _cwnd(flow: Flow) -> Steps:
    samples = sender_samples(flow.run, flow.chosen, flow.span)
    if samples is None:
        return _steps(flow, pl.DataFrame(schema={"t_ns": pl.Int64, "cwnd": pl.Int64}), "cwnd")
    return _steps(flow, samples.with_columns(cwnd=samples["snd_cwnd_segments"] * samples["snd_mss_bytes"]), "cwnd")
