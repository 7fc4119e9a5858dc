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


def test_it_doubles_at_least_so_that_growing_stays_rare() -> None:
    state = Growing(np.dtype([("a", np.int64)]))
    before = state.array.size
    state.grow(before + 1)
    assert state.array.size == 2 * before


def test_words_that_are_not_known_are_below_zero_also_in_what_is_added() -> None:
    state = Growing(words("a b"), ["b"])
    state.array["b"][7] = 5
    state.grow(5000)
    assert state.array["b"][7] == 5 and int(state.array["b"].sum()) == 5 - (state.array.size - 1)
    assert not state.array["a"].any()
