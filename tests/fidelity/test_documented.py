"""The page that tells where each mechanism is, and what judges it, speaks of files and scenarios that there are."""

from __future__ import annotations

import re
from pathlib import Path

from netemu.fidelity.scenarios import NAMED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/mechanisms.md").read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if re.match(r"\| [^|]+ \| \w+\.py", line)]


def test_files_are_there_and_have_their_tests() -> None:
    files = {name for _, files, _ in ROWS for name in files.split(", ")}
    missing = [name for name in files if not (ROOT / "netemu/stack" / name).is_file()]
    untested = [name for name in files if not (ROOT / f"tests/stack/test_{name}").is_file()]
    assert (missing, untested) == ([], [])


def test_each_mechanism_has_a_scenario_or_a_reason() -> None:
    assert len(ROWS) > 60
    there = {one.name for one in NAMED}
    for what, _, scenarios in ROWS:
        assert scenarios.startswith("none: ") or set(scenarios.split(", ")) <= there, what


def test_every_row_of_the_tables_is_looked_at() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| what |")]
    assert len(lines) == len(ROWS)
