"""``netemu reproduce RUN``: run a stored plan again and name what drifted, and beyond which tolerance."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netemu.errors import BadInput, FailedClaim

if TYPE_CHECKING:
    from netemu.experiment import Experiment
    from netemu.specs import Plan

DESCRIPTION = """\
Run the plan stored in RUN again, on the kernel it ran on, and compare the two runs: sizes and MTUs exactly, what real
time scatters within a stated tolerance. Exit code 1 when a result drifted; a changed environment is named, not judged.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "reproduce", help="run a stored plan again and name what drifted", description=DESCRIPTION
    )
    parser.add_argument("stored", type=Path, metavar="RUN", help="the directory of a finished run")
    parser.add_argument("--out", type=Path, default=Path("results"), metavar="DIR", help="the results root")
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run again, compare, report."""
    import polars as pl

    from netemu.cli.progress import ProgressDisplay
    from netemu.recording.layout import Recording
    from netemu.results.drift import compare_claims, compare_connections, compare_environment
    from netemu.session import run_plan
    from netemu.specs import Plan, from_json

    old = Recording(args.stored)
    manifest = _read(old.manifest)
    plan = from_json(old.plan.read_bytes(), Plan, str(old.plan))
    experiment, source, note = _experiment(manifest, plan)
    display = ProgressDisplay(f"{plan.experiment} again", quiet=args.json)
    summary = run_plan(
        plan,
        kernel=manifest["kernel"],
        experiment=experiment,
        results=args.out,
        source=source,
        load=manifest.get("busy_loops", 0),
        progress=display,
    )
    display.done()
    new = Recording(summary.run)
    drifted = compare_connections(
        pl.read_parquet(old.tables / "connections.parquet"), pl.read_parquet(new.tables / "connections.parquet")
    )
    if experiment is not None:
        drifted += compare_claims(_read(old.claims)["claims"], _read(new.claims)["claims"])
    environment = compare_environment(manifest, _read(new.manifest))
    if args.json:
        report = {
            "stored": str(args.stored.resolve()),
            "again": summary.as_json(),
            "drifted": [str(finding) for finding in drifted],
            "environment": [str(finding) for finding in environment],
            "note": note,
        }
        print(json.dumps(report, indent=2))
    else:
        print(f"again: {summary.run} ({summary.validity})")
        for line in [*([note] if note else []), *map(str, environment), *map(str, drifted)]:
            print(f"  {line}")
        print("nothing drifted" if not drifted else f"{len(drifted)} quantities drifted")
    if drifted:
        raise FailedClaim(f"{args.stored}: {len(drifted)} quantities drifted; the first: {drifted[0]}")
    return 0


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; RUN is the directory of a finished run") from None
    return content


def _experiment(manifest: dict[str, Any], plan: Plan) -> tuple[Experiment | None, Path | None, str]:
    """The experiment the plan came from, if its file still makes that plan; else why its claims are left out."""
    from netemu.experiment.load import load_experiment

    if manifest["source"] is None or not Path(manifest["source"]).is_file():
        return None, None, f"the experiment's file ({manifest['source']}) is gone: tables are compared, claims are not"
    source = Path(manifest["source"])
    experiment = load_experiment(source)
    if experiment.plan(plan.parameters, plan.seed).digest != plan.digest:
        return None, None, f"{source} makes another plan now: the stored one is run, and claims are not judged"
    return experiment, source, ""
