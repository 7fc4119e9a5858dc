"""From an Experiment to a finished run: plan, execute, analyse, judge, draw, report.

This is the one place where the arrows of the architecture meet; everything it calls can be called alone.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from netemu.errors import BadInput, MissingCapability, NetemuError, VoidRun
from netemu.experiment import Experiment, Run, Runs
from netemu.experiment.claims import ClaimResult
from netemu.kernels import Kernel, kernel_named
from netemu.load import busy_loops, check_loops
from netemu.recording.account import judgement_of, read_account
from netemu.recording.layout import Recording
from netemu.results import store
from netemu.results.manifest import build_manifest, write_manifest
from netemu.results.summary import ClaimSummary, RunSummary, claim_summaries
from netemu.specs import Plan

Progress = Callable[[str], None]


def run_experiment(
    experiment: Experiment,
    *,
    kernel: str = "host",
    seed: int = 1,
    given: Mapping[str, object] | None = None,
    results: Path = Path("results"),
    source: Path | None = None,
    load: int = 0,
    progress: Progress = lambda text: None,
) -> RunSummary:
    """Run ``experiment`` once and leave its directory under ``results``; ``load``: busy loops beside the kernel's work.

    A void run is kept, with its reasons, and has no claims. Errors of the user or of the machine leave nothing.
    """
    plan = experiment.plan(given, seed)
    return run_plan(
        plan, kernel=kernel, experiment=experiment, results=results, source=source, load=load, progress=progress
    )


def run_plan(
    plan: Plan,
    *,
    kernel: str,
    experiment: Experiment | None,
    results: Path,
    source: Path | None = None,
    load: int = 0,
    progress: Progress = lambda text: None,
) -> RunSummary:
    """Run a plan; ``experiment`` None: a stored plan whose claims nobody knows any more."""
    executor = kernel_named(kernel)
    check_loops(load)
    # A figure that cannot be is refused here, before the run costs time.
    figures = [] if experiment is None else figure_requests(experiment, plan)
    recording = store.place(results, plan.experiment, plan.digest)
    try:
        # The guard comes first: whenever this process is killed, somebody knows of the directory.
        with executor.guarded(recording.root):
            store.make(recording)
            manifest = build_manifest(
                plan,
                kernel,
                _execute(executor, plan, recording, load, progress) | {"busy_loops": load},
                question="" if experiment is None else experiment.question,
                drawing="" if experiment is None else experiment.drawing,
                source=None if source is None else str(source.resolve()),
                figures=figures,
            )
            write_manifest(recording, manifest)
            claims = _results(recording, experiment, manifest, progress)
            recording = store.finish(recording)
    except BaseException as error:
        store.discard(recording)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise MissingCapability(
                f"--out {results}: {error.strerror} while the run was written, so it is removed; free some space or"
                " name another place"
            ) from error
        raise
    return _summary(recording, plan, manifest, claims)


def judge_over_runs(experiment: Experiment, summaries: Sequence[RunSummary]) -> tuple[ClaimSummary, ...]:
    """The experiment's claims over several runs, judged on those of ``summaries`` that are not void."""
    if not experiment.claims_over_runs:
        return ()
    usable = [Run(Recording(one.run)) for one in summaries if one.validity != "void"]
    return claim_summaries(experiment.judge_over_runs(Runs(usable)))


def _execute(executor: Kernel, plan: Plan, recording: Recording, load: int, progress: Progress) -> dict[str, Any]:
    """Execute the plan; the kernel's account, or that of a run that broke off."""
    try:
        with busy_loops(load):
            executor.execute(plan, recording, progress)
        execution = read_account(recording)
        recording.execution.unlink()
    except VoidRun as reason:
        recording.execution.unlink(missing_ok=True)
        return {"void": [str(reason)], "degraded": []}
    return execution


def figure_requests(experiment: Experiment, plan: Plan) -> list[dict[str, Any]]:
    """The experiment's figures as stored in the manifest: a flow becomes the port its server listens on.

    :raises BadInput: an unknown figure, option, value, flow or capture, or a name that is no file name.
    """
    from netemu.figures import FigureSpec, check_names, check_spec

    check_names([request.name for request in experiment.figures])
    captures = [capture.interface for capture in plan.captures]
    servers = [agent for agent in plan.agents if agent.name.endswith(".server")]
    ports = {agent.name.removesuffix(".server"): agent.args["port"] for agent in servers}
    requests = []
    for request in experiment.figures:
        options = dict(request.options)
        if "flow" in options:
            flow = options.pop("flow")
            if flow not in ports:
                raise BadInput(
                    f"figure {request.name!r}: there is no flow {flow!r} (flows: {', '.join(sorted(ports))})"
                )
            options["port"] = ports[flow]
        if options.get("capture") not in (None, *captures):
            raise BadInput(
                f"figure {request.name!r}: the run captures no {options['capture']!r}"
                f" (captures: {', '.join(captures) or 'none'})"
            )
        check_spec(FigureSpec(request.name, request.figure, options))
        requests.append({"name": request.name, "figure": request.figure, "options": options})
    return requests


def _results(
    recording: Recording, experiment: Experiment | None, manifest: Mapping[str, Any], progress: Progress
) -> list[ClaimResult]:
    """Tables, claims, figures and report of what was recorded."""
    from netemu.figures import FigureSpec, RunTables
    from netemu.figures.output import make_figures
    from netemu.report.page import write_report
    from netemu.trace.compiled import COMPILING, is_compiled
    from netemu.trace.interrupts import end_waits_at_interrupt
    from netemu.trace.recording import write_tables

    end_waits_at_interrupt()
    if not is_compiled():
        from netemu.trace.warm import warm_apart

        progress(COMPILING)
        warm_apart()
    progress("analysing captures")
    try:
        write_tables(recording)
    except NetemuError:
        if manifest["validity"] != "void":
            raise
        # A run that broke off may have left no captures; its manifest says why, and there is nothing to analyse.
        progress("a void run without captures: no tables")
        return []
    claims = [] if experiment is None else _judge(experiment, recording, manifest["validity"] == "void")
    recording.claims.write_text(json.dumps({"claims": [asdict(claim) for claim in claims]}, indent=2) + "\n")
    if manifest["figures"] and manifest["validity"] != "void":
        progress(f"drawing {len(manifest['figures'])} figures")
        specs = [FigureSpec(**request) for request in manifest["figures"]]
        make_figures(specs, RunTables.read(recording.root), recording.figures)
    write_report(recording)
    return claims


def _judge(experiment: Experiment, recording: Recording, void: bool) -> list[ClaimResult]:
    if not void:
        run = Run(recording)
        judgement = judgement_of(run.manifest)
        claims = experiment.judge(run)
        return [replace(claim, measured=f"{claim.measured} ({judgement})") for claim in claims] if judgement else claims
    reason = "not observable: the run is void"
    return [ClaimResult(claim.name, "a valid run", reason, None, None, "") for claim in experiment.claims]


def _summary(recording: Recording, plan: Plan, manifest: Mapping[str, Any], claims: list[ClaimResult]) -> RunSummary:
    files = tuple(sorted(path for path in recording.root.rglob("*") if path.is_file()))
    return RunSummary(
        experiment=plan.experiment,
        run=recording.root,
        kernel=manifest["kernel"],
        seed=plan.seed,
        validity=manifest["validity"],
        reasons=tuple(manifest["reasons"]),
        claims=claim_summaries(claims),
        figures=tuple(path for path in files if path.parent == recording.figures),
        files=files,
    )
