"""``python -m tests.packetdrill DIRECTORY_OR_FILE...``: judge a model by packetdrill scripts (docs/packetdrill.md)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.packetdrill.report import FAILED, as_values, judge_versions, scripts_below, table
from tests.packetdrill.settings import VERSIONS


def main(arguments: list[str]) -> int:
    """Run the scripts and print what came of them; 1 if any failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.packetdrill", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="DIRECTORY_OR_FILE")
    parser.add_argument("--profile", default="linux-7", help="the model's era")
    parser.add_argument("--ip-version", choices=(*VERSIONS, "all"), default="ipv4", help="unless the script names one")
    parser.add_argument("--counts", action="store_true", help="no line of any script, only the table")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    scripts = scripts_below(chosen.paths)
    if not scripts or not all(path.is_file() for path in scripts):
        parser.error("no script there; name files, or directories with *.pkt files")
    versions = VERSIONS if chosen.ip_version == "all" else (chosen.ip_version,)
    outcomes = [outcome for path in scripts for outcome in judge_versions(path, versions, chosen.profile)]
    if chosen.json:
        print(json.dumps(as_values(outcomes), indent=1))
    else:
        if not chosen.counts:
            print("\n".join(outcome.told() for outcome in outcomes), end="\n\n")
        print(table(outcomes))
    return int(any(outcome.verdict == FAILED for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
