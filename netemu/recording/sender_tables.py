"""What is told of senders over time; :mod:`netemu.recording.tables` has all the schemas."""

from __future__ import annotations

SENDER: dict[str, tuple[str, str]] = {
    "capture": ("str", "as in packets"),
    "connection": ("i32", "as in packets"),
    "direction": ("i8", "direction of the data"),
    "start_ns": ("i64", "where the row begins: at the flow's row before it"),
    "t_ns": ("i64", "where it ends: just before the packet that began something new"),
    "round": ("i32", "number of the round trip, from 0"),
    "reason": ("sender_reason", "what ended it"),
    "phase": ("sender_phase", "what the congestion control was doing"),
    "ca_state": ("ca_state", "Open, Recovery or Loss, until t_ns"),
    "limited_by": ("sender_limit", "what held the sender for most of the row; null where that cannot be told"),
    "flight_bytes": ("i64", "highest sequence sent minus highest ACK seen, at t_ns"),
    "max_flight_bytes": ("i64", "largest flight of the row"),
    "pipe_bytes": (
        "i64",
        "flight less what was SACKed and what is lost and not sent again (RFC 6675), at t_ns; null with more holes"
        " than are followed",
    ),
    "window_bytes": ("i64", "what the receiver lets be outstanding, at t_ns; null before it is known"),
    "cwnd_estimated_bytes": (
        "i64",
        "congestion window: largest (in Recovery and Loss: latest) pipe at which the sender stopped with data left and"
        " went on at the next ACK; null where it did not in this row",
    ),
    "cwnd_estimated_ns": ("i64", "when it was that large: just before the ACK at this time"),
    "ssthresh_estimated_bytes": (
        "i64",
        "window with which Recovery was left, or at which slow start ended; null before either was seen",
    ),
    "srtt_ns": ("i64", "smoothed RTT as Linux keeps it, of the latest sample; null before the first"),
    "rto_estimated_ns": ("i64", "retransmission timeout that it makes, without back-off; null before the first sample"),
    "sent_segments": ("i64", "segments sent in the row"),
    "retransmitted_segments": ("i64", "of them sent again"),
    "acked_bytes": ("i64", "bytes acknowledged in the row"),
    "busy_ns": ("i64", "time with data outstanding or held by rwnd, since the flow's beginning (tcpi_busy_time)"),
    "cwnd_limited_ns": ("i64", "time held by cwnd since then; null as limited_by"),
    "rwnd_limited_ns": ("i64", "by rwnd (tcpi_rwnd_limited)"),
    "nagle_limited_ns": ("i64", "by nagle"),
    "application_limited_ns": ("i64", "by the application"),
    "sndbuf_limited_ns": ("i64", "by sndbuf (tcpi_sndbuf_limited)"),
    "pacing_limited_ns": ("i64", "by pacing"),
}

EPISODES: dict[str, tuple[str, str]] = {
    "capture": ("str", "as in packets"),
    "connection": ("i32", "as in packets"),
    "direction": ("i8", "direction of the data"),
    "phase": ("sender_phase", "of all its rows of `sender`"),
    "reason": ("episode_reason", "what began it"),
    "start_ns": ("i64", "its beginning"),
    "end_ns": ("i64", "its end, the beginning of the next"),
    "rounds": ("i32", "its rows in `sender`: round trips, at most"),
    "limited_by": ("sender_limit", "what held the sender for most of it; null where that cannot be told"),
    "start_flight_bytes": ("i64", "flight at its beginning"),
    "end_flight_bytes": ("i64", "flight at its end"),
    "max_flight_bytes": ("i64", "largest flight in it"),
    "end_cwnd_estimated_bytes": ("i64", "latest estimate of the congestion window in it; null where there is none"),
    "sent_segments": ("i64", "segments sent in it"),
    "retransmitted_segments": ("i64", "of them sent again"),
    "acked_bytes": ("i64", "bytes acknowledged in it"),
}
