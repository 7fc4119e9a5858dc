"""Figures over several runs of one experiment: a panel for each run, or a line for each run.

Which connections they show is what the experiment's own figures show: a panel figure for each time-sequence graph,
and for each connection what was delivered over time and the congestion window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from netemu.errors import BadInput
from netemu.figures.flight import changes, flight_and_window, sender_samples
from netemu.figures.output import FORMATS, file_bytes, file_stem, write_whole
from netemu.figures.registry import FigureSpec
from netemu.figures.scales import size_scale, time_scale, time_span
from netemu.figures.selection import SELECTION_OPTIONS, SHOWN_OPTIONS, shown
from netemu.figures.sequence_data import SequenceData, sequence_data
from netemu.figures.style import (
    COLUMN_WIDTH_IN,
    GREY,
    RASTER_ABOVE,
    SERIES,
    SMALL_PT,
    head,
    light_grid,
    new_figure,
    paper_style,
    settle,
)
from netemu.figures.tables import VALIDITIES, RunTables
from netemu.figures.time_sequence import Drawing, scales
from netemu.figures.validity import mark_validity, validity_line

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

KINDS = {
    "panels": "sequence numbers over time, a panel for each run on shared axes",
    "delivered": "bytes acknowledged over time, a line for each run",
    "cwnd": "congestion window over time, a line for each run; bytes in flight where a run has no socket samples",
}

PANEL_IN = 1.5


class ComparedSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure over several runs: the stem of its files, one of :data:`KINDS`, and the options of a selection."""

    name: str
    kind: str
    options: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class LabelledRun:
    """A run and what it is called in a comparison, such as its kernel."""

    label: str
    tables: RunTables


def compared_specs(asked: Sequence[FigureSpec]) -> list[ComparedSpec]:
    """The figures of a comparison of runs whose experiment asked for ``asked``; without any, its largest connection."""
    found = [ComparedSpec(spec.name, "panels", dict(spec.options)) for spec in asked if spec.figure == "time_sequence"]
    known: dict[str, str] = {}
    for spec in asked:
        chosen = {name: value for name, value in spec.options.items() if name in SELECTION_OPTIONS}
        if chosen and spec.figure != "cdf":
            known.setdefault(msgspec.json.encode(chosen, order="sorted").decode(), spec.name)
    for text, name in known.items() or [('{"pick":"largest"}', "largest")]:
        options = msgspec.json.decode(text)
        found += [ComparedSpec(f"{kind}-{name}", kind, options) for kind in ("delivered", "cwnd")]
    return found


def make_compared(
    specs: Sequence[ComparedSpec],
    runs: Sequence[LabelledRun],
    directory: Path,
    *,
    widths_in: Sequence[float] = (COLUMN_WIDTH_IN,),
) -> list[Path]:
    """Draw every figure at every width and write it to ``directory`` as PDF, SVG and PNG; the paths.

    Equal tables give equal bytes. A connection that a run does not have is said in its panel or in the legend.
    Raises :class:`BadInput` for a figure that no run has anything to show in, and for options that do not exist.
    """
    validity, reasons, judgement = _verdict(runs)
    note = validity_line(validity, reasons, judgement) or "Valid runs"
    files: dict[str, bytes] = {}
    for spec in specs:
        for width_in in widths_in:
            with paper_style():
                figure = _DRAWN[spec.kind](spec, runs, width_in)
                mark_validity(figure, validity, reasons, judgement)
                settle(figure)
            for suffix in FORMATS:
                files[f"{file_stem(spec.name, width_in)}.{suffix}"] = file_bytes(figure, suffix, spec.name, note)
    return [write_whole(directory / name, content) for name, content in files.items()]


def _verdict(runs: Sequence[LabelledRun]) -> tuple[str, tuple[str, ...], str]:
    """The worst verdict of the runs, with the reasons of each, and which are unjudged."""
    worst = max((run.tables.validity for run in runs), key=VALIDITIES.index)
    reasons = tuple(f"{run.label}: {reason}" for run in runs for reason in run.tables.reasons)
    judgement = ", ".join(f"{run.label} {run.tables.judgement}" for run in runs if run.tables.judgement)
    return worst, reasons, judgement


def _graphs(spec: ComparedSpec, runs: Sequence[LabelledRun]) -> list[SequenceData | None]:
    """What each run shows; None where it has no such connection, :class:`BadInput` where none has."""
    options = {name: value for name, value in spec.options.items() if name in SHOWN_OPTIONS}
    graphs: list[SequenceData | None] = []
    reasons = []
    for run in runs:
        try:
            graphs.append(sequence_data(run.tables, *shown(run.tables, options)))
        except BadInput as error:
            graphs.append(None)
            reasons.append(f"{run.label}: {error}")
    if not any(graphs):
        raise BadInput(f"figure {spec.name!r}: no run has anything to show: {'; '.join(reasons)}")
    return graphs


def _panels(spec: ComparedSpec, runs: Sequence[LabelledRun], width_in: float) -> Figure:
    graphs = _graphs(spec, runs)
    columns = 1 if width_in < 5 else 2
    rows = -(-len(runs) // columns)
    figure = new_figure(width_in, height_in=0.6 + PANEL_IN * rows * (1.0 if columns == 1 else 1.25))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    time, size = scales([graph for graph in graphs if graph is not None])
    legend: dict[str, Any] = {}
    for axes, run, graph in zip(grid.flat, runs, graphs, strict=False):
        axes.set_title(run.label, loc="left", fontsize=SMALL_PT, pad=2.0)
        if graph is None:
            _say(axes, "no such connection in this run")
            continue
        for key, label in Drawing(graph, axes, time, size).draw(bool(spec.options.get("window", True))):
            legend.setdefault(label, key)
    for place in range(len(runs), grid.size):
        grid.flat[place].set_visible(False)
        grid.flat[place - columns].tick_params(labelbottom=True)  # nothing below it any more says what time it is
    figure.supxlabel(time.label("Time"), fontsize=7.5)
    figure.supylabel(size.label("Sequence offset"), fontsize=7.5)
    head(figure, spec.options.get("title"), [(key, label) for label, key in legend.items()])
    return figure


def _say(axes: Any, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=SMALL_PT)


def _delivered(spec: ComparedSpec, runs: Sequence[LabelledRun], width_in: float) -> Figure:
    graphs = _graphs(spec, runs)
    lines = [
        None if graph is None else graph.acks.select("t_ns", value=graph.acks["ack"].cum_max()) for graph in graphs
    ]
    return _lines(spec, runs, lines, "Acknowledged", width_in)


def _cwnd(spec: ComparedSpec, runs: Sequence[LabelledRun], width_in: float) -> Figure:
    graphs = _graphs(spec, runs)
    span = time_span(spec.options.get("start"), spec.options.get("stop"))
    flows = [(run.tables, graph.selection) for run, graph in zip(runs, graphs, strict=True) if graph is not None]
    samples = [sender_samples(tables, selection, span) for tables, selection in flows]
    lines: list[pl.DataFrame] = []
    if all(sample is not None for sample in samples):
        name = "Congestion window"
        for sample in samples:
            assert sample is not None
            value = sample["snd_cwnd_segments"] * sample["snd_mss_bytes"]
            lines.append(changes(sample.select("t_ns", value=value), "value"))
    else:
        name = "In flight"
        for tables, selection in flows:
            flight = flight_and_window(tables, selection, span)
            lines.append(flight.select("t_ns", value="flight").drop_nulls())
    waiting = iter(lines)
    return _lines(spec, runs, [None if graph is None else next(waiting) for graph in graphs], name, width_in)


def _lines(
    spec: ComparedSpec, runs: Sequence[LabelledRun], lines: Sequence[pl.DataFrame | None], name: str, width_in: float
) -> Figure:
    """One step line for each run: ``t_ns`` and ``value`` in bytes."""
    import polars as pl

    figure = new_figure(width_in)
    axes = figure.subplots()
    drawn = [line for line in lines if line is not None and not line.is_empty()]
    time = time_scale(max((float(line["t_ns"].to_numpy().max()) for line in drawn), default=1.0))
    size = size_scale(max((float(line["value"].to_numpy().max()) for line in drawn), default=1.0))
    keys = []
    for number, (run, line) in enumerate(zip(runs, lines, strict=True)):
        look = SERIES[number % len(SERIES)]
        shown = pl.DataFrame(schema={"t_ns": pl.Int64, "value": pl.Int64}) if line is None else line
        x, y = shown["t_ns"].to_numpy() / time.divisor, shown["value"].to_numpy() / size.divisor
        style: dict[str, Any] = {"color": look.colour, "linestyle": look.line}
        (key,) = axes.step(x, y, where="post", rasterized=shown.height > RASTER_ABOVE, **style)
        keys.append((key, run.label if line is not None else f"{run.label} (no such connection)"))
    axes.set_xlabel(time.label("Time"))
    axes.set_ylabel(size.label(name))
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    light_grid(axes)
    head(figure, spec.options.get("title"), keys)
    return figure


_DRAWN = {"panels": _panels, "delivered": _delivered, "cwnd": _cwnd}
