"""``analyze(paths) -> Analysis``: every table that packets give, from any pcap or pcapng files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from netemu.errors import BadInput
from netemu.recording.tables import PACKET_TABLES, PACKETS, TABLES
from netemu.trace import tables as t
from netemu.trace.ahead import ahead
from netemu.trace.connections import connections_frame
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe.observer import Observer
from netemu.trace.observe.registry import observers_of
from netemu.trace.observe.sender_episodes import episodes
from netemu.trace.packets import packets_columns
from netemu.trace.parquet import ParquetFile
from netemu.trace.retransmissions import retransmissions_frame
from netemu.trace.show.result import Analysis

PacketSink = Callable[[pl.DataFrame], None]


@dataclass(slots=True)
class _Gathered:
    """Frames of one or more files, in order."""

    frames: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: {name: [] for name in PACKET_TABLES})
    warnings: list[str] = field(default_factory=list)
    partial: bool = False
    packet_count: int = 0
    comments: list[str] = field(default_factory=list)
    packet_comments: int = 0

    def take(self, reader: Reader, chunk: Chunk, observers: Sequence[Observer], origin_ns: int) -> None:
        """Keep what a chunk gave beside its packets."""
        self.frames["rtt"].append(t.rtt_frame(reader, chunk, origin_ns))
        self.frames["sacks"].append(t.sacks_frame(reader, chunk, origin_ns))
        self.frames["icmp"].append(t.icmp_frame(reader, chunk, origin_ns))
        for observer in observers:
            self.frames[observer.table].append(observer.take(chunk, origin_ns))
        self.packet_count += chunk.columns.t_ns.size

    def end(self, reader: Reader, observers: Sequence[Observer], samples: Any, origin_ns: int) -> None:
        """Keep what the end of a file gives."""
        self.frames["connections"].append(connections_frame(reader, samples, origin_ns))
        self.frames["retransmissions"].append(retransmissions_frame(reader, origin_ns))
        for observer in observers:
            self.frames[observer.table].append(observer.end(origin_ns))
        self.warnings += reader.warnings()
        self.comments += reader.container.comments
        self.packet_comments += int(reader.container.scan["packet_comments"][0])
        self.partial = self.partial or reader.fault is not None


def _first_time(path: Path) -> int | None:
    """Time of the first packet of a file; None when it holds none."""
    return Reader(path).first_time_ns()


def _origin(paths: Sequence[Path], relative: bool) -> int:
    """Files given together share one clock: times count from the earliest first packet of them."""
    if not relative:
        return 0
    firsts = [first for first in map(_first_time, paths) if first is not None]
    return min(firsts, default=0)


def chunks_of(
    paths: Sequence[Path], gathered: _Gathered, *, relative: bool, inner: bool = False
) -> Iterator[tuple[Reader, Chunk, int]]:
    """Reader, chunk and time origin of every chunk of every file; all but packets ends up in ``gathered``."""
    origin_ns = _origin(paths, relative)
    for path in paths:
        reader = Reader(path, inner)
        observers = observers_of(reader)
        samples = [np.zeros((0, 2), np.int64)]
        for chunk in reader.chunks():
            gathered.take(reader, chunk, observers, origin_ns)
            flow = 2 * chunk.rtt["connection"] + chunk.rtt["direction"]
            samples.append(np.stack([flow, chunk.rtt["rtt_ns"]], axis=1))
            yield reader, chunk, origin_ns
        gathered.end(reader, observers, np.concatenate(samples), origin_ns)


def _finish(packets: pl.DataFrame, gathered: _Gathered) -> Analysis:
    tables = {name: pl.concat([t.empty(TABLES[name]), *frames]) for name, frames in gathered.frames.items()}
    tables["episodes"] = episodes(tables["sender"])
    return Analysis(
        packets,
        tables,
        gathered.partial,
        gathered.warnings,
        gathered.packet_count,
        comments=gathered.comments,
        packet_comments=gathered.packet_comments,
    )


def _checked(paths: Path | str | Iterable[Path | str]) -> list[Path]:
    found = [Path(paths)] if isinstance(paths, Path | str) else [Path(path) for path in paths]
    if not found:
        raise BadInput("no capture was given; name at least one pcap or pcapng file")
    return found


def analyze(
    paths: Path | str | Iterable[Path | str], *, relative: bool = True, keep_packets: bool = True, inner: bool = False
) -> Analysis:
    """Analyse a capture file or several, each on its own; times count from the earliest first packet of them.

    With ``relative`` False times are those of the captures.
    With ``keep_packets`` False the packet table stays empty and memory follows the connections only. With ``inner``
    the packets within tunnels (IPIP, GRE, VXLAN) are analysed and not those that carry them. Raises
    :class:`~netemu.errors.BadInput` for a file that is no capture; a damaged one is analysed as far as it goes.
    """
    gathered = _Gathered()
    kept = [pl.DataFrame(schema=t.PACKETS_SCHEMA)]
    for reader, chunk, origin_ns in chunks_of(_checked(paths), gathered, relative=relative, inner=inner):
        if keep_packets:
            kept.append(t.packets_frame(reader, chunk, origin_ns))
    return _finish(pl.concat(kept), gathered)


def analyze_to_parquet(
    paths: Iterable[Path | str], packets: Path, *, relative: bool = True, inner: bool = False
) -> Analysis:
    """As :func:`analyze`, with the packet table streamed into the Parquet file ``packets`` as it is made."""
    gathered = _Gathered()
    checked = [Path(path) for path in paths]
    with ParquetFile(packets, PACKETS) as file:
        # The pass, what observes it and what writes it have a thread each: together they fill two cores.
        chunks = ahead(chunks_of(checked, gathered, relative=relative, inner=inner), 2)
        for _, chunk, origin_ns in chunks:
            file.write(packets_columns(chunk), {"t_ns": origin_ns})
    return _finish(pl.DataFrame(schema=t.PACKETS_SCHEMA), gathered)
