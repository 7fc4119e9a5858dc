"""The empirical distribution of any column of any table, or of one derived from it, for each value of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures.scales import check_scale, column_scale, plain_log_ticks, within
from netemu.figures.selection import SELECTION_OPTIONS, select, split_span
from netemu.figures.style import SERIES, head, light_grid, new_figure
from netemu.recording.tables import TABLES

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from netemu.figures.tables import RunTables

LOG_ABOVE = 100
"""``scale="auto"`` is logarithmic when the 99th percentile is more than this many times the 1st."""

DERIVED = {"packets": {"gap_ns": "time since the packet before it of the same connection, direction and capture"}}
"""Columns that are reckoned when asked for: table -> column -> meaning."""


def draw(
    run: RunTables,
    *,
    width_in: float,
    table: str,
    column: str,
    by: str | None = None,
    where: dict[str, Any] | None = None,
    scale: str = "auto",
    title: str | None = None,
    **selection: Any,
) -> Figure:
    """The CDF of ``column`` of ``table``; nulls are left out.

    ``by``: a column whose values make one curve each (at most seven). ``where``: column -> value that rows must
    have. A selection of a connection narrows tables that have one; ``scale`` is ``auto``, ``linear`` or ``log``.
    Raises :class:`BadInput` for a column that is not there or holds no numbers, and when nothing is left to draw.
    """
    check_scale(scale)
    series = distributions(run, table=table, column=column, by=by, where=where, selection=selection)
    if not series:
        raise BadInput(f"{run.label}: no row of {table!r} is left for the distribution of {column!r}")
    check_curves(by, len(series))
    figure = new_figure(width_in)
    keys = _curves(figure.subplots(), series, column, scale)
    head(figure, title, keys if by is not None else [])
    return figure


def distributions(
    run: RunTables,
    *,
    table: str,
    column: str,
    by: str | None,
    where: dict[str, Any] | None,
    selection: dict[str, Any],
) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """Label and sorted values of each curve, in the order of the labels."""
    import polars as pl

    frame = _frame(run, table, column, [*([by] if by else []), *(where or {})])
    connection, span = split_span(selection)
    if connection:
        frame = frame.filter(_selected(run, table, connection))
    if "t_ns" in TABLES[table]:
        frame = frame.filter(within(span))
    for name, value in (where or {}).items():
        frame = frame.filter(pl.col(name) == value)
    rows = frame.select(*dict.fromkeys([column, by or column])).filter(pl.col(column).is_not_null())
    return _series(rows.collect(), column, by)


def check_curves(by: str | None, count: int) -> None:
    """Refuse more curves than can be told apart."""
    if count > len(SERIES):
        raise BadInput(f"by {by!r} has {count} values; at most {len(SERIES)} curves can be told apart")


def check(*, table: str, column: str, by: str | None = None, where: Any = None, **others: Any) -> None:
    """Refuse what no run can show; :class:`BadInput` names the table or column. Needs no run."""
    if where is not None and not isinstance(where, dict):
        raise BadInput(f"where is {where!r}; use column -> value, such as {{'call': 'send'}}")
    check_columns(table, column, [*([by] if by else []), *(where or {})])


def check_columns(table: str, column: str, others: list[str]) -> None:
    """Refuse a table or column that does not exist, and a ``column`` that holds no numbers."""
    if table not in TABLES:
        raise BadInput(f"no table is called {table!r}; there are {', '.join(TABLES)}")
    known = {**TABLES[table], **DERIVED.get(table, {})}
    for asked in [column, *others]:
        if asked not in known:
            raise BadInput(f"table {table!r} has no column {asked!r}; it has {', '.join(known)}")
    if column in TABLES[table] and TABLES[table][column][0] in ("str", "bool"):
        raise BadInput(f"column {column!r} of table {table!r} holds no numbers, so it has no distribution")


def _frame(run: RunTables, table: str, column: str, others: list[str]) -> pl.LazyFrame:
    """``table`` with the derived column, if one is asked for; :class:`BadInput` for a column that will not do."""
    import polars as pl

    check_columns(table, column, others)
    frame = run.scan(table)
    if column == "gap_ns" and table == "packets":
        of_one = ["capture", "connection", "direction"]
        frame = frame.sort("capture", "frame").with_columns(gap_ns=pl.col("t_ns").diff().over(of_one))
    return frame


def _selected(run: RunTables, table: str, selection: dict[str, Any]) -> pl.Expr:
    import polars as pl

    if table == "sockets":
        chosen = select(run, **selection)
        return (pl.col("local") == chosen.sender) & (pl.col("remote") == chosen.receiver)
    if not {"capture", "connection", "direction"} <= set(TABLES[table]):
        asked = ", ".join(name for name in SELECTION_OPTIONS if name in selection)
        raise BadInput(f"table {table!r} has no connections to choose from by {asked}; use where")
    return select(run, **selection).where()


def _series(rows: pl.DataFrame, column: str, by: str | None) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """Label and sorted values of each curve, in the order of the labels."""
    if rows.is_empty():
        return []
    if by is None:
        return [("", rows[column].sort().to_numpy())]
    parts = rows.partition_by(by, as_dict=True)
    return [
        (str(key[0]), part[column].sort().to_numpy()) for key, part in sorted(parts.items(), key=lambda p: str(p[0]))
    ]


def _curves(
    axes: Axes, series: list[tuple[str, np.ndarray[Any, Any]]], column: str, scale: str
) -> list[tuple[Any, str]]:
    """A curve for each series, and the legend they need."""
    import numpy as np

    divisor = finish_axes(axes, np.concatenate([values for _, values in series]), column, scale)
    keys: list[tuple[Any, str]] = []
    for (label, values), look in zip(series, SERIES, strict=False):
        x, counts = np.unique(values, return_counts=True)
        share = np.cumsum(counts) / values.size
        (key,) = axes.step(
            np.concatenate([x[:1], x]) / divisor,
            np.concatenate([[0.0], share]),
            where="post",
            color=look.colour,
            linestyle=look.line,
        )
        keys.append((key, f"{label} ({values.size})"))
    return keys


def finish_axes(axes: Axes, everything: np.ndarray[Any, Any], column: str, scale: str) -> float:
    """Scales and labels of the axes for ``everything`` they are to show; what values are divided by."""
    import numpy as np

    low, high = np.quantile(everything, [0.01, 0.99])
    logarithmic = scale == "log" or (scale == "auto" and low > 0 and high > LOG_ABOVE * low)
    if logarithmic and everything.min() <= 0:
        raise BadInput(f"column {column!r} holds {everything.min():g}, which a logarithmic axis cannot show")
    quantity, unit = column_scale(column, float(high))
    if logarithmic:
        axes.set_xscale("log")
        plain_log_ticks(axes.xaxis, float(everything.min()) / unit.divisor, float(everything.max()) / unit.divisor)
    axes.set_ylim(0, 1.02)
    axes.margins(x=0.02)
    axes.set_xlabel(unit.label(quantity) if unit.unit else quantity)
    axes.set_ylabel("Cumulative fraction")
    light_grid(axes, axis="both")
    return unit.divisor
