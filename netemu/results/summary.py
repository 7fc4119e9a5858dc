"""What one run came to, as the object that ``--json`` prints and the lines a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from netemu.spread import spread


class ClaimLike(Protocol):
    """What a summary needs of a judged claim."""

    @property
    def name(self) -> str: ...
    @property
    def expected(self) -> str: ...
    @property
    def measured(self) -> str: ...
    @property
    def holds(self) -> bool | None: ...
    @property
    def value(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class ClaimSummary:
    """One claim of one run."""

    name: str
    expected: str
    measured: str
    holds: bool | None
    value: float | None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run. ``files``: every file it made, absolute, sorted."""

    experiment: str
    run: Path
    kernel: str
    seed: int
    validity: str
    reasons: tuple[str, ...]
    claims: tuple[ClaimSummary, ...]
    figures: tuple[Path, ...]
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that ``netemu run --json`` prints."""
        return {
            "experiment": self.experiment,
            "run": str(self.run),
            "kernel": self.kernel,
            "seed": self.seed,
            "validity": self.validity,
            "reasons": list(self.reasons),
            "claims": [asdict(claim) for claim in self.claims],
            "figures": [str(figure) for figure in self.figures],
        }


def claim_summaries(results: Sequence[ClaimLike]) -> tuple[ClaimSummary, ...]:
    """Judged claims as they are stored in a summary."""
    return tuple(
        ClaimSummary(result.name, result.expected, result.measured, result.holds, result.value) for result in results
    )


_MARK = {True: "holds", False: "FAILS", None: "not observable"}


def text_of(summary: RunSummary) -> str:
    """The lines for a person: verdict, claims with measured and expected values, and the path of every file."""
    lines = [f"{summary.experiment} on {summary.kernel}, seed {summary.seed}: {summary.validity}"]
    lines += [f"  ! {reason}" for reason in summary.reasons]
    lines += claim_lines(summary.claims)
    lines.append("  files:")
    lines += [f"    {path}" for path in summary.files]
    return "\n".join(lines)


def claim_lines(claims: Sequence[ClaimSummary]) -> list[str]:
    """Two lines for each claim: whether it holds and its name, then what was measured and expected."""
    width = max((len(_MARK[claim.holds]) for claim in claims), default=0)
    lines = []
    for claim in claims:
        lines.append(f"  {_MARK[claim.holds]:<{width}}  {claim.name}")
        lines.append(f"  {'':<{width}}    measured {claim.measured}, expected {claim.expected}")
    return lines


@dataclass(frozen=True, slots=True)
class ClaimOverRuns:
    """A claim over the runs that are not void: how often it held, and mean and 95 % interval of its number.

    ``runs = holds + fails + not_observable``; ``n`` of them have a number. ``half_width`` of the interval is Student's
    t's, null for fewer than two numbers.
    """

    name: str
    runs: int
    holds: int
    fails: int
    not_observable: int
    n: int
    mean: float | None
    standard_deviation: float | None
    half_width: float | None


def claims_over_runs(summaries: Sequence[RunSummary]) -> list[ClaimOverRuns]:
    """Every claim, in the order declared, over those of ``summaries`` that are not void."""
    judged = [claim for summary in summaries if summary.validity != "void" for claim in summary.claims]
    found = []
    for name in dict.fromkeys(claim.name for claim in judged):
        same = [claim for claim in judged if claim.name == name]
        over = spread([claim.value for claim in same if claim.value is not None])
        verdicts = [claim.holds for claim in same]
        counts = (verdicts.count(True), verdicts.count(False), verdicts.count(None))
        found.append(
            ClaimOverRuns(name, len(same), *counts, over.n, over.mean, over.standard_deviation, over.half_width)
        )
    return found


def intervals(summaries: Sequence[RunSummary]) -> str:
    """Over several runs: how often each claim held, and mean ± half-width of the 95 % interval of its number."""
    flawed = [(sum(one.validity == verdict for one in summaries), verdict) for verdict in ("degraded", "void")]
    told = "".join(f", {count} {verdict}" for count, verdict in flawed if count)
    lines = [f"over {len(summaries)} runs{told}{' (left out)' if flawed[1][0] else ''}:"]
    for claim in claims_over_runs(summaries):
        line = f"  {claim.holds}/{claim.runs} hold  {claim.name}"
        if claim.half_width is not None:
            line += f": {claim.mean:.6g} ± {claim.half_width:.3g} (95 %)"
        lines.append(line)
    return "\n".join(lines)
