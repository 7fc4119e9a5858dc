"""The peer's window, and below it bytes in flight and congestion window over time, with the bands of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.figures.flight import flight_and_window, sender_samples
from netemu.figures.repeated.lines import Line, Steps, band_of, draw_lines, keys
from netemu.figures.repeated.runs import Flow, SeveralRuns, flows, nothing_shown
from netemu.figures.scales import size_scale, time_scale
from netemu.figures.style import BLACK, BLUE, ORANGE, head, new_figure

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

_STYLES: dict[str, Any] = {"peer's window": (0, (4, 1.2)), "in flight": "-", "cwnd": (0, (1, 1))}


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    cwnd: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection in every run; ``cwnd=False`` leaves the congestion window out."""
    chosen = flows(runs, selection)
    rows = [flight_and_window(flow.run, flow.chosen, flow.span) for flow in chosen]
    window = _line(chosen, rows, "window_bytes", "peer's window", ORANGE)
    sent = _line(chosen, rows, "flight", "in flight", BLACK)
    if cwnd:
        sent += _line(chosen, [_cwnd(flow) for flow in chosen], "cwnd", "cwnd", BLUE)
    if not window or not sent:
        raise nothing_shown(chosen, "window")
    figure = new_figure(width_in, height_in=width_in * (0.84 if width_in < 5 else 0.52))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1.0, 2.0])
    time = time_scale(max(float(line.band.x[-1]) for line in window + sent))
    for axes, lines, quantity in ((upper, window, "Window"), (lower, sent, "Sent")):
        draw_lines(axes, lines, size_scale, quantity, time=time)
        axes.set_ylim(bottom=0)
    upper.set_xlabel("")
    figure.align_ylabels()
    head(figure, title, keys(window + sent))
    return figure


def _line(chosen: list[Flow], rows: list[pl.DataFrame], column: str, label: str, colour: str) -> list[Line]:
    """The band of ``column`` over the runs, alone in a list; an empty one where no run has a value."""
    band = band_of([_steps(flow, one, column) for flow, one in zip(chosen, rows, strict=True)])
    return [] if band is None or band.is_empty else [Line(band, label, colour, _STYLES[label])]


def _steps(flow: Flow, rows: pl.DataFrame, column: str) -> Steps:
    """``column`` up to the last row: a connection that has ended has no window."""
    import polars as pl

    known = rows.filter(pl.col(column).is_not_null()).sort("t_ns", maintain_order=True)
    until_ns = int(rows["t_ns"].to_numpy().max(initial=0)) - flow.start_ns
    return Steps(known["t_ns"].to_numpy() - flow.start_ns, known[column].to_numpy(), until_ns)


def _cwnd(flow: Flow) -> pl.DataFrame:
    """t_ns and cwnd in bytes of the socket samples; no row where the run has none."""
    import polars as pl

    samples = sender_samples(flow.run, flow.chosen, flow.span)
    if samples is None:
        return pl.DataFrame(schema={"t_ns": pl.Int64, "cwnd": pl.Int64})
    return samples.select("t_ns", cwnd=pl.col("snd_cwnd_segments") * pl.col("snd_mss_bytes"))
