"""``analyze(paths) -> Analysis``: every table that packets give, from any pcap or pcapng files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from netemu.errors import BadInput
from netemu.recording.tables import PACKET_TABLES, PACKETS, TABLES
from netemu.trace.ahead import ahead
from netemu.trace.allocator import give_freed_memory_back
from netemu.trace.chunk_rows import icmp_frame, rtt_rows, sacks_rows
from netemu.trace.column import Rows, frame_of, rows_of
from netemu.trace.connections import connections_rows
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe.registry import observers_of
from netemu.trace.packets import packets_columns, packets_frame
from netemu.trace.parquet import ParquetFile
from netemu.trace.retransmissions import retransmissions_of, retransmissions_rows
from netemu.trace.rtt_samples import RttSamples
from netemu.trace.show.result import Analysis
from netemu.trace.state import both_flows, moved
from netemu.trace.table_files import TableFiles
from netemu.trace.tables import empty

_ROWS_AT_ONCE = 1 << 13


@dataclass(slots=True)
class Told:
    """What one or more files say beside tables."""

    warnings: list[str] = field(default_factory=list)
    partial: bool = False
    packet_count: int = 0
    comments: list[str] = field(default_factory=list)
    packet_comments: int = 0

    def end(self, reader: Reader) -> None:
        """Take in what the end of a file tells."""
        self.warnings += reader.warnings()
        self.comments += reader.container.comments
        self.packet_comments += int(reader.container.scan["packet_comments"][0])
        self.partial = self.partial or reader.fault is not None


@dataclass(slots=True)
class Given:
    """Rows by their table, and the chunk of packets that gave them; what the end of a file gives has no chunk."""

    rows: dict[str, Rows]
    origin_ns: int
    chunk: Chunk | None = None


def _first_time(path: Path) -> int | None:
    """Time of the first packet of a file; None when it holds none."""
    return Reader(path).first_time_ns()


def _origin(paths: Sequence[Path], relative: bool) -> int:
    """Files given together share one clock: times count from the earliest first packet of them."""
    if not relative:
        return 0
    firsts = [first for first in map(_first_time, paths) if first is not None]
    return min(firsts, default=0)


def rows_in(paths: Sequence[Path], told: Told, *, relative: bool, inner: bool = False) -> Iterator[Given]:
    """What every chunk of every file and every file's end give, in order."""
    origin_ns, taken = _origin(paths, relative), frozenset[str]()
    for path in paths:
        reader = Reader(path, inner, taken)
        yield from _File(reader, told, origin_ns).rows()
        taken |= frozenset(reader.names)


class _File:
    """One file: its rows as they come, those of connections when nothing of them follows."""

    def __init__(self, reader: Reader, told: Told, origin_ns: int) -> None:
        self._reader, self._told, self._origin_ns = reader, told, origin_ns
        self._observers = observers_of(reader)
        self._rtts = RttSamples()

    def rows(self) -> Iterator[Given]:
        for part in self._reader.parts():
            if isinstance(part, Chunk):
                yield self._take(part)
            else:
                for observer in self._observers:
                    yield Given(dict(observer.retire(part.kept, self._origin_ns)), self._origin_ns)
                yield from self._over(part.gone)
                self._rtts.keep(moved(both_flows(part.kept), 2 * self._reader.state["connection_count"]))
        for observer in self._observers:
            yield Given(dict(observer.end(self._origin_ns)), self._origin_ns)
        yield from self._over(np.arange(self._reader.state["connection_count"]))
        self._told.end(self._reader)

    def _take(self, chunk: Chunk) -> Given:
        given: dict[str, Rows] = {
            "rtt": rtt_rows(self._reader, chunk, self._origin_ns),
            "sacks": sacks_rows(self._reader, chunk, self._origin_ns),
        }
        if chunk.icmp.size:
            given["icmp"] = rows_of(icmp_frame(self._reader, chunk, self._origin_ns))
        if chunk.events.size:
            given["retransmissions"] = retransmissions_of(self._reader, chunk.events, self._origin_ns)
        for observer in self._observers:
            given |= observer.take(chunk, self._origin_ns)
        self._rtts.add(2 * chunk.rtt["connection"] + chunk.rtt["direction"], chunk.rtt["rtt_ns"])
        self._told.packet_count += chunk.columns.t_ns.size
        return Given(given, self._origin_ns, chunk)

    def _over(self, gone: Any) -> Iterator[Given]:
        """Rows of connections of which nothing follows, so many at a time that they take little memory."""
        reader, count = self._reader, self._reader.state["connection_count"]
        figures = self._rtts.figures(2 * count)
        for observer in self._observers:
            figures |= observer.figures()
        for some in _pieces(gone):
            yield Given({"connections": connections_rows(reader, some, figures, self._origin_ns)}, self._origin_ns)
        is_gone = np.zeros(count, bool)
        is_gone[gone] = True
        for some in _pieces(np.flatnonzero(is_gone[reader.state.rows("events", "event_count")["flow"] >> 1])):
            yield Given({"retransmissions": retransmissions_rows(reader, some, self._origin_ns)}, self._origin_ns)


def _pieces(numbers: Any) -> Iterator[Any]:
    for start in range(0, numbers.size, _ROWS_AT_ONCE):
        yield numbers[start : start + _ROWS_AT_ONCE]


def _result(packets: pl.DataFrame, tables: Any, told: Told) -> Analysis:
    return Analysis(
        packets,
        tables,
        told.partial,
        told.warnings,
        told.packet_count,
        comments=told.comments,
        packet_comments=told.packet_comments,
    )


def _checked(paths: Path | str | Iterable[Path | str]) -> list[Path]:
    found = [Path(paths)] if isinstance(paths, Path | str) else [Path(path) for path in paths]
    if not found:
        raise BadInput("no capture was given; name at least one pcap or pcapng file")
    return _once(found)


def _once(found: list[Path]) -> list[Path]:
    """``found``; :class:`BadInput` where a file is among them twice."""
    whole = [path.resolve() for path in found]
    twice = next((path for place, path in enumerate(found) if whole[place] in whole[:place]), None)
    if twice is not None:
        raise BadInput(f"{twice}: is given twice; name each capture once")
    return found


def analyze(
    paths: Path | str | Iterable[Path | str], *, relative: bool = True, keep_packets: bool = True, inner: bool = False
) -> Analysis:
    """Analyse a capture file or several, each on its own; times count from the earliest first packet of them.

    With ``relative`` False times are those of the captures.
    With ``keep_packets`` False the packet table stays empty. With ``inner``
    the packets within tunnels (IPIP, GRE, VXLAN) are analysed and not those that carry them. Raises
    :class:`~netemu.errors.BadInput` for a file that is no capture; a damaged one is analysed as far as it goes.
    """
    told = Told()
    packets = [empty(PACKETS)]
    frames = {name: [empty(TABLES[name])] for name in PACKET_TABLES}
    for given in rows_in(_checked(paths), told, relative=relative, inner=inner):
        for name, rows in given.rows.items():
            frames[name].append(frame_of(rows, TABLES[name]))
        if keep_packets and given.chunk is not None:
            packets.append(packets_frame(given.chunk, given.origin_ns))
    return _result(pl.concat(packets), {name: pl.concat(parts) for name, parts in frames.items()}, told)


def analyze_to_tables(
    paths: Iterable[Path | str],
    directory: Path,
    *,
    relative: bool = True,
    keep_packets: bool = True,
    inner: bool = False,
) -> Analysis:
    """As :func:`analyze`, with every table streamed into a Parquet file of its name in ``directory`` as it is made.

    Those of the analysis are read from there when they are asked for. With ``keep_packets`` False there is none of
    packets.
    """
    give_freed_memory_back()
    told, names = Told(), (*(["packets"] if keep_packets else []), *PACKET_TABLES)
    checked = _once([Path(path) for path in paths])
    with ExitStack() as stack:
        files = {name: stack.enter_context(ParquetFile(directory / f"{name}.parquet", TABLES[name])) for name in names}
        # The pass, what observes it and what writes have a thread each: together they fill two cores.
        for given in ahead(rows_in(checked, told, relative=relative, inner=inner), 1):
            for name, rows in given.rows.items():
                files[name].write(rows)
            if given.chunk is not None:
                if keep_packets:
                    files["packets"].write(packets_columns(given.chunk), {"t_ns": given.origin_ns})
                given.chunk.give_back()
    return _result(empty(PACKETS), TableFiles(directory, PACKET_TABLES), told)
