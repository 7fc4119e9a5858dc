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


def plain_gaps(numbers: list[int]) -> list[tuple[int, int, int]]:
    """(first number, missing, of them late): what each number beyond the next expected one skipped."""
    gaps: list[list[int]] = []
    seen: set[int] = set()
    expected = numbers[0]
    for number in numbers:
        if number in seen:
            continue
        if number > expected:
            gaps.append([expected, number - expected, 0])
        for gap in gaps:
            gap[2] += gap[0] <= number < gap[0] + gap[1]
        expected = max(expected, number + 1)
        seen.add(number)
    return [(first, missing, late) for first, missing, late in gaps]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 300), min_size=1, max_size=120))
def test_each_gap_tells_what_was_missing_and_what_came_later(numbers: list[int]) -> None:
    records = [numbered(10 + at, number) for at, number in enumerate(numbers)]
    with tempfile.TemporaryDirectory() as directory:
        found = table(Path(directory), records, "datagram_gaps")
    assert found.select("first_number", "missing", "late").rows() == plain_gaps(numbers)
    assert (found["lost"] == found["missing"] - found["late"]).all()


def test_a_gap_has_a_begin_an_end_and_the_time_it_was_filled(tmp_path: Path) -> None:
    found = table(tmp_path, [numbered(10 + at, n) for at, n in enumerate([0, 4, 2, 5, 1, 9])], "datagram_gaps")
    names = ("source", "start_ns", "end_ns", "first_number", "missing", "late", "lost", "filled_ns")
    assert found.select(names).rows() == [
        ("10.0.0.1:4000", 10 * MS, 11 * MS, 1, 3, 2, 1, 14 * MS),
        ("10.0.0.1:4000", 14 * MS, 15 * MS, 6, 3, 0, 3, None),
    ]


def test_gaps_belong_to_their_flow(tmp_path: Path) -> None:
    records = []
    for at in range(40):
        records.append(numbered(2 * at, 2 * at, ports=(4000, 5001)))
        records.append(numbered(2 * at + 1, at, ports=(4001, 5001)))
    found = table(tmp_path, records, "datagram_gaps")
    assert set(found["source"]) == {"10.0.0.1:4000"} and found.height == 39


def test_a_gap_older_than_the_newest_256_is_left_as_it_was(tmp_path: Path) -> None:
    numbers = [*range(0, 1200, 2), 3, 1197]
    found = table(tmp_path, [numbered(at, number) for at, number in enumerate(numbers)], "datagram_gaps")
    assert found.filter(found["late"] == 1)["first_number"].to_list() == [1197]


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
