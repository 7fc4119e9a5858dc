"""The tables ``sender`` and ``episodes``: what each sender had outstanding and what held it, over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from netemu.recording.kinds import ENUMS
from netemu.recording.sender_tables import EPISODES, SENDER
from netemu.trace.column import Column, absent_at, of_list
from netemu.trace.engine import Chunk
from netemu.trace.observe.growing import Growing
from netemu.trace.observe.rows import joined, turned
from netemu.trace.observe.sender_episodes import EPISODE, EPISODE_FLOW, end_episodes, join_rows
from netemu.trace.observe.sender_loop import finish
from netemu.trace.observe.sender_state import SENDER_FLOW, SENDER_ROW, SENDER_STATE, SLOT_WORDS

_ROWS = 1 << 15
_UNKNOWN = (
    *("una", "nxt", "edge", "edge_before", "pipe_before", "send_ns", "syn_ns", "turn_ns", "slot", "ssthresh"),
    *("srtt_ns", "rto_ns", "since_ns", "small_end", "recovered_ns"),
)
"""Words of a new flow that are -1; the others are 0."""
_OF_FLOW = ("capture", "connection", "direction")
_TIMES = ("start_ns", "t_ns", "end_ns", "cwnd_estimated_ns")
_NULLABLE = {
    *("pipe_bytes", "window_bytes", "cwnd_estimated_bytes", "cwnd_estimated_ns", "ssthresh_estimated_bytes"),
    *("srtt_ns", "rto_estimated_ns", "end_cwnd_estimated_bytes"),
    *(name for name in SENDER if name.endswith("_limited_ns")),
}


class Sender:
    """Sender state by round trip (docs/analysis.md, "Sender state"), and rows of one phase joined."""

    def __init__(self) -> None:
        self.state = np.zeros(1, SENDER_STATE)
        self._flows, self._episodes = Growing(SENDER_FLOW, _UNKNOWN), Growing(EPISODE_FLOW)
        self._rows, self._joined = np.zeros(_ROWS, SENDER_ROW), np.zeros(_ROWS, EPISODE)
        self._slots = np.zeros(16 * SLOT_WORDS, np.int64)
        self._taken: list[Any] = []
        self._ended: list[Any] = []
        self.state["free"] = -1
        self.state["rows"] = self._rows.ctypes.data
        self.state["row_capacity"] = _ROWS
        self._grow_slots()

    def reserve(self, flows: int, chunk: Chunk, announced: Any) -> None:
        """Make room for so many flows, and begin with the lists of ``chunk``."""
        self._flows.grow(flows)
        self._episodes.grow(flows)
        state = self.state
        state["flows"], state["announced"] = self._flows.address, announced.ctypes.data
        for name, rows in (("sack", chunk.sacks), ("rtt", chunk.rtt)):
            state[f"{name}s" if name == "sack" else name] = rows.ctypes.data
            state[f"{name}_next"], state[f"{name}_count"] = 0, rows.size

    def keep(self) -> None:
        """Keep the rows written so far, and make room for more."""
        count = int(self.state["row_count"][0])
        ended = join_rows(self._rows.ctypes.data, count, self._episodes.address, self._joined.ctypes.data)
        self._taken.append(turned(self._rows[:count]))
        self._ended.append(turned(self._joined[:ended]))
        self.state["row_count"] = 0
        self._grow_slots()

    def finish(self, flows: int, going_on: Any) -> None:
        """Keep the last row and episode of each flow but of those ``going_on``, which are numbered anew, from 0."""
        self._flows.grow(flows)
        self._episodes.grow(flows)
        self.state["flows"] = self._flows.address
        aside = self._flows.set_aside(going_on), self._episodes.set_aside(going_on)
        flow = 0
        while flow < flows:
            flow = finish(self.state.ctypes.data, flow, flows)
            self.keep()
        last = np.zeros(flows, EPISODE)
        self._ended.append(turned(last[: end_episodes(self._episodes.address, flows, last.ctypes.data)]))
        self._flows.restart(aside[0], flows)
        self._episodes.restart(aside[1], flows)

    def given(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Rows and episodes kept since the last call, by column."""
        found = joined(self._taken, SENDER_ROW), joined(self._ended, EPISODE)
        self._taken, self._ended = [], []
        return found

    def _grow_slots(self) -> None:
        capacity = self._slots.size // SLOT_WORDS
        if self.state["slot_count"][0] + 1 > capacity:
            self._slots = np.concatenate([self._slots, np.zeros_like(self._slots)])
            capacity *= 2
        self.state["slots"] = self._slots.ctypes.data
        self.state["slot_capacity"] = capacity


def columns(table: str, rows: Mapping[str, Any], origin_ns: int) -> dict[str, Column]:
    """Rows of ``sender`` or ``episodes``, as the observer has them, as columns beside those that name the flow."""
    schema = {"sender": SENDER, "episodes": EPISODES}[table]
    found: dict[str, Column] = {}
    for name, (kind, _) in schema.items():
        if name in _OF_FLOW:
            continue
        values = rows[name]
        if kind in ENUMS:
            found[name] = of_list(kind, values)
            continue
        less = origin_ns if name in _TIMES else 0
        if name in _NULLABLE:
            found[name] = absent_at(values, -1, less)
        else:
            found[name] = values - less if less else values
    return found
