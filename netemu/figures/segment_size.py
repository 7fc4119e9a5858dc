"""Size of every data segment's IP packet over time, the path MTU, and the ICMP message behind each step of it.

The path MTU is the sender's own view (``tcpi_pmtu`` of its socket samples) where the run has samples, and otherwise
what the ICMP messages reported. Where nobody reports, the sender's own probes (RFC 4821) are marked instead, as the
table ``path_mtu`` has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures.flight import changes, sender_samples
from netemu.figures.scales import Scale, time_scale, within
from netemu.figures.selection import Selection, shown
from netemu.figures.style import (
    BLACK,
    BLUE,
    RASTER_ABOVE,
    RETRANSMISSIONS,
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

    from netemu.figures.tables import RunTables

PROBES = {"mtu_probe_confirmed": ("^", "MTU probe, confirmed"), "mtu_probe_lost": ("x", "MTU probe, lost")}
"""Causes of the table path_mtu that are probes: marker and name."""

KINDS = {"fragmentation_needed": "ICMP fragmentation needed", "packet_too_big": "ICMPv6 packet too big"}


def draw(
    run: RunTables,
    *,
    width_in: float,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected direction between ``start`` and ``stop``; hollow circles are retransmissions."""
    import polars as pl

    chosen, span = shown(run, selection)
    sizes = (
        run.scan("packets")
        .filter(chosen.where(), pl.col("protocol") == 6, pl.col("payload_bytes") > 0, within(span))
        .sort("frame")
        .collect()
    )
    if sizes.is_empty():
        raise BadInput(f"{run.label}: no data segment of {chosen.sender} > {chosen.receiver} between start and stop")
    messages = icmp_messages(run, chosen, span)
    time = time_scale(float(sizes["t_ns"].to_numpy().max()))
    figure = new_figure(width_in)
    axes = figure.subplots()
    keys = _segments(axes, sizes, time)
    keys += _path_mtu(axes, sender_samples(run, chosen, span), messages, sizes, time)
    keys += _causes(axes, messages, time)
    keys += _probes(axes, mtu_probes(run, chosen, span), time)
    axes.margins(x=0.03, y=0.12)
    axes.set_xlabel(time.label("Time"))
    axes.set_ylabel(Scale("B", 1.0).label("IP packet size"))
    light_grid(axes)
    head(figure, title, keys)
    return figure


def icmp_messages(run: RunTables, chosen: Selection, span: tuple[int, int]) -> pl.DataFrame | None:
    """ICMP errors that report an MTU and quote a packet of the direction; None when there is none."""
    import polars as pl

    if not run.has("icmp"):
        return None
    rows = (
        run.scan("icmp")
        .filter(chosen.where(), pl.col("kind").is_in(list(KINDS)), pl.col("mtu_bytes") > 0, within(span))
        .sort("t_ns")
    )
    found = rows.collect()
    return None if found.is_empty() else found


def mtu_probes(run: RunTables, chosen: Selection, span: tuple[int, int]) -> pl.DataFrame | None:
    """Packets by which the sender tried a larger size, confirmed or lost; None when it tried none."""
    import polars as pl

    if not run.has("path_mtu"):
        return None
    rows = run.scan("path_mtu").filter(
        chosen.where(), pl.col("cause").cast(pl.String).is_in(list(PROBES)), within(span)
    )
    found = rows.sort("t_ns").collect()
    return None if found.is_empty() else found


def _segments(axes: Axes, sizes: pl.DataFrame, time: Scale) -> list[tuple[Any, str]]:
    import polars as pl

    keys: list[tuple[Any, str]] = []
    resent = pl.col("kind").is_in(list(RETRANSMISSIONS))
    for rows, label, face in (
        (sizes.filter(~resent), "segment", BLACK),
        (sizes.filter(resent), "retransmission", "none"),
    ):
        if not rows.is_empty():
            x = rows["t_ns"].to_numpy() / time.divisor
            style: dict[str, Any] = {
                "markersize": 2.2 if face == BLACK else 3.4,
                "rasterized": rows.height > RASTER_ABOVE,
            }
            (key,) = axes.plot(x, rows["ip_bytes"].to_numpy(), "o", color=BLACK, markerfacecolor=face, **style)
            keys.append((key, label))
    return keys


def _path_mtu(
    axes: Axes, samples: pl.DataFrame | None, messages: pl.DataFrame | None, sizes: pl.DataFrame, time: Scale
) -> list[tuple[Any, str]]:
    """The step line of the path MTU, up to the last segment shown."""
    if samples is not None:
        steps = changes(samples, "pmtu_bytes")
        x, y, label = steps["t_ns"].to_list(), steps["pmtu_bytes"].to_list(), "path MTU (socket)"
    elif messages is not None:
        x, y, label = messages["t_ns"].to_list(), messages["mtu_bytes"].to_list(), "path MTU (ICMP)"
    else:
        return []
    end = max(int(sizes["t_ns"].to_numpy().max()), x[-1])
    scaled = [t / time.divisor for t in [*x, end]]
    (key,) = axes.step(scaled, [*y, y[-1]], where="post", color=BLUE, linestyle=(0, (4, 1.2)), zorder=1)
    return [(key, label)]


def _causes(axes: Axes, messages: pl.DataFrame | None, time: Scale) -> list[tuple[Any, str]]:
    """A triangle for each ICMP message at the MTU it reports, with that MTU and the router beside the first of each."""
    if messages is None:
        return []
    named: set[tuple[str, int]] = set()
    low, high = axes.get_xlim()
    keys: dict[str, Any] = {}
    for row in messages.iter_rows(named=True):
        x, mtu = row["t_ns"] / time.divisor, row["mtu_bytes"]
        (key,) = axes.plot(x, mtu, "v", color=VERMILLION, markersize=4.5, zorder=5, linestyle="none")
        keys.setdefault(row["kind"], key)
        if (row["reporter"], mtu) not in named:
            named.add((row["reporter"], mtu))
            late = x > (low + high) / 2  # its text goes to the left, where there is room
            axes.annotate(
                f"{mtu} B from {row['reporter']}",
                (x, mtu),
                (-4 if late else 4, 4),
                textcoords="offset points",
                ha="right" if late else "left",
                fontsize=SMALL_PT,
                color=VERMILLION,
            )
    return [(key, KINDS[kind]) for kind, key in keys.items()]


def _probes(axes: Axes, probes: pl.DataFrame | None, time: Scale) -> list[tuple[Any, str]]:
    """A mark for each MTU probe at its own size, where its answer or its loss was seen."""
    import polars as pl

    keys: list[tuple[Any, str]] = []
    for cause, (marker, label) in PROBES.items():
        rows = None if probes is None else probes.filter(pl.col("cause") == cause)
        if rows is not None and not rows.is_empty():
            x = rows["t_ns"].to_numpy() / time.divisor
            (key,) = axes.plot(x, rows["probe_bytes"].to_numpy(), marker, color=VERMILLION, markersize=4.5, zorder=5)
            key.set_linestyle("none")
            keys.append((key, label))
    return keys
