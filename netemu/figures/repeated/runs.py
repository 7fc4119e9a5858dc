"""The runs of a figure over several runs, and in each of them the flow it shows, on a time of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput
from netemu.figures.selection import Selection, select, split_span

if TYPE_CHECKING:
    from netemu.figures.tables import RunTables


@dataclass(frozen=True, slots=True)
class SeveralRuns:
    """Tables of at least two runs that are not void; ``void``: how many void ones were left out.

    :raises BadInput: fewer than two runs are left, or one of them is void.
    """

    tables: tuple[RunTables, ...]
    void: int = 0

    def __post_init__(self) -> None:
        for run in self.tables:
            if run.validity == "void":
                raise BadInput(f"{run.label}: the run is void; leave it out of a figure over several runs")
        if len(self.tables) < 2:
            raise BadInput(
                f"a figure over several runs needs two that are not void; there are {len(self.tables)}"
                f" and {self.void} void"
            )

    @property
    def degraded(self) -> int:
        """How many of the runs are degraded."""
        return sum(run.validity == "degraded" for run in self.tables)

    @property
    def is_flawless(self) -> bool:
        """Whether every run made was valid."""
        return self.degraded == 0 and self.void == 0

    def note(self) -> str:
        """What every figure says, such as ``3 runs, 1 of them degraded (busy); 1 void run left out``."""
        text = f"{len(self.tables)} runs, "
        if self.degraded:
            reasons = dict.fromkeys(reason for run in self.tables for reason in run.reasons)
            text += f"{self.degraded} of them degraded ({'; '.join(reasons) or 'no reason recorded'})"
        else:
            text += "all valid"
        if any(run.judgement for run in self.tables):
            text += ", of an unjudged model"
        return text + (f"; {self.void} void {'run' if self.void == 1 else 'runs'} left out" if self.void else "")


@dataclass(frozen=True, slots=True)
class Flow:
    """The selected connection in one run: its first packet at ``start_ns``, the rows to show within ``span``."""

    run: RunTables
    chosen: Selection
    start_ns: int
    span: tuple[int, int]


def flows(runs: SeveralRuns, selection: Mapping[str, Any]) -> list[Flow]:
    """The selected connection in every run.

    ``start`` and ``stop`` are times of a run, as in the figure for one run. What is shown is the same stretch of time
    since the connection's start in every run: the median start of the connection tells which.
    Raises :class:`BadInput` that names the run in which the selection finds none or several.
    """
    connection, (first, last) = split_span(selection)
    begins, ends = (selection.get(name) is not None for name in ("start", "stop"))
    chosen: list[tuple[RunTables, Selection, int]] = []
    for run in runs.tables:
        try:
            one = select(run, **connection)
        except BadInput as error:
            raise BadInput(f"{run.label}: {error}") from error
        chosen.append((run, one, _start_ns(run, one)))
    typical_ns = median_low([start_ns for _, _, start_ns in chosen])
    return [
        Flow(
            run,
            one,
            at,
            (first + (at - typical_ns) * begins, last + (at - typical_ns) * ends),
        )
        for run, one, at in chosen
    ]


def _start_ns(run: RunTables, chosen: Selection) -> int:
    import polars as pl

    rows = run.scan("connections").filter(
        pl.col("capture") == chosen.capture, pl.col("connection") == chosen.connection
    )
    return int(rows.select("start_ns").collect().item())


def nothing_shown(flow_list: Sequence[Flow], what: str) -> BadInput:
    """The error of a figure that has nothing to show of ``what`` in any run."""
    chosen = flow_list[0].chosen
    return BadInput(
        f"no {what} of {chosen.sender} > {chosen.receiver} between start and stop in {len(flow_list)} runs, such as"
        f" {flow_list[0].run.label}"
    )
