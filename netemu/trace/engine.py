"""The driver of the compiled pass: windows of the file in, chunks of columns out, tables grown in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from netemu.trace import layout as m
from netemu.trace import records as r
from netemu.trace import track
from netemu.trace.connect import rehash
from netemu.trace.container import Container, Fault, needs_more, unsupported_text
from netemu.trace.source import Window, open_source

CHUNK_ROWS = 1 << 17
"""Packets per chunk: small enough to stay in memory several times over, large enough for a Parquet row group."""
SETTLE_CHUNKS = 2
"""A chunk is given out when this many have followed it: until then a D-SACK can still flag its packets."""


@dataclass(slots=True)
class Chunk:
    """One stretch of packets and what was emitted while they were read; rows of lists carry connection numbers."""

    first_row: int
    columns: m.Columns
    rtt: Any
    sacks: Any
    icmp: Any


@dataclass(slots=True)
class Reader:
    """One file through the compiled pass. Iterate :meth:`chunks`; then ``state``, ``fault`` and counts are final."""

    path: Path
    container: Container = field(init=False)
    state: m.State = field(init=False)
    fault: Fault | None = None
    late_flags: int = 0
    bytes_read: int = 0

    def __post_init__(self) -> None:
        self.container = Container(str(self.path))
        self.state = m.new_state(CHUNK_ROWS)

    @property
    def names(self) -> list[str]:
        """Name of each capture in the file: its stem, or the interfaces' names where there are several."""
        interfaces = self.container.names
        stem = self.path.name.split(".")[0] or self.path.name
        if len(interfaces) <= 1:
            return [stem]
        return [name or f"{stem}-{i}" for i, name in enumerate(interfaces)]

    def chunks(self) -> Iterator[Chunk]:
        """The file's chunks in order, each settled; :class:`~netemu.errors.BadInput` when it is no capture."""
        pending: list[Chunk] = []
        for chunk in self._raw_chunks():
            pending.append(chunk)
            self._settle(pending)
            if len(pending) > SETTLE_CHUNKS:
                yield pending.pop(0)
        yield from pending

    def _raw_chunks(self) -> Iterator[Chunk]:
        source = open_source(self.path)
        window = source.first()
        self.container.open(window)
        columns, row = m.new_columns(CHUNK_ROWS), 0
        while True:
            why, row = track.run(
                window.data,
                window.data.size,
                self.container.scan,
                self.container.interfaces,
                self.state,
                columns,
                row,
            )
            if why == track.FULL:
                yield self._take(columns, row)
                columns, row = m.new_columns(CHUNK_ROWS), 0
                source.done_to(int(self.container.scan[r.S_POSITION]))
            elif why == track.GROW:
                self.state = grow(self.state)
            elif why == r.NEED_MORE and not window.last:
                position = int(self.container.scan[r.S_POSITION])
                window = source.following(window, position)
                self.container.scan[r.S_POSITION] = 0
            elif why == r.BLOCK:
                fault = self.container.read_block(window)
                if needs_more(fault):
                    position = int(self.container.scan[r.S_POSITION])
                    window = source.following(window, position)
                    self.container.scan[r.S_POSITION] = 0
                elif fault is not None:
                    self.fault = fault
                    break
            else:
                self.fault = self._end(why, window, source.fault)
                break
        self.bytes_read = window.base + int(self.container.scan[r.S_POSITION])
        if row:
            yield self._take(columns, row)

    def _take(self, columns: m.Columns, row: int) -> Chunk:
        counts = self.state.counts
        chunk = Chunk(
            int(counts[m.C_ROW]) - row,
            m.Columns(*(column[:row] for column in columns)),
            self.state.rtt[: counts[m.C_RTT]].copy(),
            self.state.sacks[: counts[m.C_SACKS]].copy(),
            self.state.icmp[: counts[m.C_ICMP]].copy(),
        )
        counts[m.C_RTT] = counts[m.C_SACKS] = counts[m.C_ICMP] = 0
        return chunk

    def _settle(self, pending: list[Chunk]) -> None:
        """Raise the spurious flags that came after their packets had been stored."""
        counts = self.state.counts
        rows = self.state.events["row"][self.state.patches[: counts[m.C_PATCHES]]]
        counts[m.C_PATCHES] = 0
        for chunk in pending:
            inside = rows[(rows >= chunk.first_row) & (rows < chunk.first_row + chunk.columns.t_ns.size)]
            chunk.columns.spurious[inside - chunk.first_row] = 1
        self.late_flags += int((rows < pending[0].first_row).sum())

    def _end(self, why: int, window: Window, source_fault: str | None) -> Fault | None:
        position = int(self.container.scan[r.S_POSITION])
        offset, value = window.base + position, int(self.container.scan[r.S_VALUE])
        if source_fault is not None:
            return Fault(offset, source_fault)
        if why == r.NEED_MORE:
            left = window.data.size - position
            return Fault(offset, f"the record is cut short: {left} bytes are left of it") if left else None
        if why == r.BAD_LENGTH:
            return Fault(offset, f"a record claims {value} bytes")
        if why == r.BAD_INTERFACE:
            return Fault(offset, f"a packet of interface {value}, which its section does not describe")
        return Fault(offset, f"a block's trailing length is {value}, not its leading one")

    def warnings(self) -> list[str]:
        """What the reader of a summary should know of this file, one line each."""
        counts, name = self.state.counts, self.path.name
        found = []
        if self.fault is not None:
            found.append(f"{self.path}: byte {self.fault.offset}: {self.fault.reason}; analysed as far as it goes")
        lines = (
            (counts[m.C_TRUNCATED], "packets captured too short to read whole headers"),
            (counts[m.C_MALFORMED], "packets with malformed headers"),
            (counts[m.C_CLOCK_BACKWARDS], "packets stamped earlier than the one before"),
            (counts[m.C_UNSEEN], "acknowledgements of data that the capture does not hold"),
            (counts[m.C_STRAY], "segments far outside their connection's sequence space"),
            (counts[m.C_SUPER], "super-segments larger than the MSS (offload): segments in them are counted by size"),
            (self.container.dropped, "packets dropped by the capture itself"),
            (self.late_flags, "spurious retransmissions proven too late to be flagged in packets"),
        )
        found += [f"{name}: {count} {text}" for count, text in lines if count]
        found += [f"{name}: {unsupported_text(link)}" for link in sorted(self.container.unsupported)]
        return found


def _larger(array: Any, needed: int) -> Any:
    if array.size >= needed:
        return array
    grown = np.zeros(max(2 * array.size, needed), array.dtype)
    grown[: array.size] = array
    return grown


def grow(state: m.State) -> m.State:
    """A state with the same content and room for more of whatever had run out."""
    counts = state.counts
    connections = int(counts[m.C_CONNECTIONS]) + 2
    events = _larger(state.events, int(counts[m.C_EVENTS]) + 2)
    patches = np.zeros(events.size, np.int64)
    patches[: state.patches.size] = state.patches
    grown = state._replace(
        connections=_larger(state.connections, connections),
        flows=_larger(state.flows, 2 * connections),
        segments=_larger(state.segments, int(counts[m.C_SEGMENTS]) + 2 * int(counts[m.C_MAX_RING]) + 16),
        events=events,
        patches=patches,
    )
    if 2 * connections > state.table.size:
        grown = grown._replace(table=np.zeros(4 * state.table.size, np.int64))
        rehash(grown)
    return grown
