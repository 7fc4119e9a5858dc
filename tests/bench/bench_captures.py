"""Captures from elsewhere through netemu, tshark and tcptrace: nothing may crash, and every difference is explained.

``python -m tests.bench.bench_captures DIR... [--json] [--alone] [--only REGEX]``. Each pcap or pcapng file below the
directories is analysed (10 s at most); snoop files are made pcap first (``editcap``). The counts of the three tools are
compared, also with the outputs that tcptrace keeps beside its samples. A difference must stand in docs/captures.md,
which says why. ``--alone`` asks the other tools nothing and looks for crashes only; ``--only`` takes the captures whose
path holds the expression.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.captures import FIGURES, Netemu, Outcome, by_tcptrace, by_tshark, golden, is_capture

DOCUMENT = Path(__file__).parents[2] / "docs" / "captures.md"
_ROW = re.compile(
    r"^\| `(?P<capture>[^`]+)` \| (?P<figure>[^|]+) \| (?P<netemu>\d+) \| (?P<others>[^|]+) \| (?P<why>[^|]+) \|$"
)


def found_in(directories: list[Path], scratch: Path) -> Iterator[tuple[str, Path]]:
    """Name and path of each capture; a snoop file is converted into ``scratch``."""
    for top in directories:
        for path in sorted(path for path in top.rglob("*") if path.is_file()):
            name = path.relative_to(top).as_posix()
            if is_capture(path):
                yield name, path
            elif b"snoop" in _head(path):
                converted = scratch / f"{len(list(scratch.iterdir()))}.pcap"
                argv = ["editcap", "-F", "pcap", str(path), str(converted)]
                if subprocess.run(argv, capture_output=True, check=False).returncode == 0:
                    yield name, converted


def _head(path: Path) -> bytes:
    import gzip

    try:
        with path.open("rb") as file:
            head = file.read(8)
        return gzip.open(path).read(8) if head[:2] == b"\x1f\x8b" else head
    except (OSError, EOFError):
        return b""


def explained() -> dict[tuple[str, str], dict[str, str]]:
    """(capture, figure) -> the row of the kept table."""
    rows = map(_ROW.match, DOCUMENT.read_text("utf-8").splitlines())
    return {(row["capture"], row["figure"].strip()): row.groupdict() for row in rows if row}


def compare(ours: Outcome, others: dict[str, Outcome]) -> list[dict[str, Any]]:
    """The figures that somebody counts otherwise."""
    found = []
    for figure in FIGURES:
        told = {tool: outcome.counts[figure] for tool, outcome in others.items() if figure in outcome.counts}
        if ours.counts and any(count != ours.counts[figure] for count in told.values()):
            found.append({"figure": figure, "netemu": ours.counts[figure], **told})
    return found


def look_at(name: str, path: Path, original: Path | None, netemu: Netemu, alone: bool) -> dict[str, Any]:
    """Everything about one capture."""
    ours = netemu.counts(path)
    others: dict[str, Outcome] = {}
    if not alone:
        others = {"tshark": by_tshark(path), "tcptrace": by_tcptrace(path)}
        kept = golden(original or path)
        if kept is not None:
            others["golden"] = kept
    return {
        "capture": name,
        "crashed": ours.crashed,
        "failure": ours.failure,
        "counts": ours.counts,
        "agreed": sum(
            outcome.counts[figure] == ours.counts[figure]
            for outcome in others.values()
            for figure in outcome.counts
            if ours.counts
        ),
        "disagreements": compare(ours, others),
        "others": {tool: outcome.counts or outcome.failure for tool, outcome in others.items()},
    }


def main() -> int:
    """Look at every capture and print what differs; 1 for a crash, a hang or a difference that nothing explains."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directories", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--only", default="", metavar="REGEX", help="captures whose path holds it")
    args = parser.parse_args()
    if not args.directories:
        sys.stdout.write("no directory of captures is given: nothing is compared (docs/captures.md names three)\n")
        return 0
    known, looked = explained(), []
    netemu = Netemu()
    with tempfile.TemporaryDirectory(prefix="netemu-captures-") as scratch:
        for name, path in found_in(args.directories, Path(scratch)):
            if not re.search(args.only, name):
                continue
            originals = [top / name for top in args.directories if (top / name).exists()]
            one = look_at(name, path, originals[0] if originals else None, netemu, args.alone)
            for row in one["disagreements"]:
                kept = known.get((name, row["figure"]))
                row["why"] = kept["why"].strip() if kept and int(kept["netemu"]) == row["netemu"] else None
            looked.append(one)
    netemu.stop()
    crashed = [one for one in looked if one["crashed"]]
    unexplained = [(one, row) for one in looked for row in one["disagreements"] if row["why"] is None]
    sys.stdout.write(json.dumps(looked, indent=1) + "\n" if args.json else text_of(looked))
    return 1 if crashed or unexplained else 0


def text_of(looked: list[dict[str, Any]]) -> str:
    """The table that people read."""
    lines = []
    for one in looked:
        if one["crashed"]:
            lines.append(f"CRASH {one['capture']}: {one['failure']}")
        elif one["failure"]:
            lines.append(f"refused {one['capture']}: {one['failure']}")
        for row in one["disagreements"]:
            told = ", ".join(f"{tool} {row[tool]}" for tool in ("tshark", "tcptrace", "golden") if tool in row)
            lines.append(
                f"{one['capture']}: {row['figure']}: netemu {row['netemu']}, {told}: {row['why'] or 'UNEXPLAINED'}"
            )
    rows = [row for one in looked for row in one["disagreements"]]
    by_figure = Counter(row["figure"] for row in rows)
    lines += ["", *(f"{figure:<16} differs in {count} captures" for figure, count in by_figure.most_common())]
    lines.append(
        f"{len(looked)} captures, {sum(one['crashed'] for one in looked)} crashes or hangs,"
        f" {sum(bool(one['failure']) and not one['crashed'] for one in looked)} refused;"
        f" {sum(one['agreed'] for one in looked)} counts agree, {len(rows)} differ,"
        f" {sum(row['why'] is None for row in rows)} of them unexplained (target: 0)"
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
