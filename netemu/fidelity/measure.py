"""All scenarios that are asked for, side by side: a process for each core, rows in the order of the scenarios."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import msgspec

from netemu.errors import BadInput
from netemu.fidelity.compared import PAIRS, Job, compare
from netemu.fidelity.generator import generated
from netemu.fidelity.scenario import Scenario
from netemu.fidelity.scenarios import NAMED, named
from netemu.fidelity.table import Row, Table, as_json, as_text
from netemu.kernels import Progress
from netemu.kernels.model import profile_named
from netemu.results import store
from netemu.specs import Plan
from netemu.stack.eras_sysctl import sysctls_lacking
from netemu.stack.sysctl_names import lacks

NAME = "fidelity"
"""Under results/: the directory of these tables."""
MODELS = "models"


def chosen(seed: int | None, count: int, only: Sequence[str]) -> list[Scenario]:
    """The scenarios with names, or those named in ``only``; or ``count`` generated from ``seed``.

    :raises BadInput: an unknown name, or both a seed and names.
    """
    if seed is None:
        return [named(name) for name in only] if only else list(NAMED)
    drawn = [generated(seed, index) for index in range(count)]
    if not only:
        return drawn
    by_name = {one.name: one for one in drawn}
    for name in only:
        if name not in by_name:
            raise BadInput(f"--only {name!r}: --seed {seed} --count {count} has no such scenario")
    return [by_name[name] for name in only]


def pairs(kernel: str | None, model: str | None = None) -> dict[str, str]:
    """The real kernels that are asked for, each with its model: one by its version, or all that judge one.

    ``model`` is compared with ``kernel`` instead of the one that is judged by it; any kernel of the store will do then.

    :raises BadInput: no model is judged by that kernel, no such model, or a model without a kernel.
    """
    if kernel is None:
        if model is not None:
            raise BadInput(f"--model {model}: with which real kernel? Give --kernel too")
        return dict(PAIRS)
    version = kernel.removeprefix("uml:").partition("?")[0]
    if model is not None:
        name = f"model:{model.removeprefix('model:')}"
        profile_named(name)
        return {version: name}
    if version not in PAIRS:
        raise BadInput(
            f"--kernel {kernel!r}: no model is judged by it; there are {', '.join(PAIRS)}, or name one by --model"
        )
    return {version: PAIRS[version]}


def fits(plan: Plan, model: str, version: str) -> bool:
    """Whether ``model`` and Linux ``version`` have every sysctl of ``plan``: a kernel refuses one that it lacks."""
    lacking = profile_named(model).sysctls_lacking | sysctls_lacking(version)
    return not any(lacks(lacking, name) for node in plan.nodes for name in node.sysctls)


def measure(
    scenarios: Sequence[Scenario],
    kernels: Mapping[str, str],
    results: Path,
    *,
    seed: int | None = None,
    at_once: int | None = None,
    progress: Progress = lambda text: None,
    finished: Callable[[Row], None] = lambda row: None,
) -> tuple[Table, Path]:
    """Compare every scenario on every kernel, version -> model; the table, and the directory with it and the models'
    runs."""
    plans = [scenario.plan() for scenario in scenarios]
    recording = store.begin(results, NAME, plans[0].digest if len(plans) == 1 else f"{len(plans)}-scenarios")
    try:
        jobs = [
            Job(one.name, one.mechanisms, plan, version, model, recording.root / MODELS / version / one.name)
            for version, model in kernels.items()
            for one, plan in zip(scenarios, plans, strict=True)
            if fits(plan, model, version)
        ]
        rows = _side_by_side(jobs, at_once or len(os.sched_getaffinity(0)), progress, finished)
        finished_at = store.finish(recording)
    except BaseException:
        store.discard(recording)
        raise
    rows = [moved(row, recording.root, finished_at.root) for row in rows]
    table, recording = Table(tuple(rows), seed, len(scenarios) if seed is not None else 0), finished_at
    (recording.root / "fidelity.json").write_text(json.dumps(as_json(table), indent=2) + "\n")
    (recording.root / "fidelity.txt").write_text(as_text(table) + "\n")
    return table, recording.root


def _side_by_side(jobs: Sequence[Job], at_once: int, progress: Progress, finished: Callable[[Row], None]) -> list[Row]:
    """The rows of all jobs, in their order; the first error of a real kernel's run ends the others."""
    rows: dict[int, Row] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(at_once, len(jobs)), mp_context=context) as pool:
        running = {pool.submit(compare, job): index for index, job in enumerate(jobs)}
        try:
            for done in as_completed(running):
                row = rows[running[done]] = done.result()
                progress(f"{len(rows)} of {len(jobs)}: {row.name} on {row.kernel}: {row.identical_ratio:.2%}")
                finished(row)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [rows[index] for index in range(len(jobs))]


def moved(row: Row, before: Path, after: Path) -> Row:
    """The row with the paths of the finished directory."""
    place = row.captures.model
    if place is None:
        return row
    model = str(after / Path(place).relative_to(before))
    return msgspec.structs.replace(row, captures=msgspec.structs.replace(row.captures, model=model))
