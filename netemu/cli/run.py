"""``netemu run``: experiments, kernels, seeds; claims on the terminal, and everything in a directory."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netemu.errors import BadInput, FailedClaim, VoidRun

if TYPE_CHECKING:
    from netemu.cli.jobs import Job
    from netemu.experiment import Experiment
    from netemu.results.repeat import Repeat
    from netemu.results.summary import RunSummary

DESCRIPTION = """\
Run an experiment: build its network, prove every link, capture, analyse, judge its claims, draw its figures.
Everything a run leaves lies in one directory, RESULTS/<experiment>/<UTC time>-<plan hash>/, printed at the end.
With --repeat, what all runs come to lies beside them, in RESULTS/<experiment>/<UTC time>-repeat-<plan hash>/.
"""

EPILOG = """\
examples:
  netemu run experiments/path_mtu.py
  netemu run experiments/loss_recovery.py --seed 7 --repeat 5
  netemu run experiments/path_mtu.py --set size=1MB --json
  netemu run experiments/loss_recovery.py --kernel uml:5.10?time=virtual --kernel uml:7.2?time=virtual
  netemu run experiments/repeatability.py --kernel host --repeat 100 --same-seed --load 4
  netemu run experiments/*.py --junit claims.xml --baseline baseline.json
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "run",
        help="run an experiment and judge its claims",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("experiments", nargs="+", type=Path, metavar="EXPERIMENT", help="experiment files (*.py)")
    add("--kernel", action="append", metavar="NAME", help="kernel to run on (default: host); repeat to compare")
    add("--seed", type=_whole, default=1, metavar="S", help="seed of every random decision (default: 1)")
    add(
        "--repeat",
        type=_positive,
        default=1,
        metavar="N",
        help="run N times with the seeds S, S+1, ...; print intervals and draw figures over all runs",
    )
    add("--same-seed", action="store_true", help="with --repeat: the seed S in all runs; count how many results differ")
    add("--load", type=_whole, default=0, metavar="N", help="busy loops on this machine beside each run (default: 0)")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="change a parameter the experiment declares")
    add("--out", type=Path, default=Path("results"), metavar="DIR", help="the results root (default: results/)")
    add("--json", action="store_true", help="print one object, or a list when several runs were asked for")
    add("--junit", type=Path, metavar="FILE", help="also write the claims as JUnit XML")
    add("--baseline", type=Path, metavar="FILE", help="fail only on claims that held in this baseline and no longer do")
    add("--write-baseline", type=Path, metavar="FILE", help="store which claims hold now")
    add("--parameters", action="store_true", help="list the experiment's parameters and end")
    parser.set_defaults(run=run)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run everything that was asked for; the worst outcome decides the exit code."""
    from netemu.experiment.load import load_experiment
    from netemu.load import check_loops
    from netemu.results.baseline import read_baseline

    check_loops(args.load)
    if args.same_seed and args.repeat == 1:
        raise BadInput("--same-seed: there is one run; say how many with --repeat N")
    experiments = [(path, load_experiment(path)) for path in args.experiments]
    if args.parameters:
        for _, experiment in experiments:
            _print_parameters(experiment)
        return 0
    baseline = None if args.baseline is None else read_baseline(args.baseline)
    for option, path in (("--junit", args.junit), ("--write-baseline", args.write_baseline)):
        if path is not None:
            _check_writable(option, path)
    summaries: list[RunSummary] = []
    repeats: list[Repeat] = []
    several = len(experiments) * args.repeat * len(args.kernel or ["host"]) > 1
    kernels = len(args.kernel or ["host"])
    for number, group in enumerate(_groups(experiments, args), 1):
        if len(group) > 1:
            repeats.append(_sum_up(experiments[(number - 1) // kernels][1], group, args))
        summaries += group
        if kernels > 1 and number % kernels == 0:
            if args.same_seed:
                _compare_repeats(repeats[-kernels:], args)
            else:
                _compare(summaries[-kernels * args.repeat :], args)
    if args.json:
        objects = [summary.as_json() for summary in summaries]
        print(json.dumps(objects if several else objects[0], indent=2))
    return _conclude(args, summaries, baseline, [line for repeat in repeats for line in repeat.failed])


def _check_writable(option: str, path: Path) -> None:
    """Refuse a file that cannot be written now, rather than when the runs are over; leaves nothing new behind."""
    there = path.exists()
    try:
        path.open("ab").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise BadInput(
            f"{option} {path}: cannot be written: {error.strerror}; name a file in a directory of yours"
        ) from error


def _groups(experiments: list[tuple[Path, Experiment]], args: argparse.Namespace) -> Iterator[list[RunSummary]]:
    """The runs of each experiment and kernel, printed as they end; where a kernel allows it, several go on at once."""
    from netemu.cli.jobs import Job
    from netemu.results.summary import text_of

    given = _given(args.set)
    seeds = [args.seed + (0 if args.same_seed else number) for number in range(args.repeat)]
    for path, experiment in experiments:
        experiment.plan(given, args.seed)  # a mistake is found before anything runs
        kernels = args.kernel or ["host"]
        jobs = [Job(path, kernel, seed, given, args.out, args.load) for kernel in kernels for seed in seeds]
        group: list[RunSummary] = []
        for summary in _runs(experiment, jobs, quiet=args.json):
            if not args.json:
                print(text_of(summary), flush=True)
            group.append(summary)
            if len(group) == args.repeat:
                yield group
                group = []


def _runs(experiment: Experiment, jobs: list[Job], *, quiet: bool) -> Iterator[RunSummary]:
    """Do ``jobs`` and hand out their summaries in this order: first those that may go on at once, then one by one."""
    from netemu.cli.jobs import cores, run_side_by_side
    from netemu.cli.progress import ProgressDisplay
    from netemu.kernels import kernel_named
    from netemu.session import run_experiment

    displays = [ProgressDisplay(f"{experiment.name} on {job.kernel}, seed {job.seed}", quiet=quiet) for job in jobs]
    alone = {kernel: not kernel_named(kernel).parallel for kernel in dict.fromkeys(job.kernel for job in jobs)}
    together = [number for number, job in enumerate(jobs) if not alone[job.kernel]]
    done: dict[int, RunSummary] = {}
    if len(together) > 1 and cores() > 1:
        shown = [displays[number] for number in together]
        found = run_side_by_side([jobs[number] for number in together], shown, at_once=cores())
        done = dict(zip(together, found, strict=True))
    for number, (job, display) in enumerate(zip(jobs, displays, strict=True)):
        try:
            if number not in done:
                done[number] = run_experiment(
                    experiment,
                    kernel=job.kernel,
                    seed=job.seed,
                    given=job.given,
                    results=job.results,
                    source=job.source,
                    load=job.load,
                    progress=display,
                )
        finally:
            display.done()
        yield done[number]


def _compare(summaries: list[RunSummary], args: argparse.Namespace) -> None:
    """Compare the runs of one experiment on several kernels, and say what came out and where it lies."""
    from netemu.cli.progress import ProgressDisplay
    from netemu.comparison import compare_runs, comparison_text

    display = ProgressDisplay(f"{summaries[0].experiment}, {len(summaries)} runs", quiet=args.json)
    try:
        root = compare_runs([summary.run for summary in summaries], args.out, display)
    finally:
        display.done()
    if args.json:
        print(f"netemu: comparison: {root}", file=sys.stderr)
    else:
        print(comparison_text(root), flush=True)


def _compare_repeats(repeats: list[Repeat], args: argparse.Namespace) -> None:
    """Set what the runs of one seed come to on several kernels beside one another, and say where it lies."""
    from netemu.repeats import compare_repeats, repeats_text

    root = compare_repeats([repeat.root for repeat in repeats], args.out)
    if args.json:
        print(f"netemu: comparison: {root}", file=sys.stderr)
    else:
        print(repeats_text(root), flush=True)


def _sum_up(experiment: Experiment, group: list[RunSummary], args: argparse.Namespace) -> Repeat:
    """Store what several runs of one experiment on one kernel come to, with figures over all of them, and print it."""
    from netemu.cli.progress import ProgressDisplay
    from netemu.report.repeated import write_repeat_page
    from netemu.results.repeat import repeat_text, write_repeat
    from netemu.results.summary import intervals
    from netemu.session import judge_over_runs

    if not args.json:
        print(intervals(group), flush=True)
    display = ProgressDisplay(f"{group[0].experiment} on {group[0].kernel}, {len(group)} runs", quiet=args.json)
    try:
        display("drawing figures over all runs")
        repeat = write_repeat(group, args.out, judge_over_runs(experiment, group))
        write_repeat_page(repeat.root)
    finally:
        display.done()
    if args.json:
        print(f"netemu: repeat: {repeat.root}", file=sys.stderr)
    else:
        print(repeat_text(repeat), flush=True)
    return repeat


def _given(texts: list[str]) -> dict[str, object]:
    given: dict[str, object] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise BadInput(f"--set {text!r}: write NAME=VALUE, for example --set size=1MB")
        given[name] = value
    return given


def _print_parameters(experiment: Experiment) -> None:
    print(f"{experiment.name}: {experiment.question}")
    for name, parameter in experiment.parameters.items():
        print(f"  --set {name}={parameter.default}   {parameter.help}")


def _conclude(
    args: argparse.Namespace,
    summaries: list[RunSummary],
    baseline: dict[str, dict[str, bool | None]] | None,
    failed_over_runs: Sequence[str] = (),
) -> int:
    """Write what CI reads, then say the worst outcome: void before failed before fine."""
    from netemu.results.baseline import regressions, write_baseline
    from netemu.results.junit import write_junit

    if args.junit is not None:
        write_junit(args.junit, summaries)
    if args.write_baseline is not None:
        write_baseline(args.write_baseline, summaries)
    void = [summary for summary in summaries if summary.validity == "void"]
    if void:
        reasons = void[0].reasons
        raise VoidRun(f"{len(void)} of {len(summaries)} runs are void: {reasons[0]} ({void[0].run})")
    if baseline is not None:
        lost = regressions(baseline, summaries)
    else:
        lost = [
            f"{summary.experiment}: the claim {claim.name!r} does not hold:"
            f" measured {claim.measured}, expected {claim.expected}"
            for summary in summaries
            for claim in summary.claims
            if claim.holds is False
        ]
    lost += failed_over_runs
    if lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        raise FailedClaim(lost[0] + more)
    return 0
