"""What senders had in flight and their estimated congestion window over time, with the bands of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.figures.flight import flight_and_window, sender_samples
from netemu.figures.repeated.lines import Line, Steps, band_of, draw_lines, keys
from netemu.figures.repeated.runs import Flow, SeveralRuns, flows, nothing_shown
from netemu.figures.scales import size_scale, within
from netemu.figures.style import BLACK, BLUE, ORANGE, VERMILLION, head, new_figure

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

_STYLES: dict[str, Any] = {
    "receiver's window": (0, (4, 1.2)),
    "in flight": "-",
    "kernel's cwnd": (0, (1, 1)),
    "cwnd, estimated": (0, (4, 1.2, 1, 1.2)),
}


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    window: bool = True,
    kernel: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection in every run, with the options of the figure of one run."""
    chosen = flows(runs, selection)
    packets = [flight_and_window(flow.run, flow.chosen, flow.span) for flow in chosen]
    lines = _line(chosen, packets, "window_bytes", "receiver's window", ORANGE) if window else []
    lines += _line(chosen, packets, "flight", "in flight", BLACK)
    if kernel:
        lines += _line(chosen, [_kernel(flow) for flow in chosen], "cwnd", "kernel's cwnd", VERMILLION)
    lines += _line(chosen, [_estimates(flow) for flow in chosen], "cwnd_estimated_bytes", "cwnd, estimated", BLUE)
    if not lines:
        raise nothing_shown(chosen, "sender")
    figure = new_figure(width_in)
    axes = figure.subplots()
    draw_lines(axes, lines, size_scale, "Bytes")
    axes.set_ylim(bottom=0)
    head(figure, title, keys(lines))
    return figure


def _line(chosen: list[Flow], rows: list[pl.DataFrame], column: str, label: str, colour: str) -> list[Line]:
    """The band of ``column`` over the runs, alone in a list; an empty one where no run has a value."""
    import polars as pl

    steps = []
    for flow, one in zip(chosen, rows, strict=True):
        known = one.filter(pl.col(column).is_not_null()).sort("t_ns", maintain_order=True)
        until_ns = int(one["t_ns"].to_numpy().max(initial=0)) - flow.start_ns
        steps.append(Steps(known["t_ns"].to_numpy() - flow.start_ns, known[column].to_numpy(), until_ns))
    band = band_of(steps)
    return [] if band is None or band.is_empty else [Line(band, label, colour, _STYLES[label])]


def _estimates(flow: Flow) -> pl.DataFrame:
    """The rows of `sender` that estimate the congestion window."""
    rows = flow.run.scan("sender").filter(flow.chosen.where(), within(flow.span)).sort("t_ns")
    return rows.select("t_ns", "cwnd_estimated_bytes").collect()


def _kernel(flow: Flow) -> pl.DataFrame:
    """t_ns and cwnd in bytes of the socket samples; no row where the run has none."""
    import polars as pl

    samples = sender_samples(flow.run, flow.chosen, flow.span)
    if samples is None:
        return pl.DataFrame(schema={"t_ns": pl.Int64, "cwnd": pl.Int64})
    return samples.select("t_ns", cwnd=pl.col("snd_cwnd_segments") * pl.col("snd_mss_bytes"))
