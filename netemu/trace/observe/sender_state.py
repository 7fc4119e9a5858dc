"""What is kept of each flow to tell its sender's state over time, and the rows that are told of it.

Both are records of 64-bit words, as in :mod:`netemu.trace.layout`; -1 stands for what is not known.
"""

from __future__ import annotations

from netemu.trace.layout import words
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

SENDER_FLOW = words(
    """
una nxt edge edge_before fresh_ack ack_ns ack_pure pipe_before una_before small_end small_acked
send_ns last_full last_push gap_ns syn_ns turn_ns full_bytes full_next mss
freed unanswered even_gaps super_segments
ca_state high_seq high_retransmitted loss_edge recovered_ns slot sacked highest_sacked
round round_end sample sample_ns sample_una cwnd cwnd_una ssthresh cwnd_at_loss left_recovery phase
srtt_ns rto_ns since_ns max_flight sent retransmitted acked busy_ns busy_before idle_ns
"""
    + " ".join(f"limited_{code}" for code in range(7))
    + " "
    + " ".join(f"before_{code}" for code in range(7))
)
"""One direction of a connection as its sender; ``limited_N`` is the time in limit N, ``before_N`` at the last row."""

OFTEN_BYTES = 8 * ((SENDER_FLOW.names or ()).index("before_0"))
"""Bytes of a flow that its packets need; what follows is looked at when a row is written."""

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
