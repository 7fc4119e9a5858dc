"""The table of a comparison: a row for each scenario, kernel and model; the average of rows that count the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from netemu.fidelity.called import Calls
from netemu.fidelity.judged import Difference
from netemu.fidelity.probes import FIELDS, Probed, ProbeDifference
from netemu.fidelity.times import Times

AVERAGE_ASKED, LOWEST_ASKED = 0.99, 0.90
"""What the models must reach: on average over the scenarios, and in each of them."""


class Captures(msgspec.Struct, frozen=True):
    """The directories of both runs' captures; the model's is None where it made none."""

    real: str
    model: str | None


class Row(msgspec.Struct, frozen=True):
    """One scenario on one kernel and its model.

    ``packets``: rows of the alignment in all hosts' captures; ``differences``: how many differ in each field.
    ``probes``, ``probed`` and ``calls``: how the sockets' own variables and the results of system calls agree.
    ``error``: why the model made no run, whose ratio is then 0. ``cause``: where the first difference comes from.
    ``bbr_phase``: with which of bbr's random phases the model was run, where the plan has bbr.
    """

    name: str
    mechanisms: tuple[str, ...]
    kernel: str
    model: str
    plan: str
    packets: int
    identical_ratio: float
    first_difference: Difference | None
    differences: dict[str, int]
    times: Times
    cause: str
    captures: Captures
    probes: ProbeDifference | None = None
    probed: Probed = Probed()
    calls: Calls = Calls()
    error: str | None = None
    bbr_phase: int | None = None


class Table(msgspec.Struct, frozen=True):
    """All rows, and how they came to be: ``seed`` and ``count`` of generated ones (None, 0: none)."""

    scenarios: tuple[Row, ...]
    seed: int | None = None
    count: int = 0
    developed_with: str = "named scenarios and generated ones of seeds 1 to 99, 4242, 5100, 5300 and 7000"


def summary(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """For each model: how many ``scenarios``, ``average``, ``lowest`` (``lowest_name``), send times by kind."""
    found = []
    for model, kernel in dict.fromkeys((row.model, row.kernel) for row in rows):
        mine = [row for row in rows if row.model == model]
        low = min(mine, key=lambda row: row.identical_ratio)
        clocked = [row.times.answer for row in mine]
        timed = [row.times.timer for row in mine]
        found.append(
            {
                "model": model,
                "kernel": kernel,
                "scenarios": len(mine),
                "average": sum(row.identical_ratio for row in mine) / len(mine),
                "lowest": low.identical_ratio,
                "lowest_name": low.name,
                "identical": sum(row.identical_ratio == 1.0 for row in mine),
                "below_90": sum(row.identical_ratio < LOWEST_ASKED for row in mine),
                "ack_clocked": {"packets": sum(o.packets for o in clocked), "within": sum(o.within for o in clocked)},
                "probed": {
                    "arrivals": sum(row.probed.arrivals for row in mine),
                    "differing": {
                        field: sum(row.probed.differing.get(field, 0) for row in mine)
                        for field in FIELDS
                        if any(field in row.probed.differing for row in mine)
                    },
                },
                "timer_driven": {"packets": sum(o.packets for o in timed), "within": sum(o.within for o in timed)},
            }
        )
    return found


def reached(rows: Sequence[Row]) -> bool:
    """Whether every model reaches what is asked."""
    return all(one["average"] >= AVERAGE_ASKED and one["lowest"] >= LOWEST_ASKED for one in summary(rows))


def as_json(table: Table) -> dict[str, Any]:
    """Everything, as plain data."""
    content: dict[str, Any] = msgspec.to_builtins(table)
    return {**content, "summary": summary(table.scenarios)}


def as_text(table: Table) -> str:
    """A line for each row, and each model's figures below."""
    width = max((len(row.name) for row in table.scenarios), default=4)
    lines = [f"{'scenario':{width}}  {'model':8}  packets  identical  times   first difference"]
    lines += [_line(row, width) for row in table.scenarios]
    for one in summary(table.scenarios):
        lines += ["", *_figures(one)]
    if table.seed is not None:
        lines.append(f"generated: {table.count} scenarios of seed {table.seed}; developed with {table.developed_with}")
    return "\n".join(lines)


def _line(row: Row, width: int) -> str:
    head = f"{row.name:{width}}  {row.model.removeprefix('model:'):8}  {row.packets:7}  {row.identical_ratio:9.2%}"
    if row.error is not None:
        return f"{head}  {'-':6}  {row.error}"
    kinds = (row.times.answer, row.times.timer, row.times.call)
    packets, within = sum(one.packets for one in kinds), sum(one.within for one in kinds)
    times = f"{within / packets:6.1%}" if packets else f"{'-':>6}"
    return f"{head}  {times}  {_first(row)}{_call(row)}"


def _call(row: Row) -> str:
    """The first system call that gave something else, where packets are identical: they tell no more then."""
    first = row.calls.first
    if first is None or row.first_difference is not None:
        return ""
    return f"{first.agent}, call {first.number}: {first.real} | {first.model}"


def _first(row: Row) -> str:
    first = row.first_difference
    if first is None:
        return ""
    place = f"{first.capture} #{first.number} {'out' if first.out else 'in'} at {first.t_ns / 1e6:.3f} ms"
    return f"{place}: {first.field} {first.real or '-'} | {first.model or '-'}  <- {row.cause}"


def _figures(one: dict[str, Any]) -> list[str]:
    times = ", ".join(
        f"{name.replace('_', '-')} {one[name]['within']}/{one[name]['packets']}"
        for name in ("ack_clocked", "timer_driven")
    )
    counts = ", ".join(f"{field} differs at {count}" for field, count in one["probed"]["differing"].items())
    differing = counts or "all the same"
    low = f"lowest {one['lowest']:.2%} in {one['lowest_name']} (asked: {LOWEST_ASKED:.0%})"
    return [
        f"{one['model']} against {one['kernel']}: average {one['average']:.2%} of {one['scenarios']} scenarios"
        f" (asked: {AVERAGE_ASKED:.0%}), {low}, {one['identical']} identical throughout,"
        f" {one['below_90']} below {LOWEST_ASKED:.0%}",
        f"  sent within what is allowed: {times}",
        f"  sockets' variables at {one['probed']['arrivals']} arrivals: {differing}",
    ]
