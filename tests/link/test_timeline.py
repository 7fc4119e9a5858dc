from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from netemu.link.parameters import Phase
from netemu.link.timeline import Timeline


def timeline(*phases: tuple[int, int | None]) -> Timeline:
    return Timeline([Phase(start, rate, 0, 0, None) for start, rate in phases])


def test_the_first_phase_holds_until_traffic_starts() -> None:
    line = timeline((0, 8), (10, 16))
    assert line.at(10**9).rate_bps == 8
    line.start(1000)
    assert [line.at(t).rate_bps for t in (0, 1009, 1010)] == [8, 8, 16]


def test_a_packet_on_the_line_meets_the_change() -> None:
    line = timeline((0, 8_000_000_000), (100, 1_000_000_000))  # one byte per ns, then an eighth
    line.start(0)
    assert line.finish_ns(0, 100) == 100
    assert line.finish_ns(50, 100) == 50 + 50 + 50 * 8
    assert line.finish_ns(100, 1) == 108


def test_time_on_the_line_is_rounded_up() -> None:
    assert timeline((0, 3)).finish_ns(0, 1) == -(-8 * 10**9 // 3)


def test_without_a_rate_nothing_takes_time() -> None:
    assert timeline((0, None)).finish_ns(77, 1500) == 77


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**10)), min_size=1, max_size=5),
    st.integers(0, 2 * 10**6),
    st.integers(0, 3000),
)
def test_the_bits_sent_in_all_phases_are_those_of_the_packet(
    steps: list[tuple[int, int]], start_ns: int, line_bytes: int
) -> None:
    rates = [rate for _, rate in steps]
    starts = [0, *sorted(start for start, _ in steps[1:])]
    line = timeline(*zip(starts, rates, strict=True))
    line.start(0)
    end_ns = line.finish_ns(start_ns, line_bytes)
    bits = sum(
        Fraction(rate, 10**9) * max(0, min(end_ns, until) - max(start_ns, begin))
        for rate, begin, until in zip(rates, starts, [*starts[1:], 10**30], strict=True)
    )
    assert 0 <= bits - 8 * line_bytes <= max(Fraction(rate, 10**9) for rate in rates)


def test_the_least_transit_is_over_all_phases() -> None:
    line = Timeline([Phase(0, 8_000, 500, 200, None), Phase(5, 8_000_000_000, 400, 200, None)])
    assert line.smallest_ns(10, without_delay=False) == 10 + 200
    assert line.smallest_ns(10, without_delay=True) == 10
