"""The table ``retransmissions``: one row each, with the evidence noted by :mod:`netemu.trace.evidence`."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netemu.recording.tables import RETRANSMISSIONS
from netemu.trace.engine import Reader
from netemu.trace.tables import captures_of, enumerated, nullable, polars_schema


def retransmissions_frame(reader: Reader, origin_ns: int, frames: range | None = None) -> pl.DataFrame:
    """The retransmissions of a file read to its end, or of some frames that are settled, in its order."""
    rows = reader.state.rows("events", "event_count")
    if frames is not None:
        rows = rows[(rows["row"] + 1 >= frames.start) & (rows["row"] + 1 < frames.stop)]
    capture, connection = captures_of(reader, rows["flow"] >> 1)
    columns: dict[str, Any] = {
        "capture": capture,
        "frame": (rows["row"] + 1).astype(np.uint32),
        "connection": connection.astype(np.int32),
        "direction": (rows["flow"] & 1).astype(np.int8),
        "t_ns": rows["sent_ns"] - origin_ns,
        "kind": enumerated("segment_kind", rows["kind"].astype(np.uint8)),
        "spurious_by": enumerated("spurious_by", rows["spurious"].astype(np.uint8)),
        "start_offset_bytes": np.ascontiguousarray(rows["start"]),
        "end_offset_bytes": np.ascontiguousarray(rows["end"]),
        "last_frame": nullable(rows["last_row"]) + 1,
        "waited_ns": nullable(rows["waited_ns"]),
        "silence_ns": nullable(rows["silence_ns"]),
        "rto_ns": np.ascontiguousarray(rows["rto_ns"]),
        "backoff": np.ascontiguousarray(rows["backoff"]),
        "ca_state": enumerated("ca_state", rows["state"].astype(np.uint8)),
        "duplicate_acks": np.ascontiguousarray(rows["dupacks"]),
        "sacked_segments": np.ascontiguousarray(rows["sacked_count"]),
        "sent_after_arrived": rows["rack"] != 0,
    }
    return pl.DataFrame(columns, schema_overrides=polars_schema(RETRANSMISSIONS))
