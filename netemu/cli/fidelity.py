"""``netemu fidelity``: the models beside the real kernels they describe, packet by packet."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from netemu.errors import BadInput

DESCRIPTION = """\
Run scenarios on models and on the real kernels they describe, both in virtual time on the same plans, and compare every
host's captures packet by packet: sequence and acknowledgement numbers, lengths, flags, the raw window field, options.
Runs of real kernels are kept and used again. Prints the table and writes it to the results directory, with the models'
captures; --json prints it as one object.
"""

EPILOG = """\
exit codes: 0 the models reach what is asked (99 % on average, no scenario under 90 %), 1 they do not
examples:
  netemu fidelity
  netemu fidelity --kernel 7.2 --only bulk --only loss_1
  netemu fidelity --seed 1000 --count 40 --json
  netemu fidelity --kernel 6.1 --model linux-6
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "fidelity",
        help="compare the models with real kernels, packet by packet",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--kernel",
        metavar="K",
        help="the real kernel: 7.2 (judges linux-7), 6.12 (linux-6), 6.1 or 5.10; default: all four",
    )
    add("--model", metavar="M", help="this model instead of the one that --kernel judges, such as linux-6 for 6.1")
    add("--seed", type=int, metavar="S", help="scenarios generated from this seed instead of those with names")
    add("--count", type=int, metavar="N", help="how many of --seed (default: 40)")
    add("--only", action="append", default=[], metavar="NAME", help="this scenario only; may be repeated")
    add("--list", action="store_true", help="tell the scenarios with names, and what each shows")
    add("--jobs", type=int, metavar="N", help="how many at once (default: as many as there are cores)")
    add("--out", type=Path, default=Path("results"), metavar="DIR", help="results directory (default: results)")
    add("--json", action="store_true", help="print one object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Compare, print and store; 1 when a model falls short of what is asked."""
    from netemu.cli.progress import ProgressDisplay
    from netemu.fidelity.measure import chosen, measure, pairs
    from netemu.fidelity.table import as_json, as_text, reached

    _check(args)
    scenarios = chosen(args.seed, args.count or 40, args.only)
    if args.list:
        for one in scenarios:
            print(f"{one.name:26} {' '.join(one.mechanisms):16} {one.shows}")
        return 0
    display = ProgressDisplay("fidelity")
    table, place = measure(
        scenarios, pairs(args.kernel, args.model), args.out, seed=args.seed, at_once=args.jobs, progress=display
    )
    display.done()
    print(json.dumps({**as_json(table), "directory": str(place)}, indent=2) if args.json else as_text(table))
    if not args.json:
        print(f"table:\n  {place / 'fidelity.txt'}\n  {place / 'fidelity.json'}")
    return 0 if reached(table.scenarios) else 1


def _check(args: argparse.Namespace) -> None:
    for name in ("seed", "count", "jobs"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise BadInput(f"--{name} {value}: write a number from 1 on")
    if args.count is not None and args.seed is None:
        raise BadInput("--count: it says how many scenarios of --seed, so give that too")
