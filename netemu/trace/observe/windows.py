"""Table ``windows``: growth, shrinking and silliness of advertised windows, stalls and whose fault they were."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.recording.kinds import STALL_CAUSES, WINDOW_KINDS
from netemu.recording.path_tables import WINDOWS
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe import windows_scan as scan
from netemu.trace.observe.growing import Growing, named, nullable
from netemu.trace.observe.observer import Observer
from netemu.trace.observe.rows import wanted
from netemu.trace.tables import empty

_ROWS_PER_PACKET, _ROWS_PER_FLOW = 4, 6
_CAUSED_BY = {scan.ZERO_WINDOW: STALL_CAUSES.index("receiver"), scan.SENDER_IDLE: STALL_CAUSES.index("sender")}


class Windows(Observer):
    """Follows the right edge and the size of what every direction advertises."""

    table = "windows"

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._state = Growing(scan.FLOW)
        self._rows: list[Any] = []

    def take(self, chunk: Chunk, origin_ns: int) -> pl.DataFrame:
        """No rows yet: they are put in order at the end."""
        self._state.grow(self.flows)
        rows = np.empty(_ROWS_PER_PACKET * chunk.columns.t_ns.size, scan.ROW)
        flows, columns = self.reader.state.tables["flows"], wanted(chunk.columns, scan.PACKET)
        packet = np.zeros(1, scan.PACKET)
        packets = columns.ctypes.data, chunk.columns.t_ns.size, packet.ctypes.data
        count = scan.scan(*packets, flows.ctypes.data, self._state.address, rows.ctypes.data)
        self._rows.append(rows[:count].copy())
        return empty(WINDOWS)

    def end(self, origin_ns: int) -> pl.DataFrame:
        """Every row, by connection, direction and time."""
        self._state.grow(self.flows)
        rows = np.empty(_ROWS_PER_FLOW * self.flows, scan.ROW)
        count = scan.finish(self._state.address, self.flows, rows.ctypes.data)
        found = np.concatenate([*self._rows, rows[:count]])
        found = found[np.lexsort((found["kind"], found["t_ns"], found["flow"]))]
        caused_by = np.full(len(WINDOW_KINDS) + 1, -1)
        caused_by[list(_CAUSED_BY)] = list(_CAUSED_BY.values())
        columns = {
            "kind": named("window_kind", found["kind"] - 1),
            "t_ns": found["t_ns"] - origin_ns,
            "frame": found["frame"].astype(np.uint32),
            "end_ns": nullable(found["end_ns"], -1, origin_ns),
            "end_frame": nullable(found["end_frame"], 0).cast(pl.UInt32),
            "ended_by": named("window_end", found["ended_by"] - 1),
            "before_bytes": nullable(found["before"], -1),
            "after_bytes": nullable(found["after"], -1),
            "moved_bytes": nullable(found["bytes"], -1),
            "count": nullable(found["count"], -1),
            "total_ns": nullable(found["total_ns"], -1),
            "caused_by": named("stall_cause", caused_by[found["kind"]]),
        }
        return self.frame(found["flow"], columns)
