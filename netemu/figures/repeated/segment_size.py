"""The largest data segment in bins of time and the path MTU over time, with the ICMP messages behind its steps."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from netemu.figures.flight import sender_samples
from netemu.figures.repeated.bands import Band, binned_over_runs
from netemu.figures.repeated.lines import Line, Steps, band_of, draw_lines, keys
from netemu.figures.repeated.runs import Flow, SeveralRuns, flows, nothing_shown
from netemu.figures.scales import Scale, within
from netemu.figures.segment_size import KINDS, icmp_messages
from netemu.figures.style import BLACK, BLUE, SMALL_PT, VERMILLION, head, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw(
    runs: SeveralRuns,
    *,
    width_in: float,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected direction in every run; a triangle is the median time of an ICMP message, its bar min to max."""
    chosen = flows(runs, selection)
    sizes = _sizes(chosen)
    if sizes is None or sizes.is_empty:
        raise nothing_shown(chosen, "data segment")
    lines = [Line(sizes, "largest segment", BLACK, "-")]
    path_mtu = band_of([_path_mtu(flow) for flow in chosen])
    if path_mtu is not None and not path_mtu.is_empty:
        lines.append(Line(path_mtu, "path MTU (socket)", BLUE, (0, (4, 1.2))))
    figure = new_figure(width_in)
    axes = figure.subplots()
    time, _ = draw_lines(axes, lines, lambda _: Scale("B", 1.0), "IP packet size")
    axes.margins(x=0.03, y=0.12)
    head(figure, title, keys(lines) + _causes(axes, chosen, time))
    return figure


def _sizes(chosen: list[Flow]) -> Band | None:
    """The IP packet size of the largest data segment that each run sent in each bin.

    What is left of a segment that was split for a smaller path MTU says nothing of the path, so the largest counts.
    """
    import numpy as np
    import polars as pl

    times, sizes = [], []
    for flow in chosen:
        rows = (
            flow.run.scan("packets")
            .filter(flow.chosen.where(), pl.col("protocol") == 6, pl.col("payload_bytes") > 0, within(flow.span))
            .select("t_ns", "ip_bytes")
            .collect()
        )
        times.append(rows["t_ns"].to_numpy() - flow.start_ns)
        sizes.append(rows["ip_bytes"].to_numpy())
    return binned_over_runs(times, sizes, np.max)


def _path_mtu(flow: Flow) -> Steps:
    import numpy as np

    samples = sender_samples(flow.run, flow.chosen, flow.span)
    if samples is None:
        return Steps(np.zeros(0, np.int64), np.zeros(0, np.int64), None)
    t_ns = samples["t_ns"].to_numpy() - flow.start_ns
    return Steps(t_ns, samples["pmtu_bytes"].to_numpy(), int(t_ns[-1]))


def _causes(axes: Axes, chosen: list[Flow], time: Scale) -> list[tuple[Any, str]]:
    """The first message of each kind, router and MTU in each run: a triangle at the median time, a bar min to max."""
    found: dict[tuple[str, str, int], list[int]] = {}
    for flow in chosen:
        messages = icmp_messages(flow.run, flow.chosen, flow.span)
        seen: set[tuple[str, str, int]] = set()
        for row in () if messages is None else messages.iter_rows(named=True):
            message = (row["kind"], row["reporter"], row["mtu_bytes"])
            if message not in seen:
                seen.add(message)
                found.setdefault(message, []).append(row["t_ns"] - flow.start_ns)
    low, high = axes.get_xlim()
    keys_found: dict[str, Any] = {}
    for (kind, reporter, mtu), times in sorted(found.items(), key=lambda item: (min(item[1]), item[0])):
        x = median(times) / time.divisor
        axes.plot([min(times) / time.divisor, max(times) / time.divisor], [mtu, mtu], color=VERMILLION, linewidth=1.2)
        (key,) = axes.plot(x, mtu, "v", color=VERMILLION, markersize=4.5, zorder=5, linestyle="none")
        keys_found.setdefault(kind, key)
        late = x > (low + high) / 2  # its text goes to the left, where there is room
        axes.annotate(
            f"{mtu} B from {reporter}" + ("" if len(times) == len(chosen) else f" in {len(times)} runs"),
            (x, mtu),
            (-4 if late else 4, 4),
            textcoords="offset points",
            ha="right" if late else "left",
            fontsize=SMALL_PT,
            color=VERMILLION,
        )
    return [(key, KINDS[kind]) for kind, key in keys_found.items()]
