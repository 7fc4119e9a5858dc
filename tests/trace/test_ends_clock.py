"""A clock against another: offset, its bound, and skew from the lower envelope of both directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.trace.ends_clock import Clock, estimate, lower_hull

MS = 1_000_000
SECOND = 1000 * MS


def exchange(skew: float, offset_ns: int, *, seconds: int = 60, seed: int = 1, up_ms: int = 10, down_ms: int = 10):
    """(forward, backward) of estimate(): packets each way with exponential queueing; time here is the true one."""
    random = np.random.default_rng(seed)
    t = np.sort(random.integers(0, seconds * SECOND, 2000))

    def there(at: np.ndarray) -> np.ndarray:
        return at + offset_ns + np.rint(at * skew).astype(np.int64)

    queue = random.exponential(3 * MS, (2, t.size)).astype(np.int64)
    forward = (t, there(t + up_ms * MS + queue[0]))
    back = np.sort(random.integers(0, seconds * SECOND, 2000))
    backward = (back + down_ms * MS + queue[1], there(back))
    return forward, backward


@pytest.mark.parametrize("skew", [0.0, 25e-6, -80e-6])
def test_offset_and_skew_of_a_known_clock_are_found(skew: float) -> None:
    clock = estimate(*exchange(skew, 5 * SECOND))
    assert clock is not None and clock.skew is not None
    assert clock.skew == pytest.approx(skew, abs=3e-6)
    t = np.array([0, 30 * SECOND, 60 * SECOND])
    assert clock.ahead_ns(t) == pytest.approx(5 * SECOND + t * skew, abs=0.3 * MS)


@given(st.integers(-400, 400), st.integers(-(10**9), 10**9), st.integers(1, 2**32))
@settings(max_examples=25, deadline=None)
def test_any_clock_is_found(skew_ppm: int, offset_s: int, seed: int) -> None:
    clock = estimate(*exchange(skew_ppm * 1e-6, offset_s * SECOND, seed=seed))
    assert clock is not None and clock.skew == pytest.approx(skew_ppm * 1e-6, abs=1e-5)


def test_an_asymmetric_path_stays_within_the_bound() -> None:
    clock = estimate(*exchange(0.0, 0, up_ms=40, down_ms=5))
    assert clock is not None and clock.bound_ns is not None
    assert clock.offset_ns == pytest.approx(17.5 * MS, abs=MS) and abs(clock.offset_ns) <= clock.bound_ns


def test_a_queue_that_fills_and_drains_in_one_direction_is_no_skew() -> None:
    forward, backward = exchange(0.0, 0)
    filling = (forward[0], forward[1] + forward[0] % (20 * SECOND) // 2000)
    clock = estimate(filling, backward)
    assert clock is not None and abs(clock.skew or 0) < 5e-6


def test_a_short_exchange_gives_an_offset_and_no_skew() -> None:
    clock = estimate(*exchange(0.0, SECOND, seconds=5))
    assert clock is not None and clock.skew is None and clock.offset_ns == pytest.approx(SECOND, abs=MS)


def test_one_direction_alone_tells_nothing() -> None:
    forward, _ = exchange(0.0, 0)
    none = np.zeros(0, np.int64)
    assert estimate(forward, (none, none)) is None


def test_a_shared_clock_is_never_ahead() -> None:
    assert Clock(shared=True).ahead_ns(np.array([0, SECOND])).tolist() == [0, 0]


def test_the_hull_lies_below_every_point() -> None:
    random = np.random.default_rng(7)
    x, y = np.sort(random.random(500)), random.random(500)
    hull = lower_hull(x, y)
    assert np.all(np.interp(x, x[hull], y[hull]) <= y + 1e-12)
    slopes = np.diff(y[hull]) / np.diff(x[hull])
    assert np.all(np.diff(slopes) > 0)
