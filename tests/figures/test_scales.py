from __future__ import annotations

import pytest

from netemu.errors import BadInput
from netemu.figures.scales import column_scale, rate_scale, size_scale, time_scale, time_span


@pytest.mark.parametrize(
    ("largest_ns", "unit"), [(0, "ns"), (1_999, "ns"), (2_000, "µs"), (1_999_999_999, "ms"), (2_000_000_000, "s")]
)
def test_time_unit_keeps_at_least_two_of_it(largest_ns: int, unit: str) -> None:
    assert time_scale(largest_ns).unit == unit


def test_sizes_are_plain_bytes_until_ten_thousand() -> None:
    assert [size_scale(n).unit for n in (1448, 9_999, 10_000, 3_000_000)] == ["B", "B", "kB", "MB"]


def test_rate_unit() -> None:
    assert rate_scale(20_000_000).unit == "Mbit/s"


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("rtt_ns", "RTT (ms)"),
        ("blocked_ns", "Blocked (ms)"),
        ("ip_bytes", "IP (MB)"),
        ("goodput_bps", "Goodput (Mbit/s)"),
        ("queue_packets", "Queue (packets)"),
    ],
)
def test_a_column_is_labelled_by_the_unit_in_its_name(column: str, label: str) -> None:
    quantity, scale = column_scale(column, 5e6)
    assert scale.label(quantity) == label


def test_a_column_without_a_unit_has_none() -> None:
    assert column_scale("total_retrans", 5)[1].unit == ""


def test_span_reads_texts_and_nanoseconds() -> None:
    assert time_span("1.5s", 2_000_000_000) == (1_500_000_000, 2_000_000_000)
    assert time_span(None, None) == (-(2**62), 2**62)  # what came before the run's start counts


@pytest.mark.parametrize(("start", "stop"), [("2s", "1s"), ("1s", "1s"), ("soon", None), (None, 1.5)])
def test_a_span_that_is_none_is_refused(start: object, stop: object) -> None:
    with pytest.raises(BadInput, match=r"start|stop"):
        time_span(start, stop)
