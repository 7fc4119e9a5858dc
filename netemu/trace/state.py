"""The tables that live through one file: numpy arrays that own the memory, and the record of their addresses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netemu.trace import layout as m
from netemu.trace.compiled import entry
from netemu.trace.connect import rehash
from netemu.trace.memory import word
from netemu.trace.reserved import Table
from netemu.trace.segments import release_ring

MAX_CONNECTIONS = 80_000
"""Connections followed at once: with their observers some 5 kB each."""
MAX_SEGMENTS = 3 << 19
"""Outstanding segments of all of them: where no more are free, no ring grows, and its oldest are forgotten."""
MAX_EVENTS = 1 << 19
"""Retransmissions kept, so that a later proof can flag them; beyond it the oldest are given out."""
_MOVED_AT_ONCE = 1 << 13
_BOTH = 3
"""``fin_seen`` when both ends have closed."""


@entry
def _rehash(state: int) -> None:
    rehash(m.state_at(state, 0))


@entry
def _release(state: int, flows: int, count: int) -> None:
    st = m.state_at(state, 0)
    for i in range(count):
        release_ring(st, m.flow_at(st.flows, word(flows, i)))


def both_flows(connections: Any) -> Any:
    """Numbers of the flows of these connections."""
    return (2 * connections[:, None] + np.arange(2)).ravel()


def as_words(table: Any) -> Any:
    """Records as rows of words: NumPy copies those all at once, records one by one."""
    return table.view(np.int64).reshape(table.size, table.dtype.itemsize // 8)


def taken(table: Any, numbers: Any) -> Any:
    """The records of these numbers."""
    return as_words(table)[numbers].view(table.dtype).reshape(-1)


def copied(rows: Any) -> Any:
    """A copy of records, made as words: NumPy copies records field by field."""
    return as_words(rows).copy().view(rows.dtype).reshape(-1)


def moved(kept: Any, count: int) -> Any:
    """For each of ``count`` numbers where it is among ``kept``, -1 where it is not."""
    places = np.full(count, -1, np.int64)
    places[kept] = np.arange(kept.size)
    return places


def _zeros(rows: int, dtype: Any = np.int64) -> Any:
    return np.zeros(rows, dtype)


@dataclass(slots=True)
class State:
    """Tables of one file. ``control`` (one :data:`~netemu.trace.layout.STATE`) is what compiled code is given."""

    chunk_rows: int
    control: Any = field(init=False)
    tables: dict[str, Any] = field(init=False)
    _growing: dict[str, Table] = field(init=False)

    def __post_init__(self) -> None:
        self.control = np.zeros(1, m.STATE)
        self._growing = {
            "connections": Table(1 << 10, m.CONNECTION, MAX_CONNECTIONS),
            "flows": Table(1 << 11, m.FLOW, 2 * MAX_CONNECTIONS),
            "segments": Table(min(1 << 14, MAX_SEGMENTS), m.SEGMENT, MAX_SEGMENTS),
            "events": Table(1 << 12, m.EVENT, 2 * MAX_EVENTS),
            "patches": Table(1 << 12, np.int64, 2 * MAX_EVENTS),
        }
        self.tables = {
            "packet": _zeros(m.PACKET.words),
            "sack": _zeros(m.BATCH * 2 * m.MAX_SACK_BLOCKS),
            "blocks": _zeros(2 * m.MAX_SACK_BLOCKS),
            "table": _zeros(1 << 12),
            "free": np.full(24, -1, np.int64),
            "rtt": _zeros(self.chunk_rows + m.BATCH, m.RTT_SAMPLE),
            "sacks": _zeros(self.chunk_rows + m.BATCH * m.MAX_SACK_BLOCKS, m.SACK_BLOCK),
            "icmp": _zeros(1 << 12, m.ICMP_ERROR),
            "others": _zeros(self.chunk_rows + 8, m.OTHER),
            "captures": _zeros(1 << 10),
            "fragments": _zeros(m.FRAGMENT_ROWS, m.FRAGMENT),
            **{name: table.array for name, table in self._growing.items()},
        }
        sack = self.tables["sack"]
        self.control["connection_limit"] = MAX_CONNECTIONS
        self.control["segment_limit"] = MAX_SEGMENTS
        places = sack.ctypes.data + 16 * m.MAX_SACK_BLOCKS * np.arange(m.BATCH)
        m.PACKET.column(self.tables["packet"], "sack")[:] = places
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
        self._growing[table].grow(needed)
        self.tables[table] = self._growing[table].array

    def grow(self) -> None:
        """Make room for more of whatever has run out; the content stays."""
        connections = self["connection_count"] + 2
        self._enlarge("connections", connections)
        self._enlarge("flows", 2 * self.tables["connections"].size)
        self._enlarge("segments", min(self["segment_count"] + 2 * self["max_ring"] + 16, MAX_SEGMENTS))
        self._enlarge("events", self["event_count"] + 2)
        self._enlarge("patches", self.tables["events"].size)
        small = 2 * connections > self.tables["table"].size
        if small:
            self.tables["table"] = _zeros(4 * self.tables["table"].size)
        self._publish()
        if small:
            _rehash(self.address)

    def least_wanted(self) -> tuple[Any, Any]:
        """Connections of which half are to be given up, and those that stay: closed ones go first, then silent ones."""
        table = self.rows("connections", "connection_count")
        over = (table["reset_by"] > 0) | (table["fin_seen"] == _BOTH)
        order = np.lexsort((table["end_ns"], ~over))
        half = table.size // 2
        return np.sort(order[:half]), np.sort(order[half:])

    def keep(self, kept: Any) -> None:
        """Forget all connections but ``kept``, which are numbered anew in their order."""
        count = self["connection_count"]
        places = moved(kept, count)
        gone = both_flows(np.flatnonzero(places < 0))
        _release(self.address, gone.ctypes.data, gone.size)
        self._keep_events(
            np.flatnonzero(places[self.rows("events", "event_count")["flow"] >> 1] >= 0), both_flows(kept)
        )
        flow = self.rows("events", "event_count")["flow"]
        flow[:] = 2 * places[flow >> 1] + (flow & 1)
        for name, rows, used in (("connections", kept, count), ("flows", both_flows(kept), 2 * count)):
            table = as_words(self.tables[name])
            for first in range(0, rows.size, _MOVED_AT_ONCE):  # each moves down, or stays
                some = rows[first : first + _MOVED_AT_ONCE]
                table[first : first + some.size] = table[some]
            table[rows.size : used] = 0
        previous = self.tables["connections"]["previous"][: kept.size]
        previous[:] = np.where(previous >= 0, places[previous], -1)
        self.control["connection_count"] = kept.size
        self.tables["table"][:] = 0
        _rehash(self.address)

    def settled_events(self, before: int) -> Any:
        """Where too many retransmissions are kept: those in rows below ``before``, which are forgotten; else none."""
        events = self.rows("events", "event_count")
        if events.size <= MAX_EVENTS:
            return events[:0].copy()
        early = events["row"] < before
        given = events[early]
        self._keep_events(np.flatnonzero(~early), slice(2 * self["connection_count"]))
        return given

    def _keep_events(self, stays: Any, own: Any) -> None:
        """Forget all retransmissions but those at ``stays``; ``own`` are the flows of which any may stay."""
        events = self.rows("events", "event_count")
        numbers = np.append(moved(stays, events.size), -1)
        found = taken(events, stays)
        found["previous"] = numbers[found["previous"]]
        events[: stays.size] = found
        last = self.tables["flows"]["retrans_last"]
        last[own] = numbers[last[own]]
        named = self.rows("segments", "segment_count")["event"]
        named[:] = numbers[np.where((named >= 0) & (named < events.size), named, -1)]
        self.control["event_count"] = stays.size
        self.clear("patch_count")
