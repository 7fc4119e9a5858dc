"""Whether chance explains a count: the exact tails of the binomial distribution, also where few packets passed."""

from __future__ import annotations

import math

_NEGLIGIBLE = 1e-9
"""A term this much smaller than the sum so far is the last that is added."""


def is_explained(count: int, trials: int, ratio: float, chance: float) -> bool:
    """Whether ``count`` of ``trials``, each with probability ``ratio``, lies within a band.

    A true binomial leaves that above with half of ``chance``, and below with the other half. Of few trials the normal
    distribution's band of the same chance is left many times as often.
    """
    if not 0 < ratio < 1:
        return count == trials * ratio
    above, below = _tail(count, trials, ratio), _tail(trials - count, trials, 1 - ratio)
    return min(above, below) >= chance / 2


def _tail(count: int, trials: int, ratio: float) -> float:
    """The probability of ``count`` or more; 1 where that is what is expected at least."""
    if count <= trials * ratio:
        return 1.0
    ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    term = total = math.exp(ways + count * math.log(ratio) + (trials - count) * math.log1p(-ratio))
    odds = ratio / (1 - ratio)
    while count < trials and term > _NEGLIGIBLE * total:
        term *= (trials - count) / (count + 1) * odds
        total += term
        count += 1
    return total
