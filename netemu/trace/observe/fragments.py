"""Table ``fragments``: what IP fragmentation cost between two addresses."""

from __future__ import annotations

import numpy as np

from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe import fragments_scan as scan
from netemu.trace.observe.growing import text_columns
from netemu.trace.observe.keys import Keyed
from netemu.trace.observe.observer import Given, Observer

_COUNTS = ("packets", "fragments", "ip_bytes", "extra_header_bytes", "complete", "incomplete", "incomplete_bytes")


class Fragments(Observer):
    """Follows the fragments of every protocol from one address to another."""

    tables = ("fragments",)

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._flows = Keyed(scan.FLOW)
        self._pending = np.zeros(scan.PENDING, scan.PACKET)

    def take(self, chunk: Chunk, origin_ns: int) -> Given:
        """No rows yet: what was sent is described at the end, unless there are too many."""
        if chunk.columns.fragment.any():
            self._flows.reserve(chunk.others.size)
            others, pending = chunk.others.ctypes.data, self._pending.ctypes.data
            scan.scan(others, chunk.others.size, self._flows.address, pending)
        return self.end(origin_ns) if self._flows.is_full else {}

    def end(self, origin_ns: int) -> Given:
        """One row for each protocol between two addresses."""
        scan.finish(self._flows.address, self._pending.ctypes.data)
        rows = self._flows.take_rows()
        columns = text_columns(self.reader, rows, ports=False) | {
            "protocol": rows["protocol"].astype(np.uint8),
            "duplicates": rows["duplicates"].copy(),
            "largest_bytes": rows["largest"].copy(),
            "first_ns": rows["first_ns"] - origin_ns,
            "last_ns": rows["last_ns"] - origin_ns,
            **{name: rows[name].copy() for name in _COUNTS},
        }
        self._pending[:] = np.zeros(1, self._pending.dtype)
        return {"fragments": columns}
