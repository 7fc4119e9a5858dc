"""The life of a send(): from the system call, through buffers and network, to the read and the acknowledgement.

From top to bottom the way of the bytes: the calls; what the sender holds of them; each packet from the sender's host to
the receiver's and each ACK back, over time; what the receiver holds; the reads. A packet that was lost ends half-way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures.life_data import PROBES, RETRANSMITTED, Life, Steps, held, life, step_times
from netemu.figures.scales import Scale, size_scale, time_scale
from netemu.figures.selection import Selection, shown, split_address
from netemu.figures.style import (
    BLACK,
    BLUE,
    DROPS,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RASTER_ABOVE,
    RETRANSMISSIONS,
    SKY_BLUE,
    SMALL_PT,
    VERMILLION,
    YELLOW,
    Look,
    head,
    light_grid,
    new_figure,
)

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netemu.figures.tables import RunTables


def check(*, send: object = None, **_: object) -> None:
    """Refuse a number of a send() that is none."""
    if send is not None and (not isinstance(send, int) or isinstance(send, bool) or send < 1):
        raise BadInput(f"send {send!r} is not a number from 1 on; the first send() of the connection is 1")


def draw(
    run: RunTables,
    *,
    width_in: float,
    send: int | None = None,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The ``send``-th send() of the selected direction, or all that meet ``start`` to ``stop``."""
    chosen, span = shown(run, selection)
    data = life(run, chosen, span, send)
    limits = _shown(data, span)
    figure = new_figure(width_in, height_in=width_in * (1.05 if width_in < 5 else 0.66))
    rows = figure.subplots(5, 1, sharex=True, height_ratios=[0.22, 1.0, 2.0, 1.0, 0.22])
    drawing = _Drawing(data, limits, size_scale(float(data.sends["done_bytes"].sum())))
    drawing.calls(rows[0], data.sends, "send()")
    drawing.sender(rows[1])
    drawing.network(rows[2], _names(run, chosen))
    drawing.receiver(rows[3])
    drawing.calls(rows[4], data.reads, "recv()")
    margin = 0.02 * (limits[1] - limits[0])
    rows[4].set_xlim((limits[0] - margin) / drawing.time.divisor, (limits[1] + margin) / drawing.time.divisor)
    rows[4].set_xlabel(drawing.time.label("Time"))
    figure.align_ylabels()
    head(figure, title, drawing.legend)
    return figure


def _shown(data: Life, span: tuple[int, int]) -> tuple[int, int]:
    """From the first call to the last thing that happened to its bytes, within ``span``."""
    first = int(data.sends["t_ns"][0])
    ends = [first]
    for steps in (data.sent, data.acked, data.arrived, data.read):
        if steps.t_ns.size:
            ends.append(int(steps.t_ns[steps.level.searchsorted(steps.level[-1])]))
    returned = (data.sends["t_ns"] + data.sends["blocked_ns"]).to_list()
    return max(first, span[0]), min(max(*ends, *returned), span[1])


def _names(run: RunTables, chosen: Selection) -> tuple[str, str]:
    """Nodes of sender and receiver; addresses where no node is known."""
    found = []
    for end in (chosen.sender, chosen.receiver):
        address = split_address(end)[0]
        found.append(next((node for node, own in run.addresses.items() if address in own), address))
    return found[0], found[1]


_GREY_BAR = "#C8C8C8"
_PACKET, _PROBE, _ACK = Look("packet", BLACK, "", "-"), Look("probe", PURPLE, "", "-"), Look("ACK", GREEN, "", "-")


class _Drawing:
    """The lanes while they are drawn: units, and the legend earned so far."""

    def __init__(self, data: Life, shown: tuple[int, int], size: Scale) -> None:
        self.data, self.shown, self.size = data, shown, size
        self.time = time_scale(float(shown[1]))
        self.legend: list[tuple[Any, str]] = []
        delay = data.packets["arrival_ns"] - data.packets["t_ns"]
        self.half_ns = float(delay.cast(float).median() or 0.0) / 2  # type: ignore[arg-type]

    def calls(self, axes: Axes, rows: pl.DataFrame, name: str) -> None:
        """A bar for the time in each call, a tick where it returned."""
        x, width = rows["t_ns"].to_numpy() / self.time.divisor, rows["blocked_ns"].to_numpy() / self.time.divisor
        many = rows.height > RASTER_ABOVE
        bars = list(zip(x, width, strict=True))
        axes.broken_barh(bars, (-0.3, 0.6), facecolors=_GREY_BAR, linewidth=0, rasterized=many)
        axes.plot(x + width, 0 * x, "|", color=BLACK, markersize=5.0, markeredgewidth=0.6, rasterized=many)
        axes.set_yticks([0], [name], fontsize=SMALL_PT)
        axes.set_ylim(-0.5, 0.5)
        _bare(axes)

    def sender(self, axes: Axes) -> None:
        """Bytes handed to send() and not yet sent, above those sent and not yet acknowledged."""
        d = self.data
        layers = ((d.sent, d.acked, BLUE, "in flight"), (d.handed, d.sent, SKY_BLUE, "not sent yet"))
        self._holds(axes, layers, "Sender holds")

    def receiver(self, axes: Axes) -> None:
        """Bytes that arrived and were not read, above those that wait for bytes before them."""
        d = self.data
        layers = ((d.in_order, d.read, ORANGE, "to be read"), (d.arrived, d.in_order, YELLOW, "behind a gap"))
        self._holds(axes, layers, "Receiver holds")

    def _holds(self, axes: Axes, layers: Sequence[tuple[Steps, Steps, str, str]], what: str) -> None:
        """Bytes that had come to one place and not yet to the next, each layer upon the one before."""
        from matplotlib.ticker import MaxNLocator

        times = step_times([steps for first, then, *_ in layers for steps in (first, then)])
        x, many = times / self.time.divisor, times.size > RASTER_ABOVE
        floor = 0.0 * times
        for first, then, colour, label in layers:
            height = held(first, then, times) / self.size.divisor
            key = axes.fill_between(
                x, floor, floor + height, step="post", facecolor=colour, linewidth=0, rasterized=many
            )
            floor += height
            if height.any():
                self.legend.append((key, label))
        axes.set_ylim(0, max(floor.max(initial=0.0), 1 / self.size.divisor) * 1.08)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
        axes.set_ylabel(self.size.label(what).replace(" (", "\n("))
        axes.tick_params(axis="x", length=0)
        light_grid(axes)

    def network(self, axes: Axes, names: tuple[str, str]) -> None:
        """Each packet as a line from the sender's host to the receiver's, each ACK as a line back."""
        import polars as pl

        packets = self.data.packets
        self._lines(axes, self.data.acks, _ACK, (0.0, 1.0), 0.35)
        self._lines(axes, packets.filter(~pl.col("kind").is_in([*RETRANSMITTED, *PROBES])), _PACKET, (1.0, 0.0), 0.45)
        self._lines(axes, packets.filter(pl.col("kind").is_in(PROBES)), _PROBE, (1.0, 0.0), 0.9)
        for kind in RETRANSMITTED:
            rows, look = packets.filter(pl.col("kind") == kind), RETRANSMISSIONS[kind]
            self._lines(axes, rows, look, (1.0, 0.0), 0.9)
            seen = rows.filter(pl.col("t_ns").is_between(*self.shown))
            if not seen.is_empty():  # the layout would make room for a marker that is nowhere
                x = seen["t_ns"].to_numpy() / self.time.divisor
                axes.plot(x, 0 * x + 1, look.marker, color=look.colour, markersize=2.6, clip_on=False, zorder=5)
        self._losses(axes, packets.filter(pl.col("fate") == "lost"))
        axes.set_yticks([1, 0], names, fontsize=SMALL_PT)
        axes.set_ylim(-0.03, 1.03)
        for y in (0, 1):
            axes.axhline(y, color=GREY, linewidth=0.6, zorder=1)
        if not packets["arrival_ns"].count():
            axes.text(0.5, 0.5, "not captured at the receiver", transform=axes.transAxes, ha="center", va="center")
        _bare(axes)

    def _lines(self, axes: Axes, rows: pl.DataFrame, look: Look, way: tuple[float, float], width: float) -> None:
        """Lines in time from one host to the other; of what did not arrive, a half of the usual way."""
        import numpy as np
        from matplotlib.collections import LineCollection

        if rows.is_empty():
            return
        whole = rows["arrival_ns"].is_not_null().to_numpy()
        begin = rows["t_ns"].to_numpy()
        end = np.where(whole, rows["arrival_ns"].fill_null(0).to_numpy(), begin + self.half_ns)
        heights = np.where(whole, way[1], 0.5)
        x = np.stack([begin, end], 1) / self.time.divisor
        lines = np.stack([x, np.stack([0 * heights + way[0], heights], 1)], 2)
        many = len(lines) > RASTER_ABOVE
        axes.add_collection(LineCollection(list(lines), colors=look.colour, linewidths=width, rasterized=many))
        if look.label:
            self._earn(look, line="-")

    def _losses(self, axes: Axes, lost: pl.DataFrame) -> None:
        """A cross where each lost packet's line ends, by the reason its wire gave."""
        looks = [(lost.filter(lost["action"] == action), look) for action, look in DROPS.items()]
        looks.append((lost.filter(lost["action"].is_null()), Look("no account", VERMILLION, "1", "")))
        for rows, look in looks:
            if not rows.is_empty():
                x = (rows["t_ns"].to_numpy() + self.half_ns) / self.time.divisor
                self._lines(axes, rows, Look("", VERMILLION, "", "-"), (1.0, 0.0), 0.6)
                axes.plot(x, 0 * x + 0.5, look.marker, color=VERMILLION, markersize=4.0, markeredgewidth=0.9, zorder=6)
                self._earn(Look(f"lost: {look.label}", VERMILLION, look.marker, ""), line="")

    def _earn(self, look: Look, *, line: Any) -> None:
        from matplotlib.lines import Line2D

        if look.label not in [label for _, label in self.legend]:
            key = Line2D([], [], color=look.colour, linestyle=line, marker=look.marker or None, markersize=3.5)
            self.legend.append((key, look.label))


def _bare(axes: Axes) -> None:
    """Without the frame of an axis that counts nothing."""
    axes.tick_params(axis="both", length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
