"""Fragments: when a packet is whole, what came for nothing, what is a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.trace.build import Record
from tests.trace.observe.packets import fragments, table

SIZES = [1480, 1480, 48]


def row(directory: Path, records: list[Record]) -> dict[str, Any]:
    return table(directory, records, "fragments").to_dicts()[0]


@pytest.mark.parametrize(("six", "extra"), [(False, 2 * 20), (True, 3 * 48 - 40)])
def test_a_whole_packet_costs_headers(tmp_path: Path, six: bool, extra: int) -> None:
    found = row(tmp_path, fragments(0, 7, SIZES, six=six))
    names = ("packets", "fragments", "complete", "incomplete", "extra_header_bytes", "duplicates")
    assert [found[name] for name in names] == [1, 3, 1, 0, extra, 0]


def test_order_does_not_matter(tmp_path: Path) -> None:
    found = row(tmp_path, fragments(0, 7, SIZES)[::-1])
    assert (found["packets"], found["complete"]) == (1, 1)


def test_a_lost_fragment_makes_the_others_useless(tmp_path: Path) -> None:
    found = row(tmp_path, [*fragments(0, 7, SIZES)[:2], *fragments(1, 8, SIZES)])
    assert (found["packets"], found["complete"], found["incomplete"], found["incomplete_bytes"]) == (2, 1, 1, 3000)


def test_what_comes_after_half_a_minute_is_another_packet(tmp_path: Path) -> None:
    found = row(tmp_path, [fragments(0, 7, SIZES)[0], *fragments(31_000, 7, SIZES)[1:]])
    assert (found["packets"], found["complete"], found["incomplete"]) == (2, 0, 2)


def test_copies_bring_nothing_new_before_and_after_the_packet_is_whole(tmp_path: Path) -> None:
    parts = fragments(0, 7, SIZES)
    found = row(tmp_path, [parts[0], *parts, parts[1]])
    assert (found["packets"], found["complete"], found["incomplete"], found["duplicates"]) == (1, 1, 0, 2)


def test_an_identification_is_used_again(tmp_path: Path) -> None:
    found = row(tmp_path, [*fragments(0, 7, SIZES), *fragments(2_000, 7, SIZES)])
    assert (found["packets"], found["complete"], found["duplicates"]) == (2, 2, 0)
