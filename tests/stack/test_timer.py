"""The timer wheel fires when the kernel's does: at ticks, coarser with distance, and in the kernel's order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.stack.jiffies import initial_jiffies
from netemu.stack.timer import Timer, Timers, wheel_depth, wheel_expiry

MS = 1_000_000


def _named(fired: list[str], name: str) -> Timer:
    return Timer(lambda: fired.append(name))


def _advance(timers: Timers, now_ns: int) -> None:
    """Run every deadline up to ``now_ns``, as a simulator does."""
    while (at := timers.next_ns()) is not None and at <= now_ns:
        timers.advance(at)
        timers.run()
    timers.advance(now_ns)


@given(st.integers(0, 1 << 34), st.integers(0, (63 << 24) - 1))
def test_a_timer_never_fires_early_and_at_most_an_eighth_late(clk: int, delta: int) -> None:
    fires, level = wheel_expiry(clk + delta, clk, wheel_depth(250))
    assert clk + delta < fires
    assert fires - clk - delta <= max(1, 8**level)
    assert 8**level <= max(1, delta // 7)


@pytest.mark.parametrize(
    ("delta", "granularity"), [(0, 1), (62, 1), (63, 8), (503, 8), (504, 64), (4031, 64), (4032, 512), (32256, 4096)]
)
def test_levels_begin_at_63_buckets_of_the_one_before(delta: int, granularity: int) -> None:
    clk = 8**6
    fires, level = wheel_expiry(clk + delta, clk, wheel_depth(250))
    assert 8**level == granularity
    assert fires % granularity == 0


def test_what_has_passed_fires_at_once_and_what_is_too_far_at_the_end_of_the_wheel() -> None:
    assert wheel_expiry(5, 10, 9) == (10, 0)
    fires, level = wheel_expiry(1 << 60, 0, 9)
    assert level == 8
    assert fires == 63 << 24


def _unanswered_probes(start_ns: int, delays: list[tuple[int, int]]) -> list[int]:
    """Ticks at which timers fire that are armed ``ahead`` jiffies from tick ``at`` after ``start_ns`` of uptime."""
    fired = []
    for at, ahead in delays:
        timers = Timers(250)
        timers.advance(start_ns + at * 4 * MS)
        timers.mod_timer(Timer(lambda: None), timers.jiffies + ahead)
        at_ns = timers.next_ns()
        assert at_ns is not None
        fired.append((at_ns - start_ns) // (4 * MS))
    return fired


def test_the_wheel_is_that_of_a_measured_guest() -> None:
    """Window probes of h1 in experiments/slow_reader.py on UML 7.2 and 6.12, HZ 250, 30 s after boot.

    Armed in tick 48 for 59 jiffies, in 118 (the answer of the probe before) for 116 and so on, doubled; measured at
    0.432, 1.200, 2.160 and 4.048 s. With a counter beginning at 0 they would be 12 jiffies off.
    """
    assert _unanswered_probes(30_000 * MS, [(48, 59), (177, 118), (305, 233), (545, 466)]) == [108, 300, 540, 1012]


def test_a_timer_armed_again_in_its_bucket_keeps_its_place() -> None:
    fired: list[str] = []
    timers = Timers(250)
    base = timers.jiffies
    first, second = _named(fired, "first"), _named(fired, "second")
    timers.mod_timer(first, base + 100)
    timers.mod_timer(second, base + 100)
    timers.mod_timer(first, base + 101)  # the same bucket of 8 jiffies
    assert first.expires == base + 101
    _advance(timers, 1000 * MS)
    assert fired == ["second", "first"]


def test_a_timer_asked_for_the_same_jiffy_keeps_its_coarse_bucket() -> None:
    timers = Timers(250)
    base = timers.jiffies
    timer = Timer(lambda: None)
    timers.mod_timer(timer, base + 97)
    coarse = timers.next_ns()
    timers.advance(80 * 4 * MS)
    timers.mod_timer(timer, base + 97)
    assert timers.next_ns() == coarse
    timers.mod_timer(timer, base + 96)
    assert timers.next_ns() == 97 * 4 * MS


def test_what_a_timer_arms_for_now_waits_for_the_next_tick() -> None:
    fired: list[int] = []
    timers = Timers(250)
    inner = Timer(lambda: fired.append(timers.jiffies))

    def outer() -> None:
        fired.append(timers.jiffies)
        timers.mod_timer(inner, timers.jiffies)

    timers.mod_timer(Timer(outer), timers.jiffies + 3)
    _advance(timers, 100 * MS)
    base = initial_jiffies(250)
    assert fired == [base + 4, base + 5]


def test_levels_fire_from_the_coarsest_and_a_bucket_from_the_last_armed() -> None:
    fired: list[str] = []
    timers = Timers(250)
    base = timers.jiffies
    timers.mod_timer(_named(fired, "level 1"), base + 127)
    timers.advance(120 * 4 * MS)
    for name in ("a", "b", "c"):
        timers.mod_timer(_named(fired, name), base + 127)
    timers.start_hrtimer(_named(fired, "hrtimer 1"), 128 * 4 * MS)
    timers.start_hrtimer(_named(fired, "hrtimer 2"), 128 * 4 * MS)
    _advance(timers, 200 * 4 * MS)
    assert fired == ["level 1", "c", "b", "a", "hrtimer 1", "hrtimer 2"]


def test_ticks_can_have_a_phase() -> None:
    timers = Timers(100, phase_ns=3 * MS)
    timers.advance(12 * MS)
    assert timers.jiffies == initial_jiffies(100)
    timers.mod_timer(Timer(lambda: None), timers.jiffies)
    assert timers.next_ns() == 13 * MS


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 800), st.booleans()), max_size=60))
def test_every_pending_timer_fires_once_and_no_other(steps: list[tuple[int, int, bool]]) -> None:
    timers = Timers(250)
    fired: list[tuple[int, int]] = []

    def note(which: int) -> Callable[[], None]:
        return lambda: fired.append((which, timers.jiffies))

    own = [Timer(note(which)) for which in range(6)]
    asked: dict[int, int] = {}
    for which, ahead, cancel in steps:
        _advance(timers, timers.now_ns + 10 * MS)
        for done, at in fired:
            assert asked.pop(done) < at
        fired.clear()
        if cancel:
            assert timers.del_timer(own[which]) == (which in asked)
            asked.pop(which, None)
        else:
            asked[which] = timers.jiffies + ahead
            timers.mod_timer(own[which], asked[which])
        assert {which for which, timer in enumerate(own) if timer.pending} == set(asked)
    _advance(timers, timers.now_ns + 60_000 * MS)
    assert sorted(which for which, _ in fired) == sorted(asked)


def test_before_4_8_timers_fire_at_the_tick_asked_for() -> None:
    timers = Timers(100, coarse=False)
    base = timers.jiffies
    for ahead, ticks in ((300, 300), (0, 0), (-5, 0)):
        timer = Timer(lambda: None)
        timers.mod_timer(timer, base + ahead)
        assert timers.next_ns() == ticks * 10 * MS
        timers.del_timer(timer)
