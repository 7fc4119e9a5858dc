"""Text <-> numbers at the edge: exact both ways, and every refusal names the place and the value."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.errors import BadInput
from netemu.units import (
    format_rate,
    format_ratio,
    format_size,
    format_time,
    parse_rate_bps,
    parse_ratio,
    parse_size_bytes,
    parse_time_ns,
)

whole = st.integers(0, 2**63 - 1) | st.integers(0, 10**6) | st.integers(0, 10**4).map(lambda n: n * 10**6)
PARSERS = (parse_time_ns, parse_rate_bps, parse_size_bytes, parse_ratio)


@given(whole)
def test_formatted_times_rates_and_sizes_parse_back(number: int) -> None:
    assert parse_time_ns(format_time(number), "x") == number
    assert parse_rate_bps(format_rate(number), "x") == number
    assert parse_size_bytes(format_size(number), "x") == number


@given(st.floats(0, 1) | st.sampled_from([5e-324, 0.1, 0.29, 1 / 3, 1.0, 0.0, -0.0]))
def test_formatted_ratios_parse_back(ratio: float) -> None:
    assert parse_ratio(format_ratio(ratio), "x") == ratio


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_decimal_text_is_read_exactly(units: int, decimals: int) -> None:
    text = f"{units}.{decimals:09d}"
    assert parse_time_ns(f"{text}s", "x") == Fraction(text) * 10**9


@given(st.text(max_size=12) | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.integers()))
def test_anything_else_is_bad_input_naming_place_and_value(value: object) -> None:
    for parse in PARSERS:
        try:
            assert 0 <= parse(value, "edge a-b: x") < 2**63
        except BadInput as error:
            assert str(error).startswith(f"edge a-b: x: {value!r} ")
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "0s"), (1, "1ns"), (1500, "1.5us"), (20_000_000, "20ms"), (10**9 + 1, "1.000000001s"), (90 * 10**9, "90s")],
)
def test_times_are_written_in_the_largest_unit_they_fill(ns: int, text: str) -> None:
    assert format_time(ns) == text


def test_rates_and_sizes_are_written_as_people_write_them() -> None:
    assert [format_rate(n) for n in (0, 999, 64_000, 20_000_000, 2_500_000_000)] == [
        "0bit/s",
        "999bit/s",
        "64kbit/s",
        "20Mbit/s",
        "2.5Gbit/s",
    ]
    assert [format_size(n) for n in (0, 1500, 65_536, 64_000, 2**20)] == ["0B", "1500B", "64KiB", "64kB", "1MiB"]
    assert [format_ratio(r) for r in (0.0, 0.01, 0.29, 1.0, 1e-9)] == ["0%", "1%", "29%", "100%", "1E-7%"]


@pytest.mark.parametrize(
    ("text", "ns"), [("1.5 s", 1_500_000_000), (" 2MIN ", 120 * 10**9), ("1e-3s", 10**6), ("+7ns", 7), (12, 12)]
)
def test_times_are_read(text: object, ns: int) -> None:
    assert parse_time_ns(text, "x") == ns


@pytest.mark.parametrize(
    ("parse", "value", "reason"),
    [
        (parse_time_ns, "-5ms", "'-5ms' is negative"),
        (parse_time_ns, "0.5ns", "is not a whole number of the base unit"),
        (parse_time_ns, "10", "has no unit; use a time such as '10ms', '1.5s'"),
        (parse_rate_bps, "20000000", "has no unit; use a rate such as"),
        (parse_time_ns, 0.5, "is not a time"),
        (parse_time_ns, True, "is not a time"),
        (parse_time_ns, "1e999s", "does not fit 63 bits"),
        (parse_time_ns, "1" * 5000 + "s", "is not a time"),
        (parse_time_ns, "٣ms", "is not a time"),
        (parse_rate_bps, "10MiB", "is not a rate"),
        (parse_rate_bps, 2**63, "does not fit 63 bits"),
        (parse_size_bytes, "64K", "is not a size"),
        (parse_ratio, "101%", "is out of range"),
        (parse_ratio, -0.1, "is out of range"),
        (parse_ratio, float("nan"), "is out of range"),
        (parse_ratio, "1ms", "is not a ratio"),
    ],
)
def test_what_is_refused_and_why(parse: object, value: object, reason: str) -> None:
    with pytest.raises(BadInput, match=r"^edge h1-r1: delay: ") as caught:
        parse(value, "edge h1-r1: delay")  # type: ignore[operator]
    assert reason in str(caught.value)


@given(st.integers(max_value=-1))
def test_there_is_no_text_for_a_negative_number(number: int) -> None:
    for write in (format_time, format_rate, format_size, format_ratio):
        with pytest.raises(ValueError, match=r"a ratio lies|never negative"):
            write(number)
