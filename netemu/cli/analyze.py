"""``netemu analyze``: any pcap or pcapng file, as a summary for people, as JSON, as tables, or with comments."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from netemu.errors import BadInput

if TYPE_CHECKING:
    from netemu.trace import Analysis
    from netemu.trace.show.selection import Selection

DESCRIPTION = """\
Read captures of any origin: connections, retransmissions by cause, RTT, windows, path MTU.
What was wrong comes first, then the connections with most payload, then warnings."""

EPILOG = """\
examples:
  netemu analyze FILE.pcap                       what happened, for a person
  netemu analyze FILE.pcap --connection 3        one connection in full
  netemu analyze FILE.pcap --host 10.0.0.0/8 --port 443 --from 1.5s --to 3s
  netemu analyze client.pcapng server.pcapng --json | jq '.findings[].text'
  netemu analyze FILE.pcap.gz --out tables/      every table as Parquet and CSV
  netemu analyze FILE.pcap --annotate seen.pcapng && wireshark seen.pcapng
  tcpdump -i eth0 -w - tcp | netemu analyze -

Retransmissions are told apart by what made the sender send again: timeout, fast, tail_loss_probe, syn, syn_ack,
fin. A capture taken at the sender counts them as its kernel does. docs/analysis.md has every rule, the JSON and
the tables; docs/tables.md every column.

exit codes:
  0  done; a damaged file is analysed as far as it goes, and the summary says PARTIAL
  2  bad input: no capture, a bad filter, a place that cannot be written
  3  the analysis cannot be compiled here
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``analyze``."""
    parser = subparsers.add_parser(
        "analyze",
        help="analyse any pcap or pcapng file",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="pcap or pcapng, also compressed; - is standard input")
    shown = parser.add_argument_group("what is printed and written")
    shown.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    shown.add_argument("--details", action="store_true", help="every connection shown in full, not three at most")
    shown.add_argument("--limit", type=int, default=20, metavar="N", help="connections in the text (default: 20)")
    shown.add_argument("--out", type=Path, metavar="DIR", help="write every table to DIR as Parquet and CSV")
    shown.add_argument(
        "--annotate", type=Path, metavar="OUT.pcapng", help="write FILE again with verdicts as packet comments"
    )
    chosen = parser.add_argument_group(
        "what is shown of it",
        "Everything is analysed; these choose what is printed and written. Several values of one option: any of them.\n"
        "Figures of a connection are those of the whole connection, whatever time is shown.",
    )

    def several(option: str, name: str, text: str) -> None:
        chosen.add_argument(option, metavar=name, action="append", default=[], help=text)

    several("--connection", "C", "3, CAPTURE/3 or '10.0.0.1:40000>10.0.0.2:80'")
    several("--host", "ADDR", "one end's address or prefix: 10.0.0.1, 10.0.0.0/8")
    several("--port", "N", "one end's port")
    chosen.add_argument(
        "--from", dest="start", metavar="TIME", help="from this time on: 1.5s, 200ms (default unit: ns)"
    )
    chosen.add_argument("--to", dest="end", metavar="TIME", help="up to this time; the first packet is at 0s")
    parser.add_argument("--inner", action="store_true", help="analyse what tunnels carry (IPIP, GRE, VXLAN)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Analyse and print; :class:`BadInput` for a file that is no capture; a damaged one goes as far as it can."""
    if args.limit < 0:
        raise BadInput(f"--limit: {args.limit} is negative; give 0 or more")
    if args.annotate is not None and len(args.files) > 1:
        raise BadInput(f"--annotate: takes one capture, not {len(args.files)}; run it once for each")
    from netemu.trace.show.selection import OPTIONS, parse_selection

    selection = parse_selection(args.connection, args.host, args.port, args.start, args.end, places=OPTIONS)
    with _files(args.files) as files, _directory() as kept:
        analysis = _analyze(files, args.out, kept, selection, inner=args.inner)
        written = [f"tables written to {args.out}/"] if args.out else []
        if args.annotate is not None:
            written.append(_annotate(files[0], args.annotate, selection, inner=args.inner))
        _print(analysis, args, written)
    return 0


def _print(analysis: Analysis, args: argparse.Namespace, written: list[str]) -> None:
    if args.json:
        from netemu.trace.show.machine import json_text

        sys.stdout.writelines(json_text(analysis))
        print()
        return
    from netemu.trace.show.text import as_text

    width = shutil.get_terminal_size((100, 24)).columns
    print(as_text(analysis, args.limit, width=width, details=args.details))
    for line in written:
        print(f"\n{line}")


@contextmanager
def _directory() -> Iterator[Path]:
    """Where tables lie while they are looked at: in memory, those of a large capture would take too much."""
    try:
        directory = tempfile.TemporaryDirectory(prefix="netemu-analyze-", ignore_cleanup_errors=True)
    except OSError as error:
        raise BadInput(
            f"tables cannot be kept in {tempfile.gettempdir()}: {error.strerror}; set TMPDIR to a directory with room"
        ) from error
    with directory as name:
        yield Path(name)


@contextmanager
def _files(names: list[str]) -> Iterator[list[Path]]:
    """The capture files; standard input is kept in a temporary file, since a capture is read twice."""
    if "-" not in names:
        yield [Path(name) for name in names]
        return
    if names.count("-") > 1:
        raise BadInput("-: standard input can be given once")
    with tempfile.TemporaryDirectory(prefix="netemu-analyze-") as directory:
        kept = Path(directory) / "stdin"
        try:
            with kept.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        except OSError as error:
            raise BadInput(
                f"-: standard input cannot be kept in {tempfile.gettempdir()}: {error.strerror}; set TMPDIR to a"
                " directory with room for it, or give a file"
            ) from error
        try:
            yield [kept if name == "-" else Path(name) for name in names]
        except BadInput as error:
            raise BadInput(str(error).replace(str(kept), "standard input")) from error


def _analyze(files: list[Path], out: Path | None, kept: Path, selection: Selection, *, inner: bool) -> Analysis:
    """The analysis, its tables in ``out``, or else in ``kept``."""
    from netemu.trace.analysis import analyze_to_tables
    from netemu.trace.compiled import COMPILING, is_compiled
    from netemu.trace.export import write_analysis
    from netemu.trace.interrupts import end_waits_at_interrupt

    end_waits_at_interrupt()
    if not is_compiled():
        from netemu.trace.warm import warm_apart

        print(f"netemu: {COMPILING}", file=sys.stderr)
        warm_apart()
    if out is None:
        try:
            return analyze_to_tables(files, kept, keep_packets=False, inner=inner).select(selection)
        except OSError as error:
            raise BadInput(
                f"tables cannot be kept in {kept.parent}: {error.strerror}; set TMPDIR to a directory with room"
            ) from error
    return write_analysis(files, out, selection, inner=inner)


def _annotate(capture: Path, out: Path, selection: Selection, *, inner: bool) -> str:
    from netemu.trace.show.annotate import annotate

    found = annotate(capture, out, selection, inner=inner)
    lost = f"; {found.without_place} more have no place in simple packet blocks" if found.without_place else ""
    return f"{found.packets:,} packets written to {out}, {found.comments:,} with a comment{lost}"
