"""State per flow: zero at first, kept when it grows."""

from __future__ import annotations

import numpy as np

from netemu.trace.layout import words
from netemu.trace.observe.growing import Growing


def test_it_is_zero_and_keeps_its_content_when_it_grows() -> None:
    state = Growing(words("a b"))
    state.array["b"][7] = 5
    state.grow(5000)
    assert state.array.size >= 5000
    assert state.array["b"][7] == 5 and int(state.array["b"].sum()) == 5 and int(state.array["a"].sum()) == 0
    assert state.address == state.array.ctypes.data


def test_it_grows_where_it_lies_by_what_is_asked_for() -> None:
    state = Growing(np.dtype([("a", np.int64)]))
    place = state.address
    for rows in range(1 << 10, 1 << 12):
        state.grow(rows)
        assert state.array.size == rows and state.address == place


def test_words_that_are_not_known_are_below_zero_also_in_what_is_added() -> None:
    state = Growing(words("a b"), ["b"])
    state.array["b"][7] = 5
    state.grow(5000)
    assert state.array["b"][7] == 5 and int(state.array["b"].sum()) == 5 - (state.array.size - 1)
    assert not state.array["a"].any()


def test_some_records_are_set_aside_and_come_back_first() -> None:
    state = Growing(words("a b"), ["b"])
    state.array["a"][:4], state.array["b"][:4] = [1, 2, 3, 4], [5, 6, 7, 8]
    aside = state.set_aside(np.int64([1, 3]))
    assert state.array[:4].tolist() == [(1, 5), (0, -1), (3, 7), (0, -1)]
    state.restart(aside, 4)
    assert state.array[:3].tolist() == [(2, 6), (4, 8), (0, -1)]
    state.restart(aside[:0], 4)
    assert state.array["a"][:2].tolist() == [2, 4]
