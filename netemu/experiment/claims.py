"""Claims: a statement with the value that was expected, the value that was measured, and whether it holds.

A claim is a function of a finished run that returns an :class:`Outcome`; the constructors below are the only ways
to make one, so that every claim says what it compared and how.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TypeVar

Number = int | float
T = TypeVar("T")


class NotObservable(Exception):
    """Raised by a claim when the run cannot show what it is about; the claim then neither holds nor fails."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a claim found. ``holds`` None: not observable. ``value``: the measured number, for intervals over runs."""

    expected: str
    measured: str
    holds: bool | None
    value: float | None = None


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """A claim of an experiment judged on one run; ``evidence`` says which table and selection the number is from."""

    name: str
    expected: str
    measured: str
    holds: bool | None
    value: float | None
    evidence: str


def observed(value: T | None, what: str) -> T:
    """``value``; :class:`NotObservable` with ``what`` when there is none, as for the maximum of no samples."""
    if value is None:
        raise NotObservable(f"the run shows no {what}")
    return value


def _text(value: object, unit: str) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()


def _number(value: object) -> float | None:
    """``value`` for intervals over runs; None for what is no number, or none that JSON can hold."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    return float(value) if math.isfinite(value) else None


def equal(measured: object, expected: object, unit: str = "") -> Outcome:
    """Holds when the two are equal; for counts, sizes and sequences, which have no tolerance."""
    return Outcome(_text(expected, unit), _text(measured, unit), bool(measured == expected), _number(measured))


def within(measured: Number, expected: Number, tolerance: Number, unit: str = "") -> Outcome:
    """Holds when ``measured`` differs from ``expected`` by at most ``tolerance`` (same unit)."""
    allowed = f"{_text(expected, '')} ± {_text(tolerance, unit)}"
    return Outcome(allowed, _text(measured, unit), bool(abs(measured - expected) <= tolerance), _number(measured))


def at_least(measured: Number, bound: Number, unit: str = "") -> Outcome:
    """Holds when ``measured`` is ``bound`` or more."""
    return Outcome(f"≥ {_text(bound, unit)}", _text(measured, unit), bool(measured >= bound), _number(measured))


def at_most(measured: Number, bound: Number, unit: str = "") -> Outcome:
    """Holds when ``measured`` is ``bound`` or less."""
    return Outcome(f"≤ {_text(bound, unit)}", _text(measured, unit), bool(measured <= bound), _number(measured))


def holds(condition: bool, *, expected: str, measured: str, value: Number | None = None) -> Outcome:
    """A claim whose comparison is said in words; ``condition`` must have been computed from the run."""
    return Outcome(expected, measured, bool(condition), _number(value))
