"""What one run came to, as the object that ``--json`` prints and the lines a person reads."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol


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
    width = max((len(_MARK[claim.holds]) for claim in summary.claims), default=0)
    for claim in summary.claims:
        lines.append(f"  {_MARK[claim.holds]:<{width}}  {claim.name}")
        lines.append(f"  {'':<{width}}    measured {claim.measured}, expected {claim.expected}")
    lines.append("  files:")
    lines += [f"    {path}" for path in summary.files]
    return "\n".join(lines)


def intervals(summaries: Sequence[RunSummary]) -> str:
    """Over several runs: how often each claim held, and mean ± half-width of the 95 % interval of its number.

    The interval is Student's t over the runs, from a table for up to 30 degrees of freedom and 1.96 beyond.
    """
    lines = [f"over {len(summaries)} runs:"]
    for index, claim in enumerate(summaries[0].claims):
        same = [summary.claims[index] for summary in summaries]
        held = sum(one.holds is True for one in same)
        values = [one.value for one in same if one.value is not None]
        line = f"  {held}/{len(same)} hold  {claim.name}"
        if len(values) > 1:
            half = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
            line += f": {statistics.fmean(values):.6g} ± {half:.3g} (95 %)"
        lines.append(line)
    return "\n".join(lines)


# Two-sided 95 % quantiles of Student's t (any statistics textbook), for 1 ... 30 degrees of freedom.
_T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


def t_975(degrees: int) -> float:
    """The 97.5 % quantile of Student's t."""
    return _T_975[degrees - 1] if degrees <= len(_T_975) else 1.96
