"""``netemu diff RUN_A RUN_B``: two runs packet by packet."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from netemu.errors import BadInput

DESCRIPTION = """\
Compare two runs packet by packet: packets of each connection and direction are aligned in order, so one packet too
many is one difference. Ports, initial sequence numbers and clock offsets are not compared; sequence numbers are
offsets, times count from the first packet of the connection. Prints a summary for each direction, the first packet
that differs with the packets around it on both sides, and the sender's state there.
"""

EPILOG = """\
exit codes: 0 nothing differs, 1 something does (as diff does), 2 bad input
examples:
  netemu diff results/loss_recovery/RUN_A results/loss_recovery/RUN_B
  netemu diff RUN_A RUN_B --capture h1-eth0 --flow one --tolerance 1ms
  netemu diff RUN_A RUN_B --ignore window --ignore flags --json
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subparsers.add_parser(
        "diff",
        help="compare two runs packet by packet",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("a", type=Path, metavar="RUN_A", help="the directory of a finished run")
    add("b", type=Path, metavar="RUN_B", help="the directory of another")
    add("--capture", metavar="NAME", help="this capture only, such as h1-eth0 (default: all that both runs have)")
    add("--flow", metavar="NAME", help="this flow only")
    add(
        "--tolerance",
        metavar="TIME",
        help="by how much times may differ: 0, 20us, 1ms; 'any' compares none (default: 0 between runs in virtual"
        " time, else any)",
    )
    add("--ignore", action="append", default=[], metavar="FIELD", help="leave a field out; may be repeated")
    add("--context", type=int, default=3, metavar="N", help="packets shown around the first difference (default: 3)")
    add("--json", action="store_true", help="print one object")
    parser.set_defaults(run=run)


def tolerance_ns(text: str | None) -> int | str | None:
    """What ``--tolerance`` means: nanoseconds, None for ``any``, ``"default"`` when it is not given."""
    from netemu.units import parse_time_ns

    if text is None:
        return "default"
    if text == "any":
        return None
    if text == "0":
        return 0
    return parse_time_ns(text, "--tolerance")


def run(args: argparse.Namespace) -> int:
    """Compare and print; 1 when something differs."""
    from netemu.compare.describe import as_json, text_of
    from netemu.compare.runs import diff_runs

    if args.context < 0:
        raise BadInput(f"--context {args.context}: write a number of packets from 0 on")
    diff = diff_runs(
        args.a,
        args.b,
        capture=args.capture,
        flow=args.flow,
        tolerance_ns=tolerance_ns(args.tolerance),
        ignore=tuple(dict.fromkeys(args.ignore)),
    )
    print(json.dumps(as_json(diff, args.context), indent=2) if args.json else text_of(diff, args.context))
    return 0 if diff.identical else 1
