"""Table ``path_mtu``: the steps of each direction's path MTU, and what made each."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.recording.path_tables import PATH_MTU
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe import path_mtu_scan as scan
from netemu.trace.observe.growing import Growing, named, nullable
from netemu.trace.observe.observer import Observer
from netemu.trace.observe.rows import wanted
from netemu.trace.tables import address_text, empty

_ROWS_PER_PACKET = 3


class PathMtu(Observer):
    """Follows the size of full segments in every direction of every connection."""

    table = "path_mtu"

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._state = Growing(scan.FLOW)
        self._rows: list[Any] = []

    def take(self, chunk: Chunk, origin_ns: int) -> pl.DataFrame:
        """No rows yet: when a step was proven shows after it."""
        self._state.grow(self.flows)
        rows = np.empty(_ROWS_PER_PACKET * chunk.columns.t_ns.size + chunk.icmp.size, scan.ROW)
        flows, columns = self.reader.state.tables["flows"], wanted(chunk.columns, scan.PACKET)
        packet, icmp = np.zeros(1, scan.PACKET), np.ascontiguousarray(chunk.icmp)
        packets = columns.ctypes.data, chunk.columns.t_ns.size, packet.ctypes.data
        known = icmp.ctypes.data, icmp.size, flows.ctypes.data
        count = scan.scan(*packets, *known, self._state.address, rows.ctypes.data)
        self._rows.append(rows[:count].copy())
        return empty(PATH_MTU)

    def end(self, origin_ns: int) -> pl.DataFrame:
        """Every row, by connection, direction and time."""
        self._state.grow(self.flows)
        rows = np.empty(self.flows, scan.ROW)
        count = scan.finish(self._state.address, self.flows, rows.ctypes.data)
        found = np.concatenate([*self._rows, rows[:count]])
        return self._frame(found[np.lexsort((found["frame"], found["t_ns"], found["flow"]))], origin_ns)

    def _frame(self, rows: Any, origin_ns: int) -> pl.DataFrame:
        routers = [
            address_text(version, high, low) if version else None
            for version, high, low in zip(*(rows[n].tolist() for n in _ROUTER), strict=True)
        ]
        columns = {
            "t_ns": rows["t_ns"] - origin_ns,
            "frame": rows["frame"].astype(np.uint32),
            "cause": named("path_mtu_cause", rows["cause"] - 1),
            "mtu_before_bytes": nullable(rows["before"], 0),
            "mtu_bytes": np.ascontiguousarray(rows["after"]),
            "probe_bytes": nullable(rows["probe"], 0),
            "proven_ns": nullable(rows["proven_ns"], -1, origin_ns),
            "timeouts": nullable(rows["timeouts"], 0),
            "since_ns": nullable(rows["since_ns"], -1, origin_ns),
            "router": pl.Series(routers, dtype=pl.String),
        }
        return self.frame(rows["flow"], columns)


_ROUTER = ("version", "router_hi", "router_lo")
