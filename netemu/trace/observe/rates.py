"""Table ``rates``: UDP and ICMP over time, a row for each flow and interval in which any of it came."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.recording.path_tables import RATE_INTERVAL_NS
from netemu.trace.column import Named, null_where
from netemu.trace.engine import Chunk, Reader
from netemu.trace.observe import rates_scan as scan
from netemu.trace.observe.growing import text_columns
from netemu.trace.observe.keys import Keyed
from netemu.trace.observe.observer import Given, Observer
from netemu.trace.transport_layer import PROTOCOL_UDP


class Rates(Observer):
    """Counts what each UDP flow, and each type and code of ICMP between two addresses, has in each interval."""

    tables = ("rates",)

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._flows = Keyed(scan.FLOW)

    def take(self, chunk: Chunk, origin_ns: int) -> Given:
        """The intervals that a later packet of their flow ended; all, when there are too many flows."""
        if not chunk.others.size:
            return {}
        self._flows.reserve(chunk.others.size)
        rows, others = np.empty(chunk.others.size, scan.ROW), chunk.others.ctypes.data
        address = self._flows.address
        count = scan.scan(others, chunk.others.size, address, origin_ns, RATE_INTERVAL_NS, rows.ctypes.data)
        return self._given(rows[:count], whole=self._flows.is_full)

    def end(self, origin_ns: int) -> Given:
        """The intervals that nothing ended."""
        return self._given(np.empty(0, scan.ROW), whole=True)

    def _given(self, rows: Any, *, whole: bool) -> Given:
        flows = self._flows.records
        if whole:
            last = np.empty(self._flows.count, scan.ROW)
            rows = np.concatenate([rows, last[: scan.finish(self._flows.address, last.ctypes.data)]])
            flows = self._flows.take_rows()
        return {"rates": self._columns(flows, rows)}

    def _columns(self, flows: Any, rows: Any) -> dict[str, Any]:
        is_udp = flows["protocol"][rows["flow"]] == PROTOCOL_UDP
        udp, icmp = rows[is_udp], rows[~is_udp]
        rows, is_udp = np.concatenate([udp, icmp]), np.arange(rows.size) < udp.size
        named = [self._ends(flows, udp, ports=True), self._ends(flows, icmp, ports=False)]
        records, bytes_counted = flows[rows["flow"]], np.where(is_udp, rows["payload_bytes"], rows["ip_bytes"])
        return {
            "capture": Named(np.concatenate([one["capture"].codes for one in named]), self.reader.names),
            "source": pl.concat([one["source"] for one in named]),
            "destination": pl.concat([one["destination"] for one in named]),
            "protocol": records["protocol"].astype(np.uint8),
            "type": null_where(is_udp, np.where(is_udp, 0, records["x"]).astype(np.uint8)),
            "code": null_where(is_udp, np.where(is_udp, 0, records["y"]).astype(np.uint8)),
            "t_ns": rows["interval"] * RATE_INTERVAL_NS,
            "packets": rows["packets"].copy(),
            "payload_bytes": null_where(~is_udp, rows["payload_bytes"]),
            "ip_bytes": rows["ip_bytes"].copy(),
            "rate_bps": 8e9 * bytes_counted / RATE_INTERVAL_NS,
        }

    def _ends(self, flows: Any, rows: Any, *, ports: bool) -> dict[str, Any]:
        numbers, of = np.unique(rows["flow"], return_inverse=True)
        return text_columns(self.reader, flows[numbers], ports=ports, of=of)
