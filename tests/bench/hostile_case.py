"""One hostile file through the analysis, and whether what comes out is what may come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netemu.errors import BadInput
from netemu.recording.tables import ACK_KINDS, SEGMENT_KINDS
from netemu.trace import analyze, layout
from netemu.trace.engine import Chunk, Reader
from netemu.trace.state import State
from tests.bench.hostile_guard import GuardedSource, guarded_columns, guarded_tables
from tests.bench.hostile_mutations import Case
from tests.bench.hostile_samples import Sample

GUARD_ROWS = 64


@dataclass
class Judge:
    """Runs cases and raises AssertionError where the analysis breaks its word. ``place`` is a file to write them to."""

    place: Path
    columns: layout.Columns = field(default_factory=lambda: guarded_columns(GUARD_ROWS))

    def run(self, case: Case, *, way: int) -> str:
        """``refused``, ``fault`` or ``whole``; by the whole public path (``way`` 0), the file's (1), guarded memory.

        ``way`` 2 guards every record, 3 every eighth.
        """
        if way > 1 and not case.packed:
            with guarded_tables(self.columns):
                return self._read(case, guard=1 if way == 2 else 8)
        self.place.write_bytes(case.data)
        return self._analyze(case) if way == 0 else self._read(case, guard=0)

    def _read(self, case: Case, *, guard: int) -> str:
        reader = Reader(self.place, case.inner)
        packets = 0
        try:
            chunks = (
                reader._read(GuardedSource(case.data, reader.container, guard), GUARD_ROWS)
                if guard
                else reader._raw_parts()
            )
            for chunk in chunks:
                _check_chunk(reader, chunk, case)
                packets += chunk.columns.t_ns.size
        except BadInput as error:
            _check_refusal(str(error), self.place)
            return "refused"
        assert packets == reader.state["row_count"]
        if not case.packed:
            assert packets <= len(case.data) // 12
            assert 0 <= reader.bytes_read <= len(case.data)
        _check_lines(reader.warnings())
        if reader.fault is None:
            assert case.packed or reader.bytes_read == len(case.data), "bytes were left over in silence"
            return "whole"
        assert reader.fault.offset >= 0 and reader.fault.reason
        assert case.packed or reader.fault.offset <= len(case.data)
        return "fault"

    def _analyze(self, case: Case) -> str:
        try:
            analysis = analyze(self.place, inner=case.inner)
        except BadInput as error:
            _check_refusal(str(error), self.place)
            return "refused"
        assert analysis.packets.height == analysis.packet_count
        _check_lines(analysis.warnings)
        assert analysis.partial == any(": byte " in warning for warning in analysis.warnings)
        numbers = analysis.connections.select("capture", "connection")
        assert numbers.is_unique().all()
        return "fault" if analysis.partial else "whole"


def _check_refusal(text: str, place: Path) -> None:
    assert text.startswith(f"{place}: ") and "\n" not in text and "; " in text, text


def _check_lines(lines: list[str]) -> None:
    assert all(line.isprintable() for line in lines), lines


def _within(column: Any, low: int, high: int) -> bool:
    return bool(column.size == 0 or (column.min() >= low and column.max() <= high))


def _check_chunk(reader: Reader, chunk: Chunk, case: Case) -> None:
    c, connections = chunk.columns, reader.state["connection_count"]
    assert _within(c.t_ns, 0, (1 << 63) - 1)
    assert _within(c.capture, 0, max(len(chunk.names) - 1, 0))
    assert _within(c.flow, -1, 2 * connections - 1)
    assert _within(c.connection, -1, connections - 1)
    assert _within(c.direction, -1, 1)
    assert _within(c.kind, 0, len(SEGMENT_KINDS) - 1) and _within(c.ack_kind, 0, len(ACK_KINDS) - 1)
    assert _within(c.ip_bytes, 0, (1 << 31) - 1) and _within(c.payload_bytes, 0, (1 << 31) - 1)
    assert _within(c.sack_blocks, 0, layout.MAX_SACK_BLOCKS)
    assert _within(chunk.rtt["connection"], 0, connections - 1)
    assert _within(chunk.icmp["connection"], -1, connections - 1)
    assert len(set(chunk.names)) == len(chunk.names)


def check_truncations(sample: Sample, place: Path) -> int:
    """Cut the sample at every byte: refused within the file's header, else a fault where the last record began."""
    ends = {*sample.bounds, len(sample.data)}
    header = 28 if sample.data[:4] == b"\x0a\x0d\x0d\x0a" else 24
    for cut in range(len(sample.data) + 1):
        place.write_bytes(sample.data[:cut])
        reader = Reader(place)
        try:
            reader.state = State(GUARD_ROWS)
            for chunk in reader._raw_parts():
                assert isinstance(chunk, Chunk) and chunk.columns.t_ns.size
        except BadInput as error:
            assert cut < header, (cut, error)
            continue
        begun = max(end for end in ends if end <= cut)
        assert cut >= header
        if begun == cut:
            assert reader.fault is None, (cut, reader.fault)
        else:
            assert reader.fault is not None and reader.fault.offset == begun, (cut, reader.fault)
    return len(sample.data) + 1
