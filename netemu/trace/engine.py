"""The driver of the compiled pass: windows of the file in, chunks of columns out, tables grown in between."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from netemu.trace import layout as m
from netemu.trace import records as r
from netemu.trace import track
from netemu.trace.ahead import ahead
from netemu.trace.container import Container, Fault, needs_more, printable, unsupported_text
from netemu.trace.source import Source, Window, open_source
from netemu.trace.state import MAX_CONNECTIONS, MAX_EVENTS, State, copied

CHUNK_ROWS = 1 << 17
"""Packets per chunk: small enough to stay in memory several times over, large enough for a Parquet row group."""
SETTLE_CHUNKS = 2
"""A chunk is given out when this many have followed it: until then a D-SACK can still flag its packets."""
CHUNKS_AHEAD = 1
"""Chunks that the compiled pass, in its own thread, may be ahead of who takes them."""


class _Pool:
    """Columns that nobody looks at any more, for later packets: their memory is mapped already."""

    def __init__(self) -> None:
        self._unused: deque[m.Columns] = deque()
        self._open = True

    def take(self, rows: int) -> m.Columns:
        """Room for so many packets: what was given back, or new."""
        return self._unused.popleft() if self._unused else m.new_columns(rows)

    def give(self, columns: m.Columns) -> None:
        """Keep columns, unless no packets follow."""
        if self._open:
            self._unused.append(columns)

    def close(self) -> None:
        """No packets follow: give the memory back."""
        self._open = False
        self._unused.clear()


@dataclass(slots=True)
class Chunk:
    """One stretch of packets and what was emitted while they were read; rows of lists carry connection numbers.

    ``events`` are retransmissions that are kept no longer: mostly none, since their connections' end gives them out.
    """

    first_row: int
    columns: m.Columns
    rtt: Any
    sacks: Any
    icmp: Any
    others: Any
    events: Any
    names: list[str]
    _whole: m.Columns
    _pool: _Pool

    def give_back(self) -> None:
        """Nobody looks at the columns any more."""
        self._pool.give(self._whole)


@dataclass(frozen=True, slots=True)
class Retirement:
    """As many connections as are followed at once: ``gone`` are given up, ``kept`` go on with numbers from 0 in order.

    Until the next part is asked for, they have the numbers that they had.
    """

    gone: Any
    kept: Any
    over: Event = field(default_factory=Event)


@dataclass(slots=True)
class Reader:
    """One file through the compiled pass. Iterate :meth:`chunks`; then ``state``, ``fault`` and counts are final.

    ``names`` are those of the captures in the file, as far as the chunk given last: its stem, or the interfaces' names
    where there are several; none is among ``taken``. With ``inner``, packets within tunnels are read and not those that
    carry them.
    """

    path: Path
    inner: bool = False
    taken: frozenset[str] = frozenset()
    names: list[str] = field(init=False)
    container: Container = field(init=False)
    state: State = field(init=False)
    fault: Fault | None = None
    late_flags: int = 0
    bytes_read: int = 0
    given_up: int = 0
    early: int = 0
    _retirement: Retirement | None = None
    _stopped: bool = False
    _pool: _Pool = field(default_factory=_Pool)

    def __post_init__(self) -> None:
        self.container = Container(str(self.path), taken=self.taken)
        self.state = State(CHUNK_ROWS)
        self.names = self._names()

    def _names(self) -> list[str]:
        name = printable(os.fsencode(self.path.name))
        return self.container.capture_names(name.split(".")[0] or name)

    def first_time_ns(self) -> int | None:
        """Time of the file's first packet, read apart; None when it holds none."""
        self.state = State(1)
        for chunk in self._raw_parts():
            if isinstance(chunk, Chunk):
                return int(chunk.columns.t_ns[0])
        return None

    def chunks(self) -> Iterator[Chunk]:
        """The file's chunks in order, each settled; :class:`~netemu.errors.BadInput` when it is no capture.

        The pass runs ahead in a thread of its own: ``state`` may know more than the chunks given show.
        """
        for part in self.parts():
            if isinstance(part, Chunk):
                yield part

    def parts(self) -> Iterator[Chunk | Retirement]:
        """As :meth:`chunks`, and each :class:`Retirement` after the chunks whose connections it gives up."""
        made = ahead(self._settled_parts(), CHUNKS_AHEAD)
        try:
            for part in made:
                if isinstance(part, Chunk):
                    self.names = part.names
                yield part
                if isinstance(part, Retirement):
                    part.over.set()
        finally:
            self._stopped = True
            if self._retirement is not None:
                self._retirement.over.set()
            made.close()
        self.names = self._names()

    def _settled_parts(self) -> Iterator[Chunk | Retirement]:
        pending: list[Chunk] = []
        for part in self._raw_parts():
            if isinstance(part, Retirement):
                yield from pending
                pending = []
                yield part
                part.over.wait()
                self.state.keep(part.kept)
                continue
            pending.append(part)
            self._settle(pending)
            part.events = self.state.settled_events(pending[0].first_row)
            self.early += part.events.size
            if len(pending) > SETTLE_CHUNKS:
                yield pending.pop(0)
        self._pool.close()
        yield from pending

    def _retire(self) -> Retirement:
        gone, kept = self.state.least_wanted()
        self._retirement = Retirement(gone, kept)
        self.given_up += gone.size
        if self._stopped:
            self._retirement.over.set()
        return self._retirement

    def _raw_parts(self) -> Iterator[Chunk | Retirement]:
        source = open_source(self.path)
        try:
            yield from self._read(source, self.state.chunk_rows)
        finally:
            source.close()

    def _read(self, source: Source, rows: int) -> Iterator[Chunk | Retirement]:
        window = source.first()
        self.container.open(window, source.fault)
        m.PACKET.column(self.state.tables["packet"], "inner")[:] = self.inner
        columns, row = self._pool.take(rows), 0
        table = m.column_table(columns)
        while True:
            why, row = track.run(
                window.data.ctypes.data,
                window.data.size,
                self.container.scan.ctypes.data,
                self.container.interfaces.ctypes.data,
                self.state.address,
                table.ctypes.data,
                rows,
                row,
            )
            if why in (track.FULL, track.CROWDED):
                if row:
                    yield self._take(columns, row)
                    columns, row = self._pool.take(rows), 0
                    table = m.column_table(columns)
                if why == track.CROWDED:
                    yield self._retire()
            elif why == track.GROW:
                self.state.grow()
            elif why == r.NEED_MORE and not window.last:
                window = self._follow(source, window)
            elif why == r.BLOCK:
                fault = self.container.read_block(window)
                if needs_more(fault):
                    window = self._follow(source, window)
                elif fault is not None:
                    self.fault = fault
                    break
            else:
                self.fault = self._end(why, window, source.fault)
                break
        self.bytes_read = window.base + self.container.position
        if row:
            yield self._take(columns, row)

    def _follow(self, source: Source, window: Window) -> Window:
        following = source.following(window, self.container.position)
        self.container.follow(following)
        return following

    def _take(self, columns: m.Columns, row: int) -> Chunk:
        state = self.state
        chunk = Chunk(
            state["row_count"] - row,
            m.Columns(*(column[:row] for column in columns)),
            copied(state.rows("rtt", "rtt_count")),
            copied(state.rows("sacks", "sack_count")),
            copied(state.rows("icmp", "icmp_count")),
            copied(state.rows("others", "other_count")),
            state.rows("events", "event_count")[:0],
            self._names(),
            columns,
            self._pool,
        )
        for count in ("rtt_count", "sack_count", "icmp_count", "other_count"):
            state.clear(count)
        return chunk

    def _settle(self, pending: list[Chunk]) -> None:
        """Store the proofs of needlessness that came after their packets had been stored."""
        events = self.state.tables["events"][self.state.rows("patches", "patch_count")]
        rows, proofs = events["row"], events["spurious"]
        self.state.clear("patch_count")
        for chunk in pending:
            inside = (rows >= chunk.first_row) & (rows < chunk.first_row + chunk.columns.t_ns.size)
            chunk.columns.spurious_by[rows[inside] - chunk.first_row] = proofs[inside]
        self.late_flags += int((rows < pending[0].first_row).sum())

    def _end(self, why: int, window: Window, source_fault: str | None) -> Fault | None:
        position = self.container.position
        offset, value = window.base + position, int(self.container.scan["value"][0])
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
        state, name = self.state, printable(os.fsencode(self.path.name))
        found = []
        if self.fault is not None:
            found.append(f"{self.path}: byte {self.fault.offset}: {self.fault.reason}; analysed as far as it goes")
        scan = self.container.scan
        lines = (
            (state["truncated"], "packets captured too short to read whole headers", state["truncated_at"]),
            (state["malformed"], "packets with malformed headers", state["malformed_at"]),
            (state["clock_backwards"], "packets stamped earlier than the one before", state["clock_backwards_at"]),
            (int(scan["unclear_times"][0]), "packets stamped beyond the year 2262", int(scan["unclear_at"][0])),
            (int(scan["untimed"][0]), "packets without a time of their own (simple packet blocks)", None),
            (state["unseen"], "acknowledgements of data that the capture does not hold", None),
            (state["stray"], "segments far outside their connection's sequence space", None),
            (state["super_segments"], "super-segments larger than the MSS (offload), counted by their size", None),
            (state["tunnelled"], "packets that carry others within (tunnels), which were not looked at", None),
            (self.container.dropped, "packets dropped by the capture itself", None),
            (self.given_up, f"connections given up where more than {MAX_CONNECTIONS:,} were open", None),
            (self.early, f"retransmissions judged early where more than {MAX_EVENTS:,} were kept", None),
            (state["forgotten"], "segments forgotten where too many were in flight, or none was acknowledged", None),
            (self.late_flags, "spurious retransmissions proven too late to be flagged in packets", None),
        )
        for count, text, at in lines:
            if count:
                found.append(f"{name}: {count} {text}" + (f", the first at byte {at}" if at is not None else ""))
        if self.container.renamed:
            called = ", ".join(self.names)
            found.append(f"{self.path}: called {called} here, since another file's capture has its name")
        for link, count in self.container.unsupported().items():
            found.append(f"{name}: {count} packets not read: {unsupported_text(link)}")
        return found
