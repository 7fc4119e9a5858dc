"""The packets of a chunk as columns of a Parquet file."""

from __future__ import annotations

from netemu.recording.tables import ENUMS, PACKETS
from netemu.trace.engine import Chunk
from netemu.trace.parquet import Column, Named

_ENUMERATED = tuple((name, kind) for name, (kind, _) in PACKETS.items() if kind in ENUMS)


def packets_columns(chunk: Chunk) -> dict[str, Column]:
    """The packets of one chunk for :class:`~netemu.trace.parquet.ParquetFile`, times as captured."""
    columns: dict[str, Column] = chunk.columns._asdict()
    columns["spurious"] = chunk.columns.spurious_by != 0
    for name, kind in _ENUMERATED:
        columns[name] = Named(columns[name], ENUMS[kind])
    columns["capture"] = Named(columns["capture"], chunk.names)
    return columns
