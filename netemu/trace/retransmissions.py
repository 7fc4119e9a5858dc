"""The table ``retransmissions``: one row each, with the evidence noted by :mod:`netemu.trace.evidence`."""

from __future__ import annotations

from typing import Any

import numpy as np

from netemu.trace.chunk_rows import captures_of
from netemu.trace.column import Rows, absent_at, null_where, of_list
from netemu.trace.engine import Reader
from netemu.trace.gather import fields_of
from netemu.trace.layout import EVENT

_TOLD = tuple(name for name in EVENT.names or () if name not in ("ts_val", "previous"))


def retransmissions_in(reader: Reader, frames: range, origin_ns: int) -> Rows:
    """The retransmissions among some frames that are settled, in the file's order."""
    rows = reader.state.rows("events", "event_count")
    return retransmissions_of(
        reader, rows[(rows["row"] + 1 >= frames.start) & (rows["row"] + 1 < frames.stop)], origin_ns
    )


def retransmissions_rows(reader: Reader, numbers: Any, origin_ns: int) -> Rows:
    """The retransmissions of these ``numbers``, of which nothing more will be proven."""
    return retransmissions_of(reader, fields_of(reader.state.tables["events"], numbers, _TOLD), origin_ns)


def retransmissions_of(reader: Reader, rows: Any, origin_ns: int) -> Rows:
    """The retransmissions that these records of the pass tell, or their fields as columns."""
    capture, connection = captures_of(reader, rows["flow"] >> 1)
    return {
        "capture": capture,
        "frame": (rows["row"] + 1).astype(np.uint32),
        "connection": connection,
        "direction": (rows["flow"] & 1).astype(np.int8),
        "t_ns": rows["sent_ns"] - origin_ns,
        "kind": of_list("segment_kind", rows["kind"]),
        "spurious_by": of_list("spurious_by", rows["spurious"]),
        "start_offset_bytes": np.ascontiguousarray(rows["start"]),
        "end_offset_bytes": np.ascontiguousarray(rows["end"]),
        "last_frame": null_where(rows["last_row"] == -1, rows["last_row"] + 1),
        "waited_ns": absent_at(rows["waited_ns"], -1),
        "silence_ns": absent_at(rows["silence_ns"], -1),
        "rto_ns": np.ascontiguousarray(rows["rto_ns"]),
        "backoff": np.ascontiguousarray(rows["backoff"]),
        "ca_state": of_list("ca_state", rows["state"]),
        "duplicate_acks": np.ascontiguousarray(rows["dupacks"]),
        "sacked_segments": np.ascontiguousarray(rows["sacked_count"]),
        "sent_after_arrived": rows["rack"] != 0,
    }
