"""The tables that live through one file: numpy arrays that own the memory, and the record of their addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netemu.trace import layout as m
from netemu.trace.compiled import entry
from netemu.trace.connect import rehash


@entry
def _rehash(state: int) -> None:
    rehash(m.state_at(state, 0))


def _zeros(rows: int, dtype: Any = np.int64) -> Any:
    return np.zeros(rows, dtype)


@dataclass(slots=True)
class State:
    """Tables of one file. ``control`` (one :data:`~netemu.trace.layout.STATE`) is what compiled code is given."""

    chunk_rows: int
    control: Any = field(init=False)
    tables: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.control = np.zeros(1, m.STATE)
        self.tables = {
            "packet": _zeros(m.BATCH, m.PACKET),
            "sack": _zeros(m.BATCH * 2 * m.MAX_SACK_BLOCKS),
            "blocks": _zeros(2 * m.MAX_SACK_BLOCKS),
            "table": _zeros(1 << 12),
            "connections": _zeros(1 << 10, m.CONNECTION),
            "flows": _zeros(1 << 11, m.FLOW),
            "segments": _zeros(1 << 14, m.SEGMENT),
            "free": np.full(24, -1, np.int64),
            "events": _zeros(1 << 12, m.EVENT),
            "patches": _zeros(1 << 12),
            "rtt": _zeros(self.chunk_rows + m.BATCH, m.RTT_SAMPLE),
            "sacks": _zeros(self.chunk_rows + m.BATCH * m.MAX_SACK_BLOCKS, m.SACK_BLOCK),
            "icmp": _zeros(1 << 12, m.ICMP_ERROR),
            "others": _zeros(self.chunk_rows + 8, m.OTHER),
            "captures": _zeros(1 << 10),
            "fragments": _zeros(m.FRAGMENT_ROWS, m.FRAGMENT),
        }
        sack = self.tables["sack"]
        self.tables["packet"]["sack"] = sack.ctypes.data + 16 * m.MAX_SACK_BLOCKS * np.arange(m.BATCH)
        self._publish()

    @property
    def address(self) -> int:
        """Address of the control record."""
        return int(self.control.ctypes.data)

    def __getitem__(self, name: str) -> int:
        return int(self.control[name][0])

    def rows(self, table: str, count: str) -> Any:
        """The used rows of a table."""
        return self.tables[table][: self[count]]

    def clear(self, count: str) -> None:
        """Forget the rows counted by ``count``."""
        self.control[count] = 0

    def _publish(self) -> None:
        for name, array in self.tables.items():
            self.control[name] = array.ctypes.data
        for name, table in (
            ("table_size", "table"),
            ("connection_capacity", "connections"),
            ("segment_capacity", "segments"),
            ("event_capacity", "events"),
            ("rtt_capacity", "rtt"),
            ("sack_capacity", "sacks"),
            ("icmp_capacity", "icmp"),
        ):
            self.control[name] = self.tables[table].size

    def _enlarge(self, table: str, needed: int) -> None:
        old = self.tables[table]
        if old.size < needed:
            new = _zeros(max(2 * old.size, needed), old.dtype)
            new[: old.size] = old
            self.tables[table] = new  # whole before another thread can see it

    def grow(self) -> None:
        """Make room for more of whatever has run out; the content stays."""
        connections = self["connection_count"] + 2
        self._enlarge("connections", connections)
        self._enlarge("flows", 2 * self.tables["connections"].size)
        self._enlarge("segments", self["segment_count"] + 2 * self["max_ring"] + 16)
        self._enlarge("events", self["event_count"] + 2)
        self._enlarge("patches", self.tables["events"].size)
        small = 2 * connections > self.tables["table"].size
        if small:
            self.tables["table"] = _zeros(4 * self.tables["table"].size)
        self._publish()
        if small:
            _rehash(self.address)
