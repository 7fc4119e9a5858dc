"""``netemu kernels``: list, get, build and check the kernels that ``--kernel uml:...`` can use."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netemu.kernels.store import Entry, Store

DESCRIPTION = """\
Kernels for `netemu run --kernel uml:VERSION`. They are kept in $NETEMU_CACHE (else $XDG_CACHE_HOME/netemu, else
~/.cache/netemu) and in the shared directories that $NETEMU_KERNELS names. No command here needs root.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``kernels`` with its own subcommands."""
    parser = subparsers.add_parser(
        "kernels",
        help="list, get, build and check kernels for User-Mode Linux",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what is here, what each can do, and what could be had")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.add_argument("--available", action="store_true", help="ask the Debian mirror what could be built")
    _add_mirror(listing)
    get = actions.add_parser("get", help="fetch Debian's ready user-mode-linux (real time only)")
    get.add_argument("version", help="such as 6.1")
    _add_mirror(get)
    build = actions.add_parser("build", help="build a kernel with virtual time from source, at idle priority")
    build.add_argument("version", nargs="?", help="such as 6.12; not needed with --source")
    build.add_argument("--source", type=Path, metavar="PATH", help="a source tree or tarball of Linux")
    build.add_argument("--jobs", type=int, metavar="N", help="compilers at once (default: one for each processor)")
    _add_mirror(build)
    check = actions.add_parser("check", help="boot a kernel and prove what it can do")
    check.add_argument("name", help="such as 6.12, or a full name of the list")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def _add_mirror(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mirror", metavar="URL", help="a Debian mirror (default: the one this machine's apt uses)")


def run(args: argparse.Namespace) -> int:
    """Do the action."""
    from netemu.kernels.store import open_store

    store = open_store()
    action = {"list": _list, "get": _get, "build": _build, "check": _check}[args.action]
    return action(args, store)


def _list(args: argparse.Namespace, store: Store) -> int:
    entries = store.entries()
    if args.json:
        sys.stdout.write(json.dumps([describe(entry) for entry in entries], indent=2) + "\n")
        return 0
    sys.stdout.write(to_text(entries) if entries else f"no kernel in {store.own}\n")
    if args.available:
        from netemu.cli.progress import ProgressDisplay
        from netemu.kernels.debian import PrivateApt, available_series

        display = ProgressDisplay("kernels")
        apt = PrivateApt(store.own.parent / "apt", args.mirror)
        series = available_series(apt, display)
        display.done()
        print("could be built:", *series)
    else:
        print("netemu kernels list --available asks the Debian mirror which others could be built")
    return 0


def describe(entry: Entry) -> dict[str, object]:
    """One kernel as the list shows it."""
    from netemu.kernels.abilities import abilities

    able = abilities(entry)
    return {
        "name": entry.name,
        "version": entry.manifest.version,
        "origin": entry.manifest.origin,
        "virtual_time": able.virtual_time,
        "netem": able.netem,
        "tracing": able.tracing,
        "tick_hz": able.tick_hz,
        "congestion": list(able.congestion),
        "sha256": entry.manifest.binary_sha256,
        "directory": str(entry.directory),
    }


def to_text(entries: list[Entry]) -> str:
    """A table: one line for each kernel."""
    rows = [("NAME", "ORIGIN", "TIME", "NETEM", "TRACING", "TICK", "CONGESTION CONTROLS")]
    for entry in entries:
        facts = describe(entry)
        time = "real, virtual" if facts["virtual_time"] else "real"
        yes = {True: "yes", False: "no"}
        congestion = facts["congestion"]
        assert isinstance(congestion, list)
        rows.append(
            (
                entry.name,
                entry.manifest.origin,
                time,
                yes[bool(facts["netem"])],
                yes[bool(facts["tracing"])],
                f"{facts['tick_hz']} Hz",
                " ".join(congestion),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def _get(args: argparse.Namespace, store: Store) -> int:
    from netemu.cli.progress import ProgressDisplay
    from netemu.kernels.ready import get_ready

    display = ProgressDisplay(f"kernel {args.version}")
    entry = get_ready(args.version, store, display, args.mirror)
    display.done()
    print(f"uml:{entry.manifest.version}  {entry.directory}")
    return 0


def _build(args: argparse.Namespace, store: Store) -> int:
    from netemu.cli.progress import ProgressDisplay
    from netemu.errors import BadInput
    from netemu.kernels.build import build_named

    if (args.version is None) == (args.source is None):
        raise BadInput("netemu kernels build: give a version such as 6.12, or --source PATH (not both)")
    display = ProgressDisplay(f"kernel {args.version or args.source.name}")
    entry = build_named(args.version, args.source, store, display, mirror=args.mirror, jobs=args.jobs)
    display.done()
    print(f"uml:{entry.manifest.version}  {entry.directory}")
    return 0


def _check(args: argparse.Namespace, store: Store) -> int:
    from netemu.cli.progress import ProgressDisplay
    from netemu.kernels.check import check

    display = ProgressDisplay(f"kernel {args.name}")
    report = check(store.find(args.name), display)
    display.done()
    sys.stdout.write(report.to_json() if args.json else report.to_text())
    return 0 if report.passed else 3
