"""The observers of TCP flows: path MTU, sender and windows, which share one way through the packets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from netemu.trace.column import Rows
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe.observer import Given, Observer
from netemu.trace.observe.path_mtu import PathMtu, proven_bytes
from netemu.trace.observe.rows import wanted
from netemu.trace.observe.sender import Sender, columns
from netemu.trace.observe.together_loop import BATCH, LOOP, PACKET, observe
from netemu.trace.observe.windows import Windows
from netemu.trace.state import both_flows


class Together(Observer):
    """Gives the tables of three observers. Those of path MTU and windows are put in order at the end."""

    tables = ("path_mtu", "sender", "episodes", "windows")

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._sender, self._at_end = Sender(), {"mtu": PathMtu(), "windows": Windows()}
        self._path_mtu = np.zeros(0, np.int64)
        self._loop, self._packets = np.zeros(1, LOOP), np.zeros(BATCH, PACKET)
        self._loop["packets"], self._loop["sender"] = self._packets.ctypes.data, self._sender.state.ctypes.data

    def take(self, chunk: Chunk, origin_ns: int) -> Given:
        size, loop = chunk.columns.t_ns.size, self._loop
        flows, icmp, table = (
            self.reader.state.tables["flows"],
            np.ascontiguousarray(chunk.icmp),
            wanted(chunk.columns, PACKET),
        )
        loop["columns"], loop["size"], loop["flows"] = table.ctypes.data, size, flows.ctypes.data
        loop["icmp"], loop["icmp_count"], loop["icmp_next"] = icmp.ctypes.data, icmp.size, 0
        for name, part in self._at_end.items():
            part.reserve(self.flows, size + icmp.size)
            loop[f"{name}_state"], loop[f"{name}_rows"], loop[f"{name}_count"] = (
                part.state.address,
                part.rows.ctypes.data,
                0,
            )
        self._sender.reserve(self.flows, chunk, flows)
        i = 0
        while i < size:
            i = observe(loop.ctypes.data, i)
            self._sender.keep()
        for name, part in self._at_end.items():
            part.keep(int(loop[f"{name}_count"][0]))
        return self._of_sender(origin_ns)

    def end(self, origin_ns: int) -> Given:
        return self.retire(np.zeros(0, np.int64), origin_ns)

    def retire(self, kept: Any, origin_ns: int) -> Given:
        going_on = both_flows(kept)
        self._sender.finish(self.flows, going_on)
        found = self._of_sender(origin_ns)
        for part in self._at_end.values():
            rows = part.end(self.flows, going_on)
            if isinstance(part, PathMtu):
                self._path_mtu = proven_bytes(rows, self.flows)
            found[part.table] = self.of_flow(rows["flow"]) | part.columns(rows, origin_ns)
        return found

    def figures(self) -> Mapping[str, Any]:
        return {"path_mtu_bytes": self._path_mtu}

    def _of_sender(self, origin_ns: int) -> dict[str, Rows]:
        given = zip(("sender", "episodes"), self._sender.given(), strict=True)
        return {table: self.of_flow(rows["flow"]) | columns(table, rows, origin_ns) for table, rows in given}
