"""What an observer is: settled chunks in, rows of one table out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import polars as pl

from netemu.recording.tables import TABLES
from netemu.trace.engine import Chunk, Reader
from netemu.trace.tables import captures_of, polars_schema


class Observer(ABC):
    """One file seen once more. Memory may follow flows, never packets; rows must be few beside packets.

    ``chunk.columns.flow`` numbers the flows: twice the connection's number in the file, plus the direction, -1 for what
    belongs to none. ``reader.state.rows("connections", "connection_count")`` and ``reader.state.tables["flows"]``
    hold what the pass knows of them *now*, which is two chunks ahead of the chunk given: only what never changes there
    (addresses, options of a SYN) may be used.
    """

    table: ClassVar[str]
    """Name of the table in :data:`netemu.recording.tables.TABLES`."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    @abstractmethod
    def take(self, chunk: Chunk, origin_ns: int) -> pl.DataFrame:
        """Rows that the packets of ``chunk`` give, times counted from ``origin_ns``."""

    @abstractmethod
    def end(self, origin_ns: int) -> pl.DataFrame:
        """Rows that only the end of the file gives."""

    @property
    def flows(self) -> int:
        """How many flows the file has shown so far: the least size of a state that is indexed by flow."""
        return 2 * self.reader.state["connection_count"]

    def frame(self, flow: Any, columns: dict[str, Any]) -> pl.DataFrame:
        """``columns`` with capture, connection and direction of ``flow`` before them, as the observer's table."""
        schema = TABLES[self.table]
        flow = np.asarray(flow, np.int64)
        capture, connection = captures_of(self.reader, flow >> 1)
        named = {
            "capture": capture,
            "connection": connection.astype(np.int32),
            "direction": (flow & 1).astype(np.int8),
            **columns,
        }
        return pl.DataFrame({name: named[name] for name in schema}, schema=polars_schema(schema))
