"""The closed lists of names that columns of tables hold, each name with its meaning."""

from __future__ import annotations

SEGMENT_KINDS = (
    "none",  # a packet that carries no sequence space (pure ACK, RST) or is not TCP
    "new",  # sequence space not seen before in this direction
    "timeout",  # retransmission after the retransmission timer fired
    "fast",  # retransmission by duplicate ACKs, SACK or RACK
    "tail_loss_probe",  # retransmission by the probe timer before the retransmission timer
    "syn",  # retransmitted SYN
    "syn_ack",  # retransmitted SYN-ACK
    "fin",  # retransmitted FIN without payload
    "window_probe",  # probe of a zero window
    "keepalive",  # keepalive probe
)
"""The closed list of what a segment is to its sender; 2..7 are the retransmissions the kernel counts."""

RETRANSMISSION_KINDS = SEGMENT_KINDS[2:8]
"""The classes of retransmissions that the kernel counts."""

ACK_KINDS = (
    "none",  # no ACK flag, or not TCP
    "handshake",  # acknowledges a SYN: the SYN-ACK itself and the packet that answers it
    "piggyback",  # rides on payload, a FIN or a probe
    "quick",  # for at most one full-sized segment, sent at once
    "every_second",  # for more than one and at most two full-sized segments (RFC 5681 section 4.2)
    "stretch",  # for more than two full-sized segments (RFC 2525 section 2.13)
    "delayed",  # sent by the delayed-ACK timer, or as late as that
    "gap_filled",  # the segment before it filled all or a part of a gap that had been reported
    "fin",  # acknowledges the other side's FIN, without payload
    "duplicate",  # RFC 5681 section 2, or by new SACK blocks (RFC 6675 section 2)
    "dsack",  # nothing new but a report of a duplicate (RFC 2883)
    "window_update",  # nothing new but the window
    "window_probe_ack",  # answers a window probe; the window is still zero
    "keepalive_ack",  # answers a keepalive
    "challenge",  # answers a SYN, RST or ACK that is not acceptable (RFC 5961)
    "reset",  # the acknowledgement of a RST
    "old",  # below one seen before: overtaken on its way
    "unseen",  # acknowledges data that the capture does not hold
    "repeated",  # says nothing new, and nothing seen made the receiver say it
)
"""The closed list of what an acknowledgement is and why it was sent; docs/analysis.md gives the rules."""

SPURIOUS_BY = (
    "none",  # not known to be needless
    "dsack",  # a D-SACK covers the whole retransmission (RFC 2883, RFC 3708)
    "eifel",  # the ACK echoes a time before it (RFC 3522)
    "frto",  # after a timeout, what had been sent before it was acknowledged (RFC 5682)
    "already_acked",  # the capture had shown the acknowledgement of all its bytes
    "already_sacked",  # the capture had shown a SACK of all its bytes
)
"""The closed list of what proves that a retransmission was needless."""

CA_STATES = ("Open", "Disorder", "CWR", "Recovery", "Loss")
"""The sender's congestion states by the kernel's names (TCP_CA_*)."""

TRANSIT_FATES = (
    "arrived",  # seen in the other capture
    "duplicated",  # the same, and further copies of it came too
    "copy",  # such a further copy
    "lost",  # sent, and the other capture ran and did not see it
    "not_captured",  # the other capture did not run when it should have seen it
    "unsent",  # it arrived and the sender's capture ran and did not see it
)
"""The closed list of what became of a packet between two captures."""

PATH_MTU_CAUSES = (
    "handshake",  # the smaller MSS of the two SYNs and headers: what this direction may begin with
    "known_before",  # the first full segments have this size, which no packet of the capture explains
    "icmp_fragmentation_needed",  # a router's ICMP report (RFC 1191)
    "icmp_packet_too_big",  # a router's ICMPv6 report (RFC 8201)
    "mtu_probe_confirmed",  # a single larger packet was acknowledged (RFC 4821)
    "mtu_probe_lost",  # a single larger packet was sent again in smaller ones; what held goes on holding
    "blackhole_probe",  # after timeouts of full segments and no report, the sender made them smaller
    "black_hole_suspected",  # three timeouts of full segments that never passed, no report; nothing changed yet
    "unknown",  # full segments have another size, and nothing in the capture says why
)
"""Why a row of `path_mtu` is there."""

SENDER_REASONS = (
    "round",  # the first data of the next round trip left
    "state",  # the congestion state changed, or a silence longer than the RTO began or ended
    "end",  # the last packet of the flow
)
"""The closed list of what made a row of ``sender``."""

SENDER_PHASES = (
    "slow_start",  # the window grew by what was acknowledged
    "congestion_avoidance",  # it grew by at most half of that, or not at all
    "recovery",  # TCP_CA_Recovery: between the first retransmission without a timer and the end of the loss
    "loss",  # TCP_CA_Loss: as above, after a timeout
    "application_limited",  # most of the time there was nothing to send (application, nagle, sndbuf)
    "receiver_limited",  # most of the time the announced window had no room
    "paced",  # most of the time the sender's own clock held what it could have sent
    "idle",  # nothing was outstanding, for longer than the RTO
)
"""The closed list of what a sender's congestion control was doing in a row of ``sender``."""

SENDER_LIMITS = (
    "none",  # nothing held it: packets back to back, or at a pace that fits none of the others
    "cwnd",  # data was left, the receiver's window had room, an acknowledgement released the next packet
    "rwnd",  # the next packet did not fit the window announced until then
    "nagle",  # a partial segment left when an earlier partial one was acknowledged
    "application",  # the queue was empty: a partial or pushed segment was the last, and no acknowledgement ended it
    "sndbuf",  # the queue was empty, and the next full segment left when an acknowledgement made room for it
    "pacing",  # data was left, no acknowledgement came, and the packets followed at even distances
)
"""The closed list of what a sender waited for."""

OPENINGS = (
    "handshake",  # SYN and SYN-ACK
    "simultaneous",  # a SYN from either side
    "syn_only",  # a SYN, and no SYN or SYN-ACK of the other side
    "syn_ack_only",  # a SYN-ACK, and not the SYN that it answers
    "midstream",  # neither: which side is the client is told by the ports
)
"""The closed list of what the capture holds of a connection's beginning."""

ENDS = (
    "unanswered",  # a SYN, and nothing of the other side
    "half_open",  # a SYN-ACK or two SYNs, not acknowledged
    "refused",  # RST in answer to the SYN
    "established",  # open when the capture ends
    "client_closed",  # FIN of the client alone
    "server_closed",  # FIN of the server alone
    "closing",  # FIN of both, not both acknowledged
    "closed",  # FIN of both, acknowledged
    "reset_by_client",  # RST that the server must take
    "reset_by_server",  # RST that the client must take
)
"""The closed list of how a connection stands where the capture ends."""

RESET_KINDS = (
    "none",  # no RST
    "refused",  # answers a SYN
    "in_sequence",  # at the next byte that the other end expects: it must take it
    "in_window",  # elsewhere in the window: it must answer with a challenge ACK (RFC 5961 section 3.2)
    "out_of_window",  # it must ignore it
    "after_close",  # both FINs had been acknowledged
    "unplaced",  # the capture does not show which byte is expected
)
"""The closed list of what a RST is to the end that gets it."""

CAPTURED = ("both", "client", "server")
"""Whose packets of a connection the capture holds."""

WINDOW_KINDS = (
    "scale_inferred",  # not both SYNs were captured: `count` is the least shift that explains what was sent
    "growth",  # the largest window advertised has doubled, or grew to its last value: from before to after
    "shrunk",  # the right edge moved back by more than rounding (RFC 7323 section 2.4), until it is there again
    "silly",  # small advances, each at once filled by a small segment (RFC 9293 section 3.8.6.2)
    "zero_window",  # from a zero window to the next that is none
    "sender_idle",  # sum: all was acknowledged, the window open, and nothing came for an RTO; times are the longest
)
"""What a row of `windows` tells."""

WINDOW_ENDS = (
    "window_update",  # the receiver said by itself that there is room
    "probe_answer",  # it said so in its answer to a probe
    "reset",  # it reset the connection
)
"""How a zero window ended."""

STALL_CAUSES = (
    "receiver",  # its application reads late: the window says what is free of its buffer
    "sender",  # its application had nothing to send, or waited for the peer's
)
"""Who caused a stall."""

EPISODE_REASONS = (
    "start",  # the flow's first data
    "growth",  # the window went on growing by less than what was acknowledged
    "retransmission",  # the first without a timer: Recovery
    "timeout",  # the first after a timeout, or after a report of a smaller path MTU, which Linux treats as one: Loss
    "ecn",  # the receiver echoed a congestion mark: CWR
    "recovered",  # what had been outstanding when Recovery or Loss began was acknowledged, or the reduction was undone
    "limit",  # something else held the sender for most of the time from here on
    "silence",  # nothing was outstanding, for longer than the RTO
)
"""The closed list of what began an episode of a sender."""

ENUMS: dict[str, tuple[str, ...]] = {
    "segment_kind": SEGMENT_KINDS,
    "ack_kind": ACK_KINDS,
    "spurious_by": SPURIOUS_BY,
    "ca_state": CA_STATES,
    "opening": OPENINGS,
    "end": ENDS,
    "reset_kind": RESET_KINDS,
    "captured": CAPTURED,
    "transit_fate": TRANSIT_FATES,
    "path_mtu_cause": PATH_MTU_CAUSES,
    "window_kind": WINDOW_KINDS,
    "window_end": WINDOW_ENDS,
    "stall_cause": STALL_CAUSES,
    "sender_reason": SENDER_REASONS,
    "sender_phase": SENDER_PHASES,
    "sender_limit": SENDER_LIMITS,
    "episode_reason": EPISODE_REASONS,
}
"""The types of columns that hold one of a closed list of names."""

TCP_OPTIONS = {
    "mss": 1,
    "wscale": 2,
    "sack_permitted": 4,
    "sack": 8,
    "timestamps": 16,
    "fast_open": 32,  # kind 34, or an experimental kind with the magic of RFC 7413
    "mptcp": 64,
    "authentication": 128,  # TCP-AO, RFC 5925
    "md5": 256,
    "user_timeout": 512,
    "other": 1024,  # any other kind but padding, and those above where their length is wrong
}
"""Values whose sum tells the options of a segment, in ``tcp_options``."""
