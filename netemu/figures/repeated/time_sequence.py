"""The highest acknowledged offset over time: how far the transfer had come, in the median of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.figures.repeated.lines import Line, Steps, band_of, draw_lines, keys
from netemu.figures.repeated.runs import Flow, SeveralRuns, flows, nothing_shown
from netemu.figures.scales import size_scale, within
from netemu.figures.sequence_data import ACK, RST, has_flag
from netemu.figures.style import BLUE, head, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    window: bool = True,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection in every run; ``window`` tells what the graph of one run shows, and nothing here."""
    chosen = flows(runs, selection)
    band = band_of([_acknowledged(flow) for flow in chosen])
    if band is None or band.is_empty:
        raise nothing_shown(chosen, "ACK")
    figure = new_figure(width_in)
    axes = figure.subplots()
    lines = [Line(band, "median", BLUE, "-")]
    draw_lines(axes, lines, size_scale, "Acknowledged")
    head(figure, title, keys(lines))
    return figure


def _acknowledged(flow: Flow) -> Steps:
    """The highest ACK so far; what is acknowledged stays so when the connection has ended."""
    import polars as pl

    rows = (
        flow.run.scan("packets")
        .filter(pl.col("protocol") == 6, flow.chosen.where(reverse=True), has_flag(ACK), ~has_flag(RST))
        .sort("t_ns", "frame")
        .select("t_ns", acked=pl.col("ack_offset_bytes").cum_max())
        .filter(within(flow.span))
        .collect()
    )
    return Steps(rows["t_ns"].to_numpy() - flow.start_ns, rows["acked"].to_numpy(), None)
