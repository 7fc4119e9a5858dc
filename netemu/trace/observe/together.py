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
from netemu.trace.observe.together_loop import LOOP, PACKET, observe
from netemu.trace.observe.windows import Windows
from netemu.trace.state import both_flows


class Together(Observer):
    """Gives the tables of three observers. Those of path MTU and windows are put in order at the end."""

    tables = ("path_mtu", "sender", "episodes", "windows")

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._sender = Sender()
        self._at_end: dict[str, PathMtu | Windows] = {"mtu": PathMtu(), "windows": Windows()}
        self._path_mtu = self._proven_before = np.zeros(0, np.int64)
        self._loop, self._packets = np.zeros(1, LOOP), np.zeros(PACKET.words, np.int64)
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
        found = self._of_sender(origin_ns)
        for name, part in self._at_end.items():
            part.keep(int(loop[f"{name}_count"][0]))
            if part.is_full:
                found |= self._of_part(part, part.take(), origin_ns)
        return found

    def end(self, origin_ns: int) -> Given:
        return self.retire(np.zeros(0, np.int64), origin_ns)

    def retire(self, kept: Any, origin_ns: int) -> Given:
        going_on = both_flows(kept)
        self._sender.finish(self.flows, going_on)
        found = self._of_sender(origin_ns)
        for part in self._at_end.values():
            found |= self._of_part(part, part.end(self.flows, going_on), origin_ns)
        self._path_mtu, self._proven_before = self._proven_before, self._proven_before[going_on]
        return found

    def _of_part(self, part: PathMtu | Windows, rows: Any, origin_ns: int) -> dict[str, Rows]:
        if isinstance(part, PathMtu):
            self._proven_before = proven_bytes(rows, self.flows, self._proven_before)
        return {part.table: self.of_flow(rows["flow"]) | part.columns(rows, origin_ns)}

    def figures(self) -> Mapping[str, Any]:
        return {"path_mtu_bytes": self._path_mtu}

    def _of_sender(self, origin_ns: int) -> dict[str, Rows]:
        given = zip(("sender", "episodes"), self._sender.given(), strict=True)
        return {table: self.of_flow(rows["flow"]) | columns(table, rows, origin_ns) for table, rows in given}
