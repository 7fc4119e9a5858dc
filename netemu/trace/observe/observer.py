"""What an observer is: settled chunks in, rows of tables out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from netemu.trace.chunk_rows import captures_of
from netemu.trace.column import Column, Rows
from netemu.trace.engine import Chunk, Reader

Given = Mapping[str, Rows]
"""Rows by the table they belong to."""


class Observer(ABC):
    """One file seen once more. Memory may follow flows, never packets; rows must be few beside packets.

    ``chunk.columns.flow`` numbers the flows: twice the connection's number in the file, plus the direction, -1 for what
    belongs to none. ``reader.state.rows("connections", "connection_count")`` and ``reader.state.tables["flows"]``
    hold what the pass knows of them *now*, which is two chunks ahead of the chunk given: only what never changes there
    (addresses, options of a SYN) may be used.
    """

    tables: ClassVar[tuple[str, ...]]
    """Names of its tables in :data:`netemu.recording.tables.TABLES`."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    @abstractmethod
    def take(self, chunk: Chunk, origin_ns: int) -> Given:
        """Rows that the packets of ``chunk`` give, times counted from ``origin_ns``."""

    def retire(self, kept: Any, origin_ns: int) -> Given:
        """Rows of connections that are given up: all but ``kept``, which go on with numbers from 0, in their order."""
        return {}

    @abstractmethod
    def end(self, origin_ns: int) -> Given:
        """Rows that only the end of the file gives."""

    def figures(self) -> Mapping[str, Any]:
        """After :meth:`end` or :meth:`retire`: figures of every flow for the table of connections, -1 for null."""
        return {}

    @property
    def flows(self) -> int:
        """How many flows the file has shown so far: the least size of a state that is indexed by flow."""
        return 2 * self.reader.state["connection_count"]

    def of_flow(self, flow: Any) -> dict[str, Column]:
        """Capture, connection and direction of ``flow`` as the columns that rows begin with."""
        flow = np.asarray(flow, np.int64)
        capture, connection = captures_of(self.reader, flow >> 1)
        return {"capture": capture, "connection": connection, "direction": (flow & 1).astype(np.int8)}
