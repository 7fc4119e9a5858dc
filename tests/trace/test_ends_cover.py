"""Stretches of super-segments compared byte by byte."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace.ends_cover import overlaps, settle


def rows(*told: tuple[int, int, int, int]) -> np.ndarray:
    """(start, end, t, TSval) as rows of flow 3."""
    return np.array([(3, *row) for row in told], np.int64).reshape(len(told), 5)


def pieces(sent: np.ndarray, arrived: np.ndarray, delay: int = 10) -> list[tuple[int, ...]]:
    longest = int((sent[:, 2] - sent[:, 1]).max())
    found = overlaps(sent, arrived, np.full(len(sent), delay, np.int64), longest, True)
    return [tuple(int(v) for v in row) for row in found]


def test_one_arrival_covers_three_that_were_sent() -> None:
    sent = rows((0, 10, 1, 5), (10, 20, 2, 5), (20, 30, 3, 5))
    assert pieces(sent, rows((0, 30, 13, 5))) == [(0, 0, 0, 10), (1, 0, 10, 20), (2, 0, 20, 30)]


def test_cuts_at_other_places_give_a_piece_for_each() -> None:
    sent = rows((0, 20, 1, 5), (20, 40, 2, 5))
    assert pieces(sent, rows((0, 15, 11, 5), (15, 40, 12, 5))) == [(0, 0, 0, 15), (0, 1, 15, 20), (1, 1, 20, 40)]


def test_bytes_that_nobody_sent_stay_alone() -> None:
    assert pieces(rows((10, 20, 1, 5)), rows((0, 30, 11, 5))) == [(-1, 0, 0, 10), (0, 0, 10, 20), (-1, 0, 20, 30)]


def test_of_two_sendings_timestamp_and_then_delay_decide() -> None:
    sent = rows((0, 20, 1, 5), (0, 20, 50, 6))
    assert pieces(sent, rows((0, 10, 60, 6), (10, 20, 61, 6))) == [(1, 0, 0, 10), (1, 1, 10, 20)]
    silent = rows((0, 20, 1, -1), (0, 20, 50, -1))
    assert pieces(silent, rows((0, 10, 11, -1), (0, 10, 62, -1))) == [(0, 0, 0, 10), (1, 1, 0, 10)]


def test_gaps_and_repeated_bytes_are_told() -> None:
    sent = rows((0, 40, 1, 5))
    found = np.array([(0, 0, 10, 20), (0, 1, 10, 20), (0, 2, 30, 35)], np.int64)
    copies, missing = settle(found, sent)
    assert copies.tolist() == [False, True, False]
    assert missing.tolist() == [[0, 0, 10], [0, 20, 30], [0, 35, 40]]


@given(st.sets(st.integers(1, 99)), st.sets(st.integers(1, 99)))
def test_any_two_ways_to_cut_the_same_bytes_meet_everywhere(one: set[int], other: set[int]) -> None:
    cuts_a, cuts_b = [0, *sorted(one), 100], [0, *sorted(other), 100]
    sent = rows(*((a, b, 1, 5) for a, b in pairwise(cuts_a)))
    arrived = rows(*((a, b, 20, 5) for a, b in pairwise(cuts_b)))
    found = pieces(sent, arrived)
    assert all(a >= 0 for a, *_ in found)
    assert sorted({start for *_, start, _ in found}) == sorted({*cuts_a, *cuts_b} - {100})
    assert sum(end - start for *_, start, end in found) == 100
