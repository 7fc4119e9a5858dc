"""From chunks of columns and final state to the frames of :mod:`netemu.recording.tables`."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any

import numpy as np
import polars as pl

from netemu.recording.tables import ENUMS, ICMP, PACKETS, RTT, SACKS, Schema
from netemu.trace.engine import Chunk, Reader

POLARS_TYPES: Mapping[str, Any] = {
    "str": pl.String,
    "bool": pl.Boolean,
    "f64": pl.Float64,
    "i64": pl.Int64,
    "i32": pl.Int32,
    "i8": pl.Int8,
    "u8": pl.UInt8,
    "u16": pl.UInt16,
    "u32": pl.UInt32,
    **{kind: pl.Enum(names) for kind, names in ENUMS.items()},
}

_FLAGS = tuple(name for name, (kind, _) in PACKETS.items() if kind == "bool" and name != "spurious")
_ENUMERATED = tuple((name, kind) for name, (kind, _) in PACKETS.items() if kind in ENUMS)


def polars_schema(schema: Schema) -> dict[str, Any]:
    """Column -> Polars type of a table's schema."""
    return {name: POLARS_TYPES[kind] for name, (kind, _) in schema.items()}


PACKETS_SCHEMA = polars_schema(PACKETS)


def enumerated(kind: str, codes: Any) -> pl.Series:
    """Codes (bytes) of a closed list as its names."""
    return pl.Series(codes).cat.to(POLARS_TYPES[kind])


def empty(schema: Schema) -> pl.DataFrame:
    """A frame without rows and with the schema's types."""
    return pl.DataFrame(schema=polars_schema(schema))


def address_text(version: int, high: int, low: int) -> str:
    """An address kept as two signed words, of IPv4 in the lowest 32 bits."""
    if version == 4:
        return inet_ntop(AF_INET, struct.pack("!I", low & 0xFFFFFFFF))
    return inet_ntop(AF_INET6, struct.pack("!qq", high, low))


def endpoint_text(version: int, high: int, low: int, port: int) -> str:
    """``ip:port``, IPv6 in brackets."""
    address = address_text(version, high, low)
    return f"[{address}]:{port}" if version == 6 else f"{address}:{port}"


def packets_frame(reader: Reader, chunk: Chunk, origin_ns: int) -> pl.DataFrame:
    """The packets of one chunk, times counted from ``origin_ns``."""
    columns = chunk.columns._asdict()
    names = pl.Series("capture", reader.names)
    columns["t_ns"] = columns["t_ns"] - origin_ns
    for flag in _FLAGS:
        columns[flag] = columns[flag].view(np.bool_)
    columns["spurious"] = columns["spurious_by"] != 0
    for name, kind in _ENUMERATED:
        columns[name] = enumerated(kind, columns[name])
    columns["capture"] = names.gather(columns["capture"].astype(np.uint32))
    return pl.DataFrame({name: columns[name] for name in PACKETS_SCHEMA}, schema=PACKETS_SCHEMA)


def captures_of(reader: Reader, connection: Any) -> tuple[pl.Series, Any]:
    """Capture name and index within it, for numbers of connections of the file; -1 stays -1."""
    table = reader.state.rows("connections", "connection_count")
    capture, index = table["capture"], table["index"]
    names = pl.Series("capture", reader.names)
    known = connection >= 0
    if not known.all():
        raise AssertionError("every RTT sample and SACK block belongs to a connection")
    return names.gather(capture[connection].astype(np.uint32)), index[connection]


def rtt_frame(reader: Reader, chunk: Chunk, origin_ns: int) -> pl.DataFrame:
    """The RTT samples of one chunk."""
    rows = chunk.rtt
    capture, index = captures_of(reader, rows["connection"])
    columns = {
        "capture": capture,
        "connection": index.astype(np.int32),
        "direction": rows["direction"].astype(np.int8),
        "t_ns": rows["t_ns"] - origin_ns,
        "rtt_ns": np.ascontiguousarray(rows["rtt_ns"]),
    }
    return pl.DataFrame(columns, schema=polars_schema(RTT))


def sacks_frame(reader: Reader, chunk: Chunk, origin_ns: int) -> pl.DataFrame:
    """The SACK blocks of one chunk."""
    rows = chunk.sacks
    capture, index = captures_of(reader, rows["connection"])
    columns = {
        "capture": capture,
        "frame": rows["frame"].astype(np.uint32),
        "connection": index.astype(np.int32),
        "direction": rows["direction"].astype(np.int8),
        "t_ns": rows["t_ns"] - origin_ns,
        "start_offset_bytes": np.ascontiguousarray(rows["start"]),
        "end_offset_bytes": np.ascontiguousarray(rows["end"]),
    }
    return pl.DataFrame(columns, schema=polars_schema(SACKS))


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


def nullable(values: Any) -> pl.Series:
    """-1 stands for what is not there."""
    series = pl.Series(np.ascontiguousarray(values))
    return series.set(series == -1, None)
