"""Numbers as people read them."""

from __future__ import annotations

import pytest

from netemu.trace.show.words import (
    columns_text,
    counted,
    format_bytes,
    format_count,
    format_duration,
    format_rate,
    format_share,
    times,
)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (None, "-"),
        (0, "0 s"),
        (999, "999 ns"),
        (1_000, "1 us"),
        (1_234_567, "1.235 ms"),
        (12_000_000_000, "12 s"),
        (-2_500_000, "-2.5 ms"),
        (128_911_034 * 10**9, "128,911,034 s"),
    ],
)
def test_durations_choose_their_unit(ns: int | None, text: str) -> None:
    assert format_duration(ns) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (9_999, "9,999 B"),
        (10_000, "10 kB"),
        (1_500_000, "1.5 MB"),
        (2_000_000_000, "2 GB"),
    ],
)
def test_bytes_are_exact_while_short(count: int | None, text: str) -> None:
    assert format_bytes(count) == text


def test_rates_shares_and_counts() -> None:
    assert [format_rate(bps) for bps in (None, 12.0, 5_200_000.0)] == ["-", "12 bit/s", "5.2 Mbit/s"]
    assert [format_share(*pair) for pair in ((1, 3), (1, 80), (1, 1))] == ["33%", "1.2%", "100%"]
    assert [format_count(value) for value in (None, 0, 12345)] == ["-", "0", "12,345"]
    assert [counted(count, "probe") for count in (0, 1, 2000)] == ["0 probes", "1 probe", "2,000 probes"]
    assert [times(count) for count in (1, 2)] == ["once", "2 times"]


def test_columns_are_aligned_numbers_to_the_right() -> None:
    lines = columns_text(["name", "bytes"], [("a", "1"), ("long name", "12,345")], frozenset({"name"}))
    assert lines == ["name        bytes", "a               1", "long name  12,345"]
    assert columns_text(["name"], [], frozenset()) == ["name"]
