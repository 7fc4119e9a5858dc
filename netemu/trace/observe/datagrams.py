"""Table ``datagrams``: UDP flows, and loss, order and delay of those that netemu's own agents sent."""

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.column import null_where
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe import datagrams_scan as scan
from netemu.trace.observe.growing import text_columns
from netemu.trace.observe.keys import Keyed
from netemu.trace.observe.observer import Given, Observer


class Datagrams(Observer):
    """Follows every UDP flow."""

    tables = ("datagrams",)

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._flows = Keyed(scan.FLOW)

    def take(self, chunk: Chunk, origin_ns: int) -> Given:
        """No rows yet: a flow is described at the end, unless there are too many."""
        if chunk.others.size:
            self._flows.reserve(chunk.others.size)
            scan.scan(chunk.others.ctypes.data, chunk.others.size, self._flows.address)
        return self.end(origin_ns) if self._flows.is_full else {}

    def end(self, origin_ns: int) -> Given:
        """One row for each flow."""
        rows = self._flows.take_rows()
        columns = text_columns(self.reader, rows, ports=True) | _arrivals(rows, origin_ns) | _numbers(rows, origin_ns)
        return {"datagrams": columns}


def _arrivals(rows: Any, origin_ns: int) -> dict[str, Any]:
    single, span = rows["packets"] < 2, rows["last_ns"] - rows["first_ns"]
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = 8e9 * (rows["payload_bytes"] - rows["first_bytes"]) / span
    return {
        "packets": rows["packets"].copy(),
        "payload_bytes": rows["payload_bytes"].copy(),
        "ip_bytes": rows["ip_bytes"].copy(),
        "first_ns": rows["first_ns"] - origin_ns,
        "last_ns": rows["last_ns"] - origin_ns,
        "rate_bps": null_where(single | (span <= 0), rate),
        "min_gap_ns": null_where(single, rows["min_gap_ns"]),
        "mean_gap_ns": null_where(single, span // np.maximum(rows["packets"] - 1, 1)),
        "max_gap_ns": null_where(single, rows["max_gap_ns"]),
        "max_gap_at_ns": null_where(single, rows["max_gap_at_ns"] - origin_ns),
    }


def _numbers(rows: Any, origin_ns: int) -> dict[str, Any]:
    none, never = rows["numbered"] == 0, rows["gaps"] == 0
    strange = rows["delays"] == 0
    found = {
        "numbered": rows["numbered"].copy(),
        "first_number": null_where(none, rows["lowest"]),
        "last_number": null_where(none, rows["highest"]),
        "lost": null_where(none, rows["highest"] - rows["lowest"] + 1 - rows["distinct"]),
        "latest_by": null_where(none, rows["latest"]),
        "longest_gap_packets": null_where(none, rows["longest_gap"]),
        "longest_gap_ns": null_where(none | never, rows["longest_gap_ns"]),
        "longest_gap_at_ns": null_where(none | never, rows["longest_gap_at_ns"] - origin_ns),
        "min_delay_ns": null_where(strange, rows["min_delay_ns"]),
        "mean_delay_ns": null_where(strange, rows["sum_delay_ns"] // np.maximum(rows["delays"], 1)),
        "max_delay_ns": null_where(strange, rows["max_delay_ns"]),
        "jitter_ns": null_where(strange, rows["jitter_16"] >> 4),
    }
    return found | {name: null_where(none, rows[name]) for name in ("duplicates", "reordered", "gaps")}
