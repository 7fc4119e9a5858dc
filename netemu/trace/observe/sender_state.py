"""What is kept of each flow to tell its sender's state over time, and the rows that are told of it.

Both are records as in :mod:`netemu.trace.layout`; -1 stands for what is not known.
"""

from __future__ import annotations

from netemu.trace.layout import in_lines, words
from netemu.trace.memory import record_at

LIMIT_NONE, LIMIT_CWND, LIMIT_RWND, LIMIT_NAGLE, LIMIT_APPLICATION, LIMIT_SNDBUF, LIMIT_PACING = range(7)
"""Codes of :data:`netemu.recording.kinds.SENDER_LIMITS`."""

(
    PHASE_SLOW_START,
    PHASE_CONGESTION_AVOIDANCE,
    PHASE_RECOVERY,
    PHASE_LOSS,
    PHASE_APPLICATION_LIMITED,
    PHASE_RECEIVER_LIMITED,
    PHASE_PACED,
    PHASE_IDLE,
) = range(8)
"""Codes of :data:`netemu.recording.kinds.SENDER_PHASES`."""

REASON_ROUND, REASON_STATE, REASON_END = range(3)
"""Codes of :data:`netemu.recording.kinds.SENDER_REASONS`."""

_OF_ACKS = (
    """
una nxt edge edge_before ack_ns pipe_before una_before fresh_ack:i1 ack_pure:i1 small_acked:i1 last_full:i1 last_push:i1
super_segments:i1 ca_state:i1 left_recovery:i1
""",
    "small_end unanswered freed acked turn_ns srtt_ns sacked slot:i4 even_gaps:u4",
    "rto_ns busy_ns idle_ns highest_sacked high_retransmitted loss_edge recovered_ns high_seq",
)
_OF_DATA = (
    """
send_ns since_ns round_end max_flight gap_ns mss:i4 full_bytes:i4 full_next:i4 sent:u4 retransmitted:u4 round:u4
""",
    "sample sample_ns sample_una limited_0 limited_1 limited_4 cwnd_at_loss ssthresh",
)
SENDER_FLOW = in_lines(
    *_OF_ACKS,
    *_OF_DATA,
    " ".join(f"limited_{code}" for code in (2, 3, 5, 6))
    + " syn_ns cwnd cwnd_una phase busy_before "
    + " ".join(f"before_{code}" for code in range(7)),
)
"""One direction of a connection as its sender; ``limited_N`` is the time in limit N, ``before_N`` at the last row."""

BOTH_LINES, ACK_LINES, DATA_LINES = 2, 3, 5
"""How many lines of memory of a flow a packet needs: at least; where its data is acknowledged; where it sends data."""

SENDER_ROW = words(
    """
flow start_ns t_ns round reason flight_bytes max_flight_bytes pipe_bytes window_bytes cwnd_estimated_bytes
cwnd_estimated_ns ssthresh_estimated_bytes srtt_ns rto_estimated_ns ca_state phase limited_by sent_segments
retransmitted_segments acked_bytes busy_ns cwnd_limited_ns rwnd_limited_ns nagle_limited_ns application_limited_ns
sndbuf_limited_ns pacing_limited_ns
"""
)
"""One row of the table ``sender``, with codes for its closed lists."""

MAX_RANGES = 256
"""Ranges of SACKed bytes kept per flow; a flow with more has no known pipe until it is acknowledged."""
SLOT_WORDS = 2 + 2 * MAX_RANGES
"""A scoreboard: how many ranges, whether some did not fit, then start and end of each, in order."""

SENDER_STATE = words("""
flows rows slots free slot_count slot_capacity row_count row_capacity
sacks sack_next sack_count rtt rtt_next rtt_count announced
""")
"""Addresses of the observer's tables, how many rows they hold, and how far the chunk's lists have been read."""

sender_flow_at, sender_row_at = record_at(SENDER_FLOW), record_at(SENDER_ROW)
sender_state_at = record_at(SENDER_STATE)
