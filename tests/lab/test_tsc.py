"""Clocks compared by the counter that all kernels on a machine share."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import MissingCapability
from netemu.lab import tsc
from netemu.lab.tsc import Offset, Reading, offset_of, read_clock


def test_readings_follow_the_clock_and_the_counter() -> None:
    before_ns = time.monotonic_ns()
    first, last = read_clock(), read_clock()
    assert before_ns <= first.monotonic_ns <= last.monotonic_ns <= time.monotonic_ns()
    assert first.before < first.after < last.before < last.after


def test_our_own_clock_is_no_offset_from_itself() -> None:
    first, middle, last = read_clock(), read_clock(), read_clock()
    found = offset_of(middle, first, last)
    assert abs(found.ns) <= found.uncertainty_ns < 1_000_000


def test_a_reading_goes_through_json() -> None:
    reading = read_clock(1)
    assert Reading.of(reading.as_list()) == reading


@given(
    shift_ns=st.integers(-(10**15), 10**15),
    counts_per_us=st.integers(500, 6000),
    when_us=st.integers(1, 10**6),
    widths=st.tuples(*[st.integers(0, 50)] * 3),
    late=st.tuples(*[st.floats(0, 1)] * 3),
)
def test_the_offset_is_found_within_its_uncertainty(
    shift_ns: int, counts_per_us: int, when_us: int, widths: tuple[int, ...], late: tuple[float, ...]
) -> None:
    """Whenever within its reading each clock was really read."""

    def reading(t_us: int, width_us: int, part: float, add_ns: int) -> Reading:
        before = (t_us + 100) * counts_per_us
        inside_ns = round((t_us + part * width_us) * 1000)
        return Reading(before, inside_ns + add_ns, before + width_us * counts_per_us)

    first = reading(-60, widths[0], late[0], 0)
    guest = reading(when_us, widths[1], late[1], shift_ns)
    last = reading(when_us + 60, widths[2], late[2], 0)
    found = offset_of(guest, first, last)
    # The readings' own rounding to whole nanoseconds, and that a rate from readings 120 us apart is rough.
    assert abs(found.ns - shift_ns) <= found.uncertainty_ns * 2 + 2


def test_a_reading_outside_ours_is_refused() -> None:
    first, last, late = read_clock(1), read_clock(1), read_clock(1)
    with pytest.raises(ValueError, match="is not between"):
        offset_of(late, first, last)


def test_offsets_agree_within_what_is_known_of_them() -> None:
    assert Offset(1000, 10).agrees(Offset(1015, 5))
    assert not Offset(1000, 10).agrees(Offset(1016, 5))


def test_a_processor_whose_counter_does_not_run_evenly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsc.Path, "read_text", lambda self: "processor\t: 0\nflags\t\t: fpu rdtscp constant_tsc\n")
    with pytest.raises(MissingCapability, match="lacks nonstop_tsc"):
        tsc.require_common_counter()
