"""Packets that nothing tells apart: order is kept, and delays decide which of them was lost."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace.ends_groups import match_groups


def matched(sent: list[int], arrived: list[int], delay: int, causal: bool = True) -> tuple[list[int], list[int]]:
    """(arrival of each sent packet or -1, sent packet of each further copy or -1), both counted from 0."""
    t = np.array([*sent, *arrived], np.int64)
    side = np.array([0] * len(sent) + [1] * len(arrived), np.int8)
    partner, copy_of = np.full(t.size, -1), np.full(t.size, -1)
    expected = np.full(len(sent), delay, np.int64)
    match_groups(t, expected, side, np.array([0, t.size]), np.arange(t.size), causal, partner, copy_of)
    found = [int(row) - len(sent) if row >= 0 else -1 for row in partner[: len(sent)]]
    return found, [int(row) for row in copy_of[len(sent) :]]


def test_as_many_arrivals_as_sendings_keep_their_order() -> None:
    assert matched([0, 10, 20], [15, 16, 30], 10) == ([0, 1, 2], [-1, -1, -1])


def test_the_one_lost_is_the_one_whose_delay_would_be_odd() -> None:
    assert matched([0, 10, 20, 30], [10, 30, 40], 10)[0] == [0, -1, 1, 2]


def test_nothing_arrives_before_it_was_sent_on_one_clock() -> None:
    assert matched([10**6], [0], 10)[0] == [-1]
    assert matched([10**6], [0], -50, causal=False)[0] == [0]
    assert matched([10**6], [10**6 - 13_000], 10)[0] == [0]  # two stamps of one clock, each a little off


def test_further_arrivals_are_copies_and_the_first_is_the_packets_own() -> None:
    assert matched([0], [10, 30], 30) == ([0], [-1, 0])
    assert matched([0, 100], [10, 110, 111], 10) == ([0, 1], [-1, -1, 1])


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=12, unique=True), st.data())
def test_any_loss_at_a_steady_delay_is_found(times: list[int], data: Any) -> None:
    times.sort()
    kept = data.draw(st.lists(st.sampled_from(range(len(times))), unique=True, max_size=len(times)))
    found = matched(times, [times[i] + 7 for i in sorted(kept)], 7)[0]
    assert [i for i, arrival in enumerate(found) if arrival >= 0] == sorted(kept)
