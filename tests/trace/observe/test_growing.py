"""State per flow: zero at first, kept when it grows; columns with nulls."""

from __future__ import annotations

import numpy as np

from netemu.trace.layout import words
from netemu.trace.observe.growing import Growing, named, null_where, nullable


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


def test_absent_values_are_null() -> None:
    assert nullable(np.int64([5, -1, 7]), -1, 2).to_list() == [3, None, 5]
    assert null_where(np.array([False, True]), np.int64([5, 6])).to_list() == [5, None]
    assert named("window_end", np.int64([0, -1, 2])).to_list() == ["window_update", None, "reset"]
