"""Table ``path_mtu``: the steps of each direction's path MTU, and what made each."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import polars as pl

from netemu.trace.column import Column, absent_at, of_list
from netemu.trace.observe import path_mtu_scan
from netemu.trace.observe.at_end import AtEnd
from netemu.trace.tables import address_text

_ROUTER = ("version", "router_hi", "router_lo")


class PathMtu(AtEnd):
    """Follows the size of full segments in every direction of every connection."""

    table = "path_mtu"
    scan: ClassVar[ModuleType] = path_mtu_scan
    order = "frame"

    def columns(self, rows: Any, origin_ns: int) -> dict[str, Column]:
        routers = [
            address_text(version, high, low) if version else None
            for version, high, low in zip(*(rows[name].tolist() for name in _ROUTER), strict=True)
        ]
        return {
            "t_ns": rows["t_ns"] - origin_ns,
            "frame": rows["frame"].astype(np.uint32),
            "cause": of_list("path_mtu_cause", rows["cause"] - 1),
            "mtu_before_bytes": absent_at(rows["before"], 0),
            "mtu_bytes": np.ascontiguousarray(rows["after"]),
            "probe_bytes": absent_at(rows["probe"], 0),
            "proven_ns": absent_at(rows["proven_ns"], -1, origin_ns),
            "timeouts": absent_at(rows["timeouts"], 0),
            "since_ns": absent_at(rows["since_ns"], -1, origin_ns),
            "router": pl.Series(routers, dtype=pl.String),
        }


def proven_bytes(rows: Any, flows: int, before: Any) -> Any:
    """The path MTU of each of ``flows`` that was reported or proven last, -1 for none; ``rows`` are in order.

    ``before`` is the same of the first flows, from the rows before these.
    """
    reported = (rows["cause"] == path_mtu_scan.ICMP_FRAGMENTATION_NEEDED) | (
        rows["cause"] == path_mtu_scan.ICMP_PACKET_TOO_BIG
    )
    known = rows[reported | (rows["proven_ns"] != -1)]
    found = np.full(flows, -1, np.int64)
    found[: before.size] = before
    last = np.flatnonzero(np.r_[known["flow"][1:] != known["flow"][:-1], True])[: known.size]
    found[known["flow"][last]] = known["after"][last]
    return found
