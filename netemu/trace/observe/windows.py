"""Table ``windows``: growth, shrinking and silliness of advertised windows, stalls and whose fault they were."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from netemu.recording.kinds import STALL_CAUSES, WINDOW_KINDS
from netemu.trace.column import Column, absent_at, of_list
from netemu.trace.observe import windows_scan
from netemu.trace.observe.at_end import AtEnd

_CAUSED_BY = np.full(len(WINDOW_KINDS) + 1, -1)
_CAUSED_BY[windows_scan.ZERO_WINDOW] = STALL_CAUSES.index("receiver")
_CAUSED_BY[windows_scan.SENDER_IDLE] = STALL_CAUSES.index("sender")


class Windows(AtEnd):
    """Follows the right edge and the size of what every direction advertises."""

    table = "windows"
    scan: ClassVar[ModuleType] = windows_scan
    order = "kind"

    def columns(self, rows: Any, origin_ns: int) -> dict[str, Column]:
        return {
            "kind": of_list("window_kind", rows["kind"] - 1),
            "t_ns": rows["t_ns"] - origin_ns,
            "frame": rows["frame"].astype(np.uint32),
            "end_ns": absent_at(rows["end_ns"], -1, origin_ns),
            "end_frame": absent_at(rows["end_frame"], 0),
            "ended_by": of_list("window_end", rows["ended_by"] - 1),
            "before_bytes": absent_at(rows["before"], -1),
            "after_bytes": absent_at(rows["after"], -1),
            "moved_bytes": absent_at(rows["bytes"], -1),
            "count": absent_at(rows["count"], -1),
            "total_ns": absent_at(rows["total_ns"], -1),
            "caused_by": of_list("stall_cause", _CAUSED_BY[rows["kind"]]),
        }
