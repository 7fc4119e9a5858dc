"""Table ``icmp_messages``: counts and rates by type and code, round trips and losses of echo requests."""

from __future__ import annotations

import numpy as np

from netemu.trace.column import null_where
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe import icmp_messages_scan as scan
from netemu.trace.observe.growing import text_columns
from netemu.trace.observe.keys import Keyed
from netemu.trace.observe.observer import Given, Observer


class IcmpMessages(Observer):
    """Follows every type and code from one address to another."""

    tables = ("icmp_messages",)

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._flows = Keyed(scan.FLOW)
        self._pending = np.zeros(scan.PENDING, scan.ECHO)

    def take(self, chunk: Chunk, origin_ns: int) -> Given:
        """No rows yet: what was sent is described at the end, unless there are too many."""
        if chunk.others.size:
            self._flows.reserve(chunk.others.size)
            others, pending = chunk.others.ctypes.data, self._pending.ctypes.data
            scan.scan(others, chunk.others.size, self._flows.address, pending)
        return self.end(origin_ns) if self._flows.is_full else {}

    def end(self, origin_ns: int) -> Given:
        """One row for each type and code between two addresses."""
        rows = self._flows.take_rows()
        request = rows["x"] == np.where(rows["version"] == 4, 8, 128)
        unanswered = rows["answered"] == 0
        columns = text_columns(self.reader, rows, ports=False) | {
            "ip_version": rows["version"].astype(np.uint8),
            "type": rows["x"].astype(np.uint8),
            "code": rows["y"].astype(np.uint8),
            "packets": rows["packets"].copy(),
            "ip_bytes": rows["ip_bytes"].copy(),
            "first_ns": rows["first_ns"] - origin_ns,
            "last_ns": rows["last_ns"] - origin_ns,
            "min_gap_ns": null_where(rows["packets"] < 2, rows["min_gap_ns"]),
            "most_in_second": rows["most_in_second"].copy(),
            "answered": null_where(~request, rows["answered"]),
            "lost": null_where(~request, rows["packets"] - rows["answered"]),
            "min_rtt_ns": null_where(unanswered, rows["min_rtt_ns"]),
            "mean_rtt_ns": null_where(unanswered, rows["sum_rtt_ns"] // np.maximum(rows["answered"], 1)),
            "max_rtt_ns": null_where(unanswered, rows["max_rtt_ns"]),
        }
        self._pending[:] = np.zeros(1, self._pending.dtype)
        return {"icmp_messages": columns}
