"""The schemas of :mod:`netemu.recording.tables` as Polars has them, and addresses as text."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any

import numpy as np
import polars as pl

from netemu.recording.tables import ENUMS, PACKETS, Schema

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


def polars_schema(schema: Schema) -> dict[str, Any]:
    """Column -> Polars type of a table's schema."""
    return {name: POLARS_TYPES[kind] for name, (kind, _) in schema.items()}


PACKETS_SCHEMA = polars_schema(PACKETS)


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


def endpoint_texts(version: Any, high: Any, low: Any, port: Any) -> pl.Series:
    """``ip:port`` of many ends; those of IPv4 are made all at once."""
    octets = {f"o{shift}": (low >> shift & 0xFF).astype(np.uint8) for shift in (24, 16, 8, 0)}
    frame = pl.DataFrame(octets | {"port": port.astype(np.uint16)})
    texts = frame.select(pl.format("{}.{}.{}.{}:{}", *frame.columns)).to_series()
    other = np.flatnonzero(version != 4)
    if not other.size:
        return texts
    ends = zip(*(words[other].tolist() for words in (version, high, low, port)), strict=True)
    return texts.scatter(other, [endpoint_text(*end) for end in ends])
