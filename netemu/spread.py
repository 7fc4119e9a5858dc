"""What several runs of one thing come to: a mean with its interval, and the interval of a median."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean of ``n`` values; ``half_width`` of its 95 % interval (Student's t); None where n is too small for one."""

    n: int
    mean: float | None
    standard_deviation: float | None
    half_width: float | None


def spread(values: Sequence[float]) -> Spread:
    """The mean of ``values``, their sample standard deviation, and the half-width of the mean's 95 % interval."""
    if len(values) < 2:
        return Spread(len(values), values[0] if values else None, None, None)
    deviation = statistics.stdev(values)
    half_width = t_975(len(values) - 1) * deviation / math.sqrt(len(values))
    return Spread(len(values), statistics.fmean(values), deviation, half_width)


# Two-sided 95 % quantiles of Student's t (any statistics textbook), for 1 ... 30 degrees of freedom.
_T_975 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


def t_975(degrees: int) -> float:
    """The 97.5 % quantile of Student's t: from a table for up to 30 degrees of freedom, 1.96 beyond."""
    return _T_975[degrees - 1] if degrees <= len(_T_975) else 1.96


def median_rank(n: int) -> int | None:
    """``k`` such that the k-th smallest to the k-th largest of ``n`` values hold the median with at least 95 %.

    The narrowest such interval, whatever the values' distribution: the number of values below the median is
    binomial(n, 1/2) (Conover, Practical Nonparametric Statistics, section 3.2). None below 6 values, where even the
    smallest to the largest hold it with less.
    """
    rank, below = 0, 0
    while 40 * (below := below + math.comb(n, rank)) <= 2**n:  # P(at most `rank` values below) <= 2.5 %
        rank += 1
    return rank or None
