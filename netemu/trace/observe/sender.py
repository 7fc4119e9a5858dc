"""The table ``sender``: what each sender had outstanding, how large its window was, and what held it, over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.recording.kinds import ENUMS, SENDER_LIMITS
from netemu.recording.sender_tables import SENDER
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe.observer import Observer
from netemu.trace.observe.rows import wanted
from netemu.trace.observe.sender_loop import PACKET, finish, observe
from netemu.trace.observe.sender_state import (
    SENDER_FLOW,
    SENDER_ROW,
    SENDER_STATE,
    SLOT_WORDS,
)
from netemu.trace.tables import enumerated

_ROWS = 1 << 13
_UNKNOWN = (
    *("una", "nxt", "edge", "edge_before", "pipe_before", "send_ns", "syn_ns", "turn_ns", "slot", "ssthresh"),
    *("srtt_ns", "rto_ns", "since_ns", "small_end", "recovered_ns"),
)
"""Words of a new flow that are -1; the others are 0."""
_LISTS = {name: kind for name, (kind, _) in SENDER.items() if kind in ENUMS}
_OF_FLOW = ("capture", "connection", "direction")
_TIMES = ("start_ns", "t_ns", "cwnd_estimated_ns")
_NULLABLE = (
    "pipe_bytes",
    "window_bytes",
    "cwnd_estimated_bytes",
    "cwnd_estimated_ns",
    "ssthresh_estimated_bytes",
    "srtt_ns",
    "rto_estimated_ns",
)
_ACCOUNT = tuple(f"{limit}_limited_ns" for limit in SENDER_LIMITS if limit != "none")


class Sender(Observer):
    """Sender state by round trip (docs/analysis.md, "Sender state")."""

    table = "sender"

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._state = np.zeros(1, SENDER_STATE)
        self._flows = np.zeros(0, SENDER_FLOW)
        self._rows = np.zeros(_ROWS, SENDER_ROW)
        self._slots = np.zeros(16 * SLOT_WORDS, np.int64)
        self._state["free"] = -1
        self._state["rows"] = self._rows.ctypes.data
        self._state["row_capacity"] = _ROWS
        self._grow_flows(64)
        self._grow_slots()

    def take(self, chunk: Chunk, origin_ns: int) -> pl.DataFrame:
        """A row per round trip, change of state and long silence that ended within ``chunk``."""
        if not chunk.columns.t_ns.size:
            return self._frame([], origin_ns)
        self._grow_flows(int(chunk.columns.flow.max()) + 2)
        announced = self.reader.state.tables["flows"]
        state = self._state
        state["announced"] = announced.ctypes.data
        for name, rows in (("sack", chunk.sacks), ("rtt", chunk.rtt)):
            state[f"{name}s" if name == "sack" else name] = rows.ctypes.data
            state[f"{name}_next"], state[f"{name}_count"] = 0, rows.size
        columns, packet = wanted(chunk.columns, PACKET), np.zeros(1, PACKET)
        taken, i = [], 0
        while i < chunk.columns.t_ns.size:
            size = chunk.columns.t_ns.size
            i = observe(state.ctypes.data, columns.ctypes.data, size, packet.ctypes.data, i)
            taken.append(self._taken())
            self._grow_slots()
        return self._frame(taken, origin_ns)

    def end(self, origin_ns: int) -> pl.DataFrame:
        """The last row of each flow."""
        taken, flow = [], 0
        while flow < self._flows.size:
            flow = finish(self._state.ctypes.data, flow, self._flows.size)
            taken.append(self._taken())
        return self._frame(taken, origin_ns)

    def _grow_flows(self, needed: int) -> None:
        old = self._flows
        if old.size < needed:
            self._flows = np.zeros(max(2 * old.size, needed), SENDER_FLOW)
            self._flows[: old.size] = old
            for name in _UNKNOWN:
                self._flows[name][old.size :] = -1
            self._state["flows"] = self._flows.ctypes.data

    def _grow_slots(self) -> None:
        capacity = self._slots.size // SLOT_WORDS
        if self._state["slot_count"][0] + 1 > capacity:
            self._slots = np.concatenate([self._slots, np.zeros_like(self._slots)])
            capacity *= 2
        self._state["slots"] = self._slots.ctypes.data
        self._state["slot_capacity"] = capacity

    def _taken(self) -> Any:
        rows = self._rows[: self._state["row_count"][0]].copy()
        self._state["row_count"] = 0
        return rows

    def _frame(self, taken: list[Any], origin_ns: int) -> pl.DataFrame:
        rows = np.concatenate([self._rows[:0], *taken])
        columns = {name: np.ascontiguousarray(rows[name]) for name in SENDER if name not in _OF_FLOW}
        for name in _TIMES:
            columns[name] = np.where(columns[name] == -1, -1, columns[name] - origin_ns)
        series: dict[str, Any] = {name: pl.Series(values) for name, values in columns.items()}
        for name, kind in _LISTS.items():
            codes = columns[name]
            named = enumerated(kind, np.maximum(codes, 0).astype(np.uint8))
            series[name] = named.set(pl.Series(codes == -1), None)
        for name in _NULLABLE + _ACCOUNT:
            series[name] = series[name].set(pl.Series(columns[name] == -1), None)
        return self.frame(rows["flow"], series)
