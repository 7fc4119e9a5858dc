"""Several runs of one quantity on a common grid: the median with a band around it.

Arrays have one row for each run and one column for each place on the grid; NaN is a run that has no value there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netemu.spread import median_rank

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

GRID_POINTS = 2000
"""Finer than the 600 dpi of a column's width."""

BINS = 60
"""Of samples that come packet by packet."""


@dataclass(frozen=True, slots=True)
class Band:
    """At each ``x``: median, least and greatest of the ``counts`` runs that have a value; 95 % interval of the median.

    NaN where no more than half of the runs, or only one, have a value; the interval also where fewer than 6 have.
    """

    x: Array
    median: Array
    low: Array
    high: Array
    interval_low: Array
    interval_high: Array
    counts: Array

    @property
    def has_interval(self) -> bool:
        """Whether there are runs enough somewhere for the interval of the median."""
        import numpy as np

        return bool(np.isfinite(self.interval_low).any())

    @property
    def confidence(self) -> float:
        """With which probability least to greatest hold the median, where most runs have a value."""
        return float(1 - 2.0 ** (1 - int(self.counts.max())))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        import numpy as np

        return not np.isfinite(self.median).any()


def over_runs(x: Array, values: Array) -> Band:
    """The band of ``values`` (runs x places) at the places ``x``."""
    import numpy as np

    runs, places = values.shape
    ordered = np.sort(values.astype(float), axis=0)  # NaN last
    counts = np.isfinite(ordered).sum(axis=0)
    median, low, high, interval_low, interval_high = np.full((5, places), np.nan)
    band = Band(x, median, low, high, interval_low, interval_high, counts)
    for count in range(max(2, runs // 2 + 1), runs + 1):
        at = np.flatnonzero(counts == count)
        if not at.size:
            continue
        present = ordered[:count, at]
        band.median[at], band.low[at], band.high[at] = np.median(present, axis=0), present[0], present[-1]
        rank = median_rank(count)
        if rank is not None:
            band.interval_low[at], band.interval_high[at] = present[rank - 1], present[count - rank]
    return band


def common_grid(starts: list[int], stops: list[int]) -> Array:
    """Whole numbers from the first start to the last stop, evenly spread, at most ``GRID_POINTS``."""
    import numpy as np

    first, last = min(starts), max(stops)
    return np.unique(np.linspace(first, last, GRID_POINTS).round().astype(np.int64))


def held(x: Array, values: Array, grid: Array, *, until: int | None = None) -> Array:
    """A step function at each place of ``grid``: the value of the last ``x`` not after it.

    NaN before the first ``x``, after ``until`` where given, and where the value itself is NaN. ``x`` ascends; of
    equal ones the last counts.
    """
    import numpy as np

    index = np.searchsorted(x, grid, side="right") - 1
    found = np.full(grid.size, np.nan)
    known = index >= 0
    found[known] = values.astype(float)[index[known]]
    if until is not None:
        found[grid > until] = np.nan
    return found


def in_bins(x: Array, values: Array, edges: Array, reduce: Callable[[Array], Any]) -> Array:
    """``reduce`` of the values in each bin ``[edges[i], edges[i + 1])``; the last bin holds its end; NaN where none."""
    import numpy as np

    found = np.full(edges.size - 1, np.nan)
    index = np.clip(np.searchsorted(edges, x, side="right") - 1, -1, edges.size - 2)
    index[x > edges[-1]] = -1
    for one in np.unique(index[index >= 0]):
        found[one] = reduce(values[index == one])
    return found


def binned_over_runs(times: list[Array], values: list[Array], reduce: Callable[[Array], Any]) -> Band | None:
    """The band of ``reduce`` of each run's values in each of ``BINS`` equal bins; None when no run has a value.

    A bin's value stands at its beginning and again at its end, so that it is drawn as wide as it is.
    """
    import numpy as np

    everything = np.concatenate(times)
    if not everything.size:
        return None
    first = int(everything.min())
    edges = np.linspace(first, max(int(everything.max()), first + BINS), BINS + 1)
    rows = np.stack([in_bins(t_ns, one, edges, reduce) for t_ns, one in zip(times, values, strict=True)])
    places = np.ravel(np.column_stack([edges[:-1], edges[1:]]))
    return over_runs(places, np.repeat(rows, 2, axis=1))


def share_at_or_below(values: Array, grid: Array) -> Array:
    """The empirical distribution of ``values``: the fraction of them at or below each place of ``grid``."""
    import numpy as np

    return np.searchsorted(np.sort(values), grid, side="right") / values.size
