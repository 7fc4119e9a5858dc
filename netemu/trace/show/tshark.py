"""tshark's names for what netemu tells as well: fields of packets and tests of ``tcp.analysis``."""

from __future__ import annotations

import polars as pl

from netemu.recording.tables import RETRANSMISSION_KINDS

FIELDS = {
    "frame.number": "frame",
    "tcp.stream": "connection",
    "ip.len": "ip_bytes",
    "tcp.flags": "flags",
    "tcp.seq": "seq_offset_bytes",
    "tcp.ack": "ack_offset_bytes",
    "tcp.seq_raw": "seq",
    "tcp.ack_raw": "ack",
    "tcp.len": "payload_bytes",
    "tcp.window_size": "window_bytes",
    "tcp.options.timestamp.tsval": "ts_val",
    "tcp.options.timestamp.tsecr": "ts_ecr",
    "tcp.options.sack.count": "sack_blocks",
    "tcp.analysis.bytes_in_flight": "flight_bytes",
}
"""tshark's field -> netemu's column of ``packets`` with the same meaning."""

TESTS = {
    "tcp.analysis.retransmission": "kind is one of the six retransmission classes",
    "tcp.analysis.fast_retransmission": "kind is fast",
    "tcp.analysis.spurious_retransmission": "spurious",
    "tcp.analysis.out_of_order": "out_of_order",
    "tcp.analysis.duplicate_ack": "duplicate_ack",
    "tcp.analysis.zero_window": "zero_window",
    "tcp.analysis.window_full": "window_full",
    "tcp.analysis.window_update": "ack_kind is window_update",
    "tcp.analysis.zero_window_probe": "kind is window_probe",
    "tcp.analysis.zero_window_probe_ack": "ack_kind is window_probe_ack",
    "tcp.analysis.keep_alive": "kind is keepalive",
    "tcp.analysis.keep_alive_ack": "ack_kind is keepalive_ack",
}
"""tshark's test -> how netemu answers it. Where the two differ, docs/analysis.md says who is right and why."""


def as_tshark(packets: pl.DataFrame) -> pl.DataFrame:
    """``packets`` of TCP connections under tshark's names: :data:`FIELDS` and, as booleans, :data:`TESTS`.

    ``frame.time_relative`` is in seconds from where the analysis counts time. ``tcp.stream`` is netemu's number of the
    connection within its capture, which tshark counts the same way while no capture has several interfaces.
    """
    kind = pl.col("kind")
    tests = {
        "tcp.analysis.retransmission": kind.is_in(RETRANSMISSION_KINDS),
        "tcp.analysis.fast_retransmission": kind == "fast",
        "tcp.analysis.spurious_retransmission": pl.col("spurious"),
        "tcp.analysis.out_of_order": pl.col("out_of_order"),
        "tcp.analysis.duplicate_ack": pl.col("duplicate_ack"),
        "tcp.analysis.zero_window": pl.col("zero_window"),
        "tcp.analysis.window_full": pl.col("window_full"),
        "tcp.analysis.window_update": pl.col("ack_kind") == "window_update",
        "tcp.analysis.zero_window_probe": kind == "window_probe",
        "tcp.analysis.zero_window_probe_ack": pl.col("ack_kind") == "window_probe_ack",
        "tcp.analysis.keep_alive": kind == "keepalive",
        "tcp.analysis.keep_alive_ack": pl.col("ack_kind") == "keepalive_ack",
    }
    fields = [pl.col(column).alias(name) for name, column in FIELDS.items()]
    return packets.filter(pl.col("connection") >= 0).select(
        "capture",
        (pl.col("t_ns") / 1e9).alias("frame.time_relative"),
        *fields,
        *(test.alias(name) for name, test in tests.items()),
    )
