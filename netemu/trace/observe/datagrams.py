"""Tables ``datagrams`` and ``datagram_gaps``: UDP flows, and loss, order and delay of netemu's own datagrams."""

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.column import null_where
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe import datagrams_scan as scan
from netemu.trace.observe import keys
from netemu.trace.observe.growing import text_columns
from netemu.trace.observe.keys import Keyed
from netemu.trace.observe.observer import Given, Observer


class Datagrams(Observer):
    """Follows every UDP flow."""

    tables = ("datagrams", "datagram_gaps")

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._flows, self._gaps = Keyed(scan.FLOW), np.zeros(0, scan.GAP)
        self._control = np.zeros(1, scan.GAPS)

    def take(self, chunk: Chunk, origin_ns: int) -> Given:
        """No rows yet: a flow is described at the end, unless there are too many."""
        if chunk.others.size:
            self._flows.reserve(chunk.others.size)
            self._reserve_gaps(chunk.others.size)
            control = self._control.ctypes.data
            scan.scan(chunk.others.ctypes.data, chunk.others.size, self._flows.address, control)
        many = self._flows.is_full or self._control["count"][0] > keys.MAX_RECORDS
        return self.end(origin_ns) if many else {}

    def _reserve_gaps(self, more: int) -> None:
        """Make room for ``more`` gaps; those there are stay."""
        count = int(self._control["count"][0])
        if self._gaps.size < count + more:
            larger = np.zeros(max(2 * self._gaps.size, count + more), scan.GAP)
            larger[:count] = self._gaps[:count]
            self._gaps = larger
        self._control["gaps"] = self._gaps.ctypes.data

    def end(self, origin_ns: int) -> Given:
        """One row for each flow, and one for each gap in the numbers of netemu's own."""
        rows, count = self._flows.take_rows(), int(self._control["count"][0])
        gaps = self._gaps[:count]
        self._gaps, self._control["count"] = np.zeros(0, scan.GAP), 0
        columns = text_columns(self.reader, rows, ports=True)
        gap_columns = text_columns(self.reader, rows, ports=True, of=gaps["flow"]) | _gaps(gaps, origin_ns)
        columns = columns | _arrivals(rows, origin_ns) | _numbers(rows, origin_ns)
        return {"datagrams": columns, "datagram_gaps": gap_columns}


def _gaps(gaps: Any, origin_ns: int) -> dict[str, Any]:
    return {
        "start_ns": gaps["start_ns"] - origin_ns,
        "end_ns": gaps["end_ns"] - origin_ns,
        "first_number": gaps["first"].copy(),
        "missing": gaps["missing"].copy(),
        "late": gaps["late"].copy(),
        "lost": gaps["missing"] - gaps["late"],
        "filled_ns": null_where(gaps["late"] == 0, gaps["filled_ns"] - origin_ns),
    }


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
