"""Datagrams of netemu's agents: loss, order, copies, delay, against a plain count of the same arrivals."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.trace.observe.datagrams_scan import WINDOW_NUMBERS
from tests.trace.build import MS
from tests.trace.observe.packets import numbered, table, udp


def row(directory: Path, numbers: list[int], **options: Any) -> dict[str, Any]:
    records = [numbered(10 + at, number, sent_ms=at, **options) for at, number in enumerate(numbers)]
    return table(directory, records, "datagrams").to_dicts()[0]


def plain(numbers: list[int]) -> dict[str, int]:
    """RFC 4737 section 3.3, written as it says."""
    seen: set[int] = set()
    expected = numbers[0]
    reordered = duplicates = latest = gaps = 0
    for number in numbers:
        if number in seen:
            duplicates += 1
            continue
        if number < expected:
            reordered += 1
            latest = max(latest, expected - 1 - number)
        else:
            gaps += number > expected
            expected = number + 1
        seen.add(number)
    lost = max(seen) - min(seen) + 1 - len(seen)
    return {"lost": lost, "duplicates": duplicates, "reordered": reordered, "latest_by": latest, "gaps": gaps}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=120))
def test_counts_are_those_of_the_definition(numbers: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        found = row(Path(directory), numbers)
    assert {name: found[name] for name in plain(numbers)} == plain(numbers)
    assert (found["first_number"], found["last_number"]) == (min(numbers), max(numbers))


def test_a_copy_is_known_as_long_as_its_number_is_remembered(tmp_path: Path) -> None:
    far = WINDOW_NUMBERS + 5
    found = row(tmp_path, [0, 1, far, 1, far - WINDOW_NUMBERS + 1, far])
    assert (found["duplicates"], found["reordered"]) == (1, 2)


def test_the_longest_gap_tells_where_and_how_long(tmp_path: Path) -> None:
    found = row(tmp_path, [0, 2, 3, 9, 10])
    names = ("gaps", "longest_gap_packets", "longest_gap_at_ns", "longest_gap_ns")
    assert [found[name] for name in names] == [2, 5, 12 * MS, MS]


def test_delays_are_arrival_minus_send_time(tmp_path: Path) -> None:
    records = [numbered(10 + at + late, at, sent_ms=at) for at, late in enumerate([5.0, 5.0, 21.0])]
    found = table(tmp_path, records, "datagrams").to_dicts()[0]
    delays = [found[f"{name}_delay_ns"] for name in ("min", "mean", "max")]
    assert delays == [15 * MS, (15 + 15 + 31) * MS // 3, 31 * MS]
    assert found["jitter_ns"] == MS


def test_a_capture_on_another_clock_gives_no_delay_and_all_else(tmp_path: Path) -> None:
    records = [numbered(1e10 + at, at, sent_ms=at) for at in range(3)]
    found = table(tmp_path, records, "datagrams").to_dicts()[0]
    assert (found["numbered"], found["lost"], found["min_delay_ns"], found["jitter_ns"]) == (3, 0, None, None)


def test_other_datagrams_are_counted_and_not_numbered(tmp_path: Path) -> None:
    found = table(tmp_path, [udp(at, bytes(100)) for at in (0, 1)], "datagrams").to_dicts()[0]
    assert (found["packets"], found["numbered"], found["lost"], found["first_number"]) == (2, 0, None, None)
