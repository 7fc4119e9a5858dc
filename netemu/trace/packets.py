"""The packets of a chunk as rows of their table."""

from __future__ import annotations

import polars as pl

from netemu.recording.tables import ENUMS, PACKETS
from netemu.trace.column import Column, Named, frame_of
from netemu.trace.engine import Chunk

_ENUMERATED = tuple((name, kind) for name, (kind, _) in PACKETS.items() if kind in ENUMS)


def packets_columns(chunk: Chunk) -> dict[str, Column]:
    """The packets of one chunk for :class:`~netemu.trace.parquet.ParquetFile`, times as captured."""
    columns: dict[str, Column] = chunk.columns._asdict()
    columns["spurious"] = chunk.columns.spurious_by != 0
    for name, kind in _ENUMERATED:
        columns[name] = Named(columns[name], ENUMS[kind])
    columns["capture"] = Named(columns["capture"], chunk.names)
    return columns


def packets_frame(chunk: Chunk, origin_ns: int) -> pl.DataFrame:
    """The packets of one chunk, times counted from ``origin_ns``."""
    columns = packets_columns(chunk)
    return frame_of(columns | {"t_ns": chunk.columns.t_ns - origin_ns}, PACKETS)
