"""``netemu analyze``: any pcap or pcapng file, as a summary for people, as JSON, or as tables."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netemu.errors import BadInput

if TYPE_CHECKING:
    from netemu.trace import Analysis

EPILOG = """\
examples:
  netemu analyze FILE.pcap
  netemu analyze client.pcapng server.pcapng --json
  netemu analyze FILE.pcap.gz --out tables/     packets, connections, rtt, sacks, icmp as Parquet and CSV

Retransmissions are told apart by what made the sender send again (docs/analysis.md): timeout, fast,
tail_loss_probe, syn, syn_ack, fin. A capture taken at the sender counts them as its kernel does.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare ``analyze``."""
    parser = subparsers.add_parser(
        "analyze",
        help="analyse any pcap or pcapng file",
        description="Read captures of any origin: connections, retransmissions by cause, RTT, windows, path MTU.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="pcap or pcapng, also gzip-compressed")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the tables to DIR as Parquet and CSV")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="connections in the text (default: 20)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Analyse and print; :class:`BadInput` for a file that is no capture; a damaged one goes as far as it can."""
    if args.limit < 0:
        raise BadInput(f"--limit: {args.limit} is negative; give 0 or more")
    from netemu.trace.summary import as_json, as_text

    analysis = _analyze(args.files, args.out)
    if args.json:
        print(json.dumps(as_json(analysis), indent=2))
        return 0
    print(as_text(analysis, args.limit))
    for warning in analysis.warnings:
        print(f"netemu: warning: {warning}", file=sys.stderr)
    return 0


def _analyze(files: list[Path], out: Path | None) -> Analysis:
    from netemu.trace.analysis import analyze
    from netemu.trace.compiled import COMPILING, is_compiled
    from netemu.trace.export import write_analysis

    if not is_compiled():
        print(f"netemu: {COMPILING}", file=sys.stderr)
    if out is None:
        return analyze(files, keep_packets=False)
    return write_analysis(files, out)
