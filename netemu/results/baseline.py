"""Baselines: which claims held when a project was content, so that CI fails only on what no longer holds.

A baseline is JSON: ``{"<experiment>@<kernel>": {"<claim>": true | false | null}}``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from netemu.errors import BadInput
from netemu.results.summary import RunSummary


def key(summary: RunSummary) -> str:
    """The baseline's key of a run."""
    return f"{summary.experiment}@{summary.kernel}"


def read_baseline(path: Path) -> dict[str, dict[str, bool | None]]:
    """The baseline stored at ``path``; :class:`BadInput` when it is not one."""
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(f"--baseline {path}: no such file; write one with --write-baseline {path}") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"--baseline {path}: line {error.lineno} is not JSON: {error.msg}") from error
    if not isinstance(content, dict) or not all(isinstance(claims, dict) for claims in content.values()):
        raise BadInput(f'--baseline {path}: not a baseline; expected {{"experiment@kernel": {{"claim": true}}}}')
    return content


def regressions(baseline: dict[str, dict[str, bool | None]], summaries: Sequence[RunSummary]) -> list[str]:
    """One line for each claim that held in the baseline and does not hold, or is gone, in these runs."""
    found = []
    for summary in summaries:
        now = {claim.name: claim.holds for claim in summary.claims}
        for name, held in baseline.get(key(summary), {}).items():
            if held and now.get(name) is not True:
                state = "is no longer declared" if name not in now else "no longer holds"
                found.append(f"{key(summary)}: the claim {name!r} held in the baseline and {state}")
    return found


def write_baseline(path: Path, summaries: Sequence[RunSummary]) -> None:
    """Store which claims hold now; with several runs of one experiment a claim holds when it held in all."""
    content = read_baseline(path) if path.exists() else {}
    fresh: dict[str, dict[str, bool | None]] = {}
    for summary in summaries:
        claims = fresh.setdefault(key(summary), {})
        for claim in summary.claims:
            before = claims.get(claim.name, True)
            claims[claim.name] = None if before is None or claim.holds is None else before and claim.holds
    path.write_text(json.dumps(content | fresh, indent=2, sort_keys=True) + "\n")
