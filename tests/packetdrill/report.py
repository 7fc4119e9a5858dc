"""What came of many scripts: a table, counts, and the same as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.packetdrill.runner import run_file
from tests.packetdrill.settings import Settings
from tests.packetdrill.verdict import Mismatch, NotApplicable, ScriptError

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not applicable"


@dataclass(frozen=True)
class Outcome:
    """Of one script. ``line``, ``expected``, ``got``: of a failure; ``reason``: why it is not applicable."""

    script: str
    verdict: str
    line: int = 0
    expected: str = ""
    got: str = ""
    reason: str = ""

    def told(self) -> str:
        """One line."""
        if self.verdict == FAILED:
            return f"{self.script}: failed: line {self.line}: expected {self.expected}; got {self.got}"
        return f"{self.script}: {self.verdict}" + (f": {self.reason}" if self.reason else "")


def scripts_below(paths: Iterable[Path]) -> list[Path]:
    """The scripts that ``paths`` name, those in directories included, in order."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.rglob("*.pkt")) if path.is_dir() else [path]
    return found


def judge(path: Path, settings: Settings, profile: str) -> Outcome:
    """Run one script."""
    name = str(path)
    try:
        run_file(path, settings, profile)
    except Mismatch as error:
        return Outcome(name, FAILED, error.line, error.expected, error.got)
    except NotApplicable as error:
        return Outcome(name, NOT_APPLICABLE, reason=error.reason)
    except ScriptError as error:
        return Outcome(name, FAILED, error.line, "a script of the language", error.what)
    return Outcome(name, PASSED)


def judge_versions(path: Path, versions: Sequence[str], profile: str) -> list[Outcome]:
    """Run one script by each IP version; once, by its own, where it names one."""
    if any(line.startswith("--ip_version") for line in path.read_text().splitlines()):
        versions = versions[:1]
    found = [judge(path, Settings(version), profile) for version in versions]
    if len(versions) == 1:
        return found
    return [replace(one, script=f"{one.script} ({version})") for one, version in zip(found, versions, strict=True)]


def counts(outcomes: Sequence[Outcome]) -> dict[str, Counter[str]]:
    """Directory -> how many scripts had which verdict."""
    found: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        found.setdefault(str(Path(outcome.script).parent), Counter())[outcome.verdict] += 1
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """The counts of each directory, and of all."""
    rows: list[tuple[str, ...]] = [("directory", "scripts", PASSED, FAILED, NOT_APPLICABLE)]
    by_directory = counts(outcomes)
    everything: Counter[str] = sum(by_directory.values(), Counter())
    for name, count in (*by_directory.items(), ("all", everything)):
        numbers = (count.total(), count[PASSED], count[FAILED], count[NOT_APPLICABLE])
        rows.append((name, *(str(number) for number in numbers)))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def as_values(outcomes: Sequence[Outcome]) -> dict[str, object]:
    """Everything, for JSON."""
    return {"scripts": [asdict(outcome) for outcome in outcomes], "counts": counts(outcomes)}
