"""Rows of the table of eras that are about receiving: field, value in each era, release, source, what it means.

:mod:`netemu.stack.eras` makes differences of them.
"""

from __future__ import annotations

_OFF, _ON = False, True
_INPUT = "net/ipv4/tcp_input.c: "

ROWS: tuple[tuple[str, tuple[bool, bool, bool, bool, bool, bool], str, str, str], ...] = (
    (
        "win_by_scaling_ratio",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.6 (dfa2f0483360)",
        "include/net/tcp.h: tcp_win_from_space; net/ipv4/tcp_input.c: tcp_measure_rcv_mss",
        "what share of the receive buffer is window is measured on full segments, not set by tcp_adv_win_scale",
    ),
    (
        "max_window_remembered",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "after 6.12",
        "include/net/tcp.h: tcp_max_receive_window",
        "data is taken up to the furthest right edge that was ever offered, though the window has shrunk since",
    ),
    (
        "zero_window_without_memory",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.6 (e2142825c120)",
        "net/ipv4/tcp_output.c: tcp_select_window",
        "a segment for which there is no memory is answered with a window of 0",
    ),
    (
        "full_push_acked",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.6 (4720852ed9af)",
        _INPUT + "tcp_measure_rcv_mss",
        "a full segment with PSH is the end of a write: it is acknowledged when the reader has taken everything",
    ),
    (
        "rcv_rtt_when_drained",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "6.16",
        _INPUT + "tcp_rcv_rtt_update",
        "the receiver's estimate of the RTT grows only by samples that find the receive queue empty",
    ),
    (
        "rcv_rtt_no_minimum",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.11",
        _INPUT + "tcp_rcv_rtt_measure_ts",
        "an RTT of less than a tick of the timestamps is no sample for the receiver, instead of one tick",
    ),
    (
        "rcvbuf_grow_by_rtt",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "6.16 to 7.0 (tcp_rcvbuf_low_rtt)",
        _INPUT + "tcp_rcvbuf_grow",
        "the receive buffer grows by what was read in an RTT, less for a short one, and for data behind gaps too",
    ),
    (
        "rcv_mss_by_ofo",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.10",
        _INPUT + "tcp_data_queue_ofo",
        "segments behind a gap tell of the peer's segment size too",
    ),
    (
        "ato_limited_by_delack_max",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.6 (1f85e6267caca)",
        _INPUT + "tcp_event_data_recv; net/ipv4/tcp_timer.c: tcp_delack_timer_handler",
        "the estimate of the time between segments (ato) stays below TCP_DELACK_MAX",
    ),
    (
        "backlog_ack_deferred",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.6 (133c4c0d3717)",
        _INPUT + "__tcp_ack_snd_check",
        "ACKs of segments from the backlog are joined until the process lets go of the socket",
    ),
    (
        "compressed_acks",
        (_OFF, _OFF, _OFF, _ON, _ON, _ON),
        "4.18 (5d9f4262b7ea)",
        _INPUT + "__tcp_ack_snd_check",
        "from the fourth duplicate on, ACKs of segments behind a gap wait for a timer",
    ),
    (
        "compressed_ack_reads_clock",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "after 6.12, before 7.2",
        "net/ipv4/tcp_timer.c: tcp_compressed_ack_kick",
        "a compressed ACK has the timestamp of when it leaves; before, of when the last segment arrived",
    ),
    (
        "comp_sack_rtt_percent",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "7.0",
        _INPUT + "__tcp_ack_snd_check",
        "that timer is a third of the RTT (tcp_comp_sack_rtt_percent) instead of a twentieth",
    ),
    (
        "compressed_ack_deferred",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "after 5.10",
        "net/ipv4/tcp_timer.c: tcp_delack_timer_handler",
        "compressed ACKs whose timer met a socket that a process held are sent when it lets go",
    ),
    (
        "bare_fin_in_zero_window",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.12 (2bd99aef1b19)",
        _INPUT + "tcp_data_queue",
        "a FIN without data is taken although the window is 0",
    ),
    (
        "end_seq_checked",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "6.17 (9ca48d616ed7)",
        _INPUT + "tcp_sequence",
        "the end of a segment must lie in the window too, unless nothing is queued",
    ),
    (
        "paws_old_ack_ignored",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "6.14",
        _INPUT + "tcp_disordered_ack_check",
        "an old ACK with an old timestamp is dropped without an answer",
    ),
    (
        "crossed_synack_accepted",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.11 (23e89e8ee7be)",
        _INPUT + "tcp_validate_incoming",
        "the SYN-ACK of a simultaneous open completes it, instead of being challenged",
    ),
    (
        "udp_rcvbuf_is_strict",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "after 6.12 (read in both)",
        "net/ipv4/udp.c: __udp_enqueue_schedule_skb",
        "UDP: a datagram is queued only where all of it has room, not until the buffer is over-full",
    ),
    (
        "synack_ecn_given_up",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "after 6.12 (read in both)",
        "include/net/tcp_ecn.h: tcp_ecn_make_synack",
        "a SYN-ACK sent again after its timer fired in vain does not agree on ECN",
    ),
)
