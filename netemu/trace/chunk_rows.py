"""What a chunk holds beside its packets, as rows of tables: RTT samples, SACK blocks, ICMP errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.recording.tables import ICMP
from netemu.trace.column import Named, Rows
from netemu.trace.engine import Chunk, Reader
from netemu.trace.tables import address_text, polars_schema


def captures_of(reader: Reader, connection: Any) -> tuple[Named, Any]:
    """Capture name and index within it, for numbers of connections of the file."""
    table = reader.state.rows("connections", "connection_count")
    if connection.size and connection.min() < 0:
        raise AssertionError("what is told of a flow belongs to a connection")
    capture = (table["scope"][connection] >> 1).astype(np.uint16)  # in one line of memory with the index
    return Named(capture, reader.names), table["index"][connection].astype(np.int32)


def rtt_rows(reader: Reader, chunk: Chunk, origin_ns: int) -> Rows:
    """The RTT samples of one chunk."""
    rows = chunk.rtt
    return {
        "capture": Named(rows["capture"].astype(np.uint16), reader.names),
        "connection": rows["number"].astype(np.int32),
        "direction": rows["direction"].astype(np.int8),
        "t_ns": rows["t_ns"] - origin_ns,
        "rtt_ns": np.ascontiguousarray(rows["rtt_ns"]),
    }


def sacks_rows(reader: Reader, chunk: Chunk, origin_ns: int) -> Rows:
    """The SACK blocks of one chunk."""
    rows = chunk.sacks
    return {
        "capture": Named(rows["capture"].astype(np.uint16), reader.names),
        "frame": rows["frame"].astype(np.uint32),
        "connection": rows["number"].astype(np.int32),
        "direction": rows["direction"].astype(np.int8),
        "t_ns": rows["t_ns"] - origin_ns,
        "start_offset_bytes": np.ascontiguousarray(rows["start"]),
        "end_offset_bytes": np.ascontiguousarray(rows["end"]),
    }


def _icmp_kind(version: int, kind: int, code: int) -> str:
    if version == 4 and (kind, code) == (3, 4):
        return "fragmentation_needed"
    if version == 6 and kind == 2:
        return "packet_too_big"
    return f"{kind}/{code}"


def icmp_frame(reader: Reader, chunk: Chunk, origin_ns: int) -> pl.DataFrame:
    """The ICMP errors of one chunk."""
    connections = reader.state.rows("connections", "connection_count")
    names = reader.names
    rows = [
        (
            names[row["capture"]],
            int(row["frame"]),
            int(row["t_ns"]) - origin_ns,
            _icmp_kind(int(row["version"]), int(row["type"]), int(row["code"])),
            address_text(int(row["version"]), int(row["src_hi"]), int(row["src_lo"])),
            int(row["mtu"]) if row["mtu"] > 0 else None,
            int(connections["index"][row["connection"]]) if row["connection"] >= 0 else -1,
            int(row["direction"]),
        )
        for row in chunk.icmp
    ]
    return pl.DataFrame(rows, schema=polars_schema(ICMP), orient="row")
