"""The scoreboard of SACKed ranges against a plain set of bytes, and the pipe that it gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace.compiled import entry
from netemu.trace.observe.sender_pipe import CA_LOSS, CA_OPEN, CA_RECOVERY, drop_below, pipe, take_range
from netemu.trace.observe.sender_state import (
    MAX_RANGES,
    SENDER_FLOW,
    SENDER_STATE,
    SLOT_WORDS,
    sender_flow_at,
    sender_state_at,
)


@entry
def _take(state: int, start: int, end: int) -> None:
    st_ = sender_state_at(state, 0)
    take_range(st_, sender_flow_at(st_.flows, 0), start, end)


@entry
def _drop(state: int, acked: int) -> None:
    st_ = sender_state_at(state, 0)
    drop_below(st_, sender_flow_at(st_.flows, 0), acked)


@entry
def _pipe(state: int) -> int:
    st_ = sender_state_at(state, 0)
    return pipe(st_, sender_flow_at(st_.flows, 0))


class Board:
    """One flow with its scoreboard."""

    def __init__(self, nxt: int) -> None:
        self.flow = np.zeros(1, SENDER_FLOW)
        self.flow["slot"], self.flow["nxt"] = -1, nxt
        self.slots = np.zeros(4 * SLOT_WORDS, np.int64)
        self.state = np.zeros(1, SENDER_STATE)
        self.state["flows"], self.state["slots"] = self.flow.ctypes.data, self.slots.ctypes.data
        self.state["free"], self.state["slot_capacity"] = -1, 4

    def take(self, start: int, end: int) -> None:
        _take(self.state.ctypes.data, start, end)

    def acked(self, una: int) -> None:
        self.flow["una"] = una
        _drop(self.state.ctypes.data, una)

    def set(self, **words: Any) -> None:
        for name, value in words.items():
            self.flow[name] = value

    @property
    def pipe(self) -> int:
        return int(_pipe(self.state.ctypes.data))


ranges = st.tuples(st.integers(0, 99), st.integers(1, 30)).map(lambda r: (r[0], min(r[0] + r[1], 100)))


@given(st.lists(st.one_of(ranges, st.integers(0, 100)), max_size=30))
def test_flight_less_what_was_sacked(steps: list[Any]) -> None:
    board, una, sacked = Board(100), 0, set[int]()
    for step in steps:
        if isinstance(step, int):
            una = max(una, step)
            board.acked(una)
        elif step[0] >= una:
            board.take(*step)
            sacked.update(range(*step))
        assert board.pipe == 100 - una - len([byte for byte in sacked if byte >= una])


@pytest.mark.parametrize(
    ("state", "retransmitted", "expected"),
    [
        (CA_OPEN, 0, 70),  # three of ten segments SACKed; nothing is lost yet
        (CA_RECOVERY, 0, 30),  # the four holes below the highest SACK are lost
        (CA_RECOVERY, 10, 40),  # one of them was sent again
        (CA_LOSS, 0, 10),  # and in Loss all that had been sent when the timer fired: only the segment after it is out
        (CA_LOSS, 20, 30),
    ],
)
def test_the_pipe_leaves_out_what_is_lost(state: int, retransmitted: int, expected: int) -> None:
    board = Board(100)
    for start in (20, 40, 60):
        board.take(start, start + 10)
    board.set(ca_state=state, high_retransmitted=retransmitted, loss_edge=90)
    assert board.pipe == expected


def test_more_holes_than_are_kept_make_the_pipe_unknown_until_all_is_acknowledged() -> None:
    board = Board(10_000)
    for k in range(MAX_RANGES):
        board.take(10 + 20 * k, 20 + 20 * k)
    assert board.pipe == 10_000 - 10 * MAX_RANGES
    board.take(9_000, 9_010)
    assert board.pipe == -1
    board.acked(9_500)
    assert board.pipe == 500 and board.flow["slot"] == -1


def test_scoreboards_are_given_back() -> None:
    board = Board(10_000)
    for k in range(10):
        board.take(100 * k + 10, 100 * k + 20)
        board.acked(100 * k + 50)
    assert board.state["slot_count"] == 1
