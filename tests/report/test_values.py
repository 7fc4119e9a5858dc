from __future__ import annotations

from typing import Any

import pytest

from netemu.report.values import readable, rows_of, unit_suffix, words


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("delay_ns", 5_123_456, "5.123 ms"),
        ("delay_ns", 0, "0 ns"),
        ("rate_bps", 19_911_234, "19.91 Mbit/s"),
        ("mtu_bytes", 1500, "1500 B"),
        ("size_bytes", 1_234_567, "1234567 B"),
        ("share", 0.123456, "0.1235"),
        ("count", 123_456, "123456"),
        ("fits", True, "yes"),
        ("error", None, ""),
        ("backend", "relay", "relay"),
    ],
)
def test_values_carry_the_unit_of_their_name(name: str, value: Any, text: str) -> None:
    assert readable(name, value) == text


def test_names_become_words_without_their_unit() -> None:
    assert words("a_to_b.rate_asked_bps") == "a to b rate asked"
    assert unit_suffix("seed") == ""


def test_records_become_rows() -> None:
    assert rows_of([{"link": "x", "rate": {"asked_bps": 1}}]) == [{"link": "x", "rate.asked_bps": 1}]
    assert rows_of({"x": {"mtu_bytes": 1}}) == [{"name": "x", "mtu_bytes": 1}]


@pytest.mark.parametrize("value", [3, "text", [], [1, 2], {"a": 1}, {"a": {"b": 1}, "c": 2}])
def test_what_is_no_list_of_records_has_no_rows(value: Any) -> None:
    assert rows_of(value) == []
