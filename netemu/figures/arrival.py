"""When each byte of a transfer arrived for the first time: the transfer as its receiver sees it, repairs included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures import scales
from netemu.figures.selection import Selection, shown, split_address
from netemu.figures.style import BLACK, light_grid, new_figure

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from netemu.figures.tables import RunTables

    Array = np.ndarray[Any, Any]

GRID_POINTS = 600
"""Offsets at which an arrival is taken, evenly spread: two to each point (1/72 in) of a column's width."""


def draw(
    run: RunTables,
    *,
    width_in: float,
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The selected connection; without ``capture`` the one taken on the receiver's own node."""
    chosen, span = shown(run, at_receiver(run, selection))
    data = data_of(run, chosen, span)
    offsets = common_offsets([data])
    if not offsets.size:
        raise BadInput(f"{run.label}: no data of {chosen.sender} > {chosen.receiver} between start and stop")
    t_ns = data.first_arrivals(offsets)
    figure = new_figure(width_in)
    axes = figure.subplots()
    time, size = scales.time_scale(float(data.t_ns.max())), scales.size_scale(float(offsets.max()))
    axes.plot(offsets / size.divisor, t_ns / time.divisor, ".", color=BLACK, markersize=1.5)
    axes.set_xlabel(size.label("Sequence offset"))
    axes.set_ylabel(time.label("First arrival"))
    axes.margins(x=0.02)
    light_grid(axes)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=8.0)
    return figure


def at_receiver(run: RunTables, selection: Mapping[str, Any]) -> dict[str, Any]:
    """The selection with the capture of the receiver's own node, unless it names a capture or there is none."""
    if selection.get("capture") is not None or not run.captures:
        return dict(selection)
    receiver = split_address(shown(run, selection)[0].receiver)[0]
    for capture, node in sorted(run.captures.items()):
        seen = run.scan("connections").collect()["capture"]
        if receiver in run.addresses.get(node, frozenset()) and capture in seen:
            return {**selection, "capture": capture}
    return dict(selection)


@dataclass(frozen=True, slots=True)
class Data:
    """The packets with data of one direction in the order of time: offsets of their bytes ``[starts, ends)``."""

    t_ns: Array
    starts: Array
    ends: Array

    def first_arrivals(self, offsets: Array) -> Array:
        """``t_ns`` of the first packet that carried the byte at each of ``offsets`` (ascending); NaN where none did."""
        import numpy as np

        found = np.full(offsets.size, np.nan)
        first, last = np.searchsorted(offsets, self.starts, "left"), np.searchsorted(offsets, self.ends, "left")
        for low, high, t_ns in zip(first[::-1], last[::-1], self.t_ns[::-1], strict=True):  # the earliest comes last
            found[low:high] = t_ns
        return found


def data_of(run: RunTables, chosen: Selection, span: tuple[int, int]) -> Data:
    """The data of the selection within ``span``."""
    import polars as pl

    rows = (
        run.scan("packets")
        .filter(pl.col("protocol") == 6, pl.col("payload_bytes") > 0, chosen.where(), scales.within(span))
        .sort("t_ns", "frame")
        .select("t_ns", start="seq_offset_bytes", end=pl.col("seq_offset_bytes") + pl.col("payload_bytes"))
        .collect()
    )
    return Data(*(rows[name].to_numpy() for name in ("t_ns", "start", "end")))


def common_offsets(transfers: Sequence[Data]) -> Array:
    """Offsets evenly spread from the first byte of any transfer to the last; none where there is no data."""
    import numpy as np

    present = [one for one in transfers if one.t_ns.size]
    if not present:
        return np.zeros(0, np.int64)
    first, last = min(one.starts.min() for one in present), max(one.ends.max() for one in present) - 1
    return np.unique(np.linspace(first, last, GRID_POINTS).round().astype(np.int64))
