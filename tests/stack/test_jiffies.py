"""Jiffies: a timer never fires early, so conversions round up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.stack import jiffies

hz_values = st.sampled_from((100, 250, 1000))


@given(st.integers(0, 10**9), hz_values)
def test_milliseconds_round_up_to_a_jiffy(ms: int, hz: int) -> None:
    ticks = jiffies.msecs_to_jiffies(ms, hz)
    assert jiffies.jiffies_to_msecs(ticks, hz) >= ms
    assert jiffies.jiffies_to_msecs(ticks - 1, hz) < ms


@given(st.integers(0, 10**12), hz_values)
def test_microseconds_round_up_and_nanoseconds_down(us: int, hz: int) -> None:
    up = jiffies.usecs_to_jiffies(us, hz)
    assert jiffies.jiffies_to_usecs(up, hz) >= us > jiffies.jiffies_to_usecs(up - 1, hz)
    down = jiffies.nsecs_to_jiffies(us * 1000, hz)
    assert jiffies.jiffies_to_usecs(down, hz) <= us < jiffies.jiffies_to_usecs(down + 1, hz)


def test_a_negative_timeout_is_none() -> None:
    assert jiffies.msecs_to_jiffies(-1, 250) == jiffies.MAX_JIFFY_OFFSET


@pytest.mark.parametrize(("hz", "expected"), [(250, 4_294_892_296), (100, 4_294_937_296)])
def test_jiffies_begin_five_minutes_before_they_wrap(hz: int, expected: int) -> None:
    """4294892296 is what /proc/timer_list of a UML 7.2 guest shows at its boot, HZ being 250."""
    assert jiffies.initial_jiffies(hz) == expected
