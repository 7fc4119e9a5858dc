"""RTT samples in bins of time and retransmission timeout with the band of the runs; the median smoothed RTT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.figures import scales
from netemu.figures.flight import sender_samples
from netemu.figures.repeated.bands import Band, binned_over_runs
from netemu.figures.repeated.lines import Line, Steps, band_of, draw_lines, keys
from netemu.figures.repeated.runs import Flow, SeveralRuns, flows, nothing_shown
from netemu.figures.rtt import LOG_ABOVE
from netemu.figures.style import BLACK, BLUE, VERMILLION, head, new_figure

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    scale: str = "auto",
    rto: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection in every run; options as in the figure for one run."""
    chosen = flows(runs, selection)
    lines = [Line(band, "RTT", BLACK, "-") for band in [_binned(chosen)] if band is not None]
    wanted: list[tuple[str, str, str, Any]] = [("srtt_ns", "smoothed RTT", BLUE, (0, (4, 1.2, 1, 1.2)))]
    if rto:
        wanted.append(("rto_ns", "RTO", VERMILLION, (0, (4, 1.2))))
    samples = [sender_samples(flow.run, flow.chosen, flow.span) for flow in chosen]
    for column, label, colour, line in wanted:
        band = band_of([_steps(flow, one, column) for flow, one in zip(chosen, samples, strict=True)])
        if band is not None:
            lines.append(Line(band, label, colour, line, filled=column != "srtt_ns"))
    lines = [one for one in lines if not one.band.is_empty]
    if not lines:
        raise nothing_shown(chosen, "RTT sample")
    figure = new_figure(width_in)
    axes = figure.subplots()
    _, unit = draw_lines(axes, lines, scales.time_scale, "RTT")
    _scale(axes, lines, scale, unit)
    head(figure, title, keys(lines))
    return figure


def _binned(chosen: list[Flow]) -> Band | None:
    """The median RTT sample of each run in each bin; None when no run has a sample."""
    import numpy as np

    rows = [
        flow.run.scan("rtt").filter(flow.chosen.where(), scales.within(flow.span)).sort("t_ns").collect()
        for flow in chosen
    ]
    times = [one["t_ns"].to_numpy() - flow.start_ns for flow, one in zip(chosen, rows, strict=True)]
    return binned_over_runs(times, [one["rtt_ns"].to_numpy() for one in rows], np.median)


def _steps(flow: Flow, samples: pl.DataFrame | None, column: str) -> Steps:
    """``column`` of the socket samples since the first RTT sample, up to the last of them."""
    import numpy as np

    if samples is None:
        return Steps(np.zeros(0, np.int64), np.zeros(0, np.int64), None)
    known = samples.filter(samples["srtt_ns"] > 0)  # zero until the first sample of the connection
    t_ns = known["t_ns"].to_numpy() - flow.start_ns
    return Steps(t_ns, known[column].to_numpy(), int(t_ns[-1]) if t_ns.size else None)


def _scale(axes: Axes, lines: list[Line], scale: str, unit: scales.Scale) -> None:
    import numpy as np

    low = min(float(np.nanmin(one.band.low)) for one in lines)
    high = max(float(np.nanmax(one.band.high)) for one in lines)
    if scale == "log" or (scale == "auto" and low > 0 and high > LOG_ABOVE * low):
        axes.set_yscale("log")
        scales.plain_log_ticks(axes.yaxis, low / unit.divisor, high / unit.divisor)
    else:
        axes.set_ylim(bottom=0)
