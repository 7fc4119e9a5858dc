"""Rows of the table of eras that are about sending and loss: field, value in each era, release, source, what it means.

:mod:`netemu.stack.eras` makes differences of them.
"""

from __future__ import annotations

_OFF, _ON = False, True
_INPUT = "net/ipv4/tcp_input.c: "

ROWS: tuple[tuple[str, tuple[int, int, int, int, int, int], str, str, str], ...] = (
    (
        "prr_by_progress",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "5.15 (7e901ee7b6ab)",
        _INPUT + "tcp_cwnd_reduction",
        "below ssthresh a recovery sends one more segment on each ACK with progress and without new losses; before, on"
        " each that acknowledged a retransmission",
    ),
    (
        "hystart_rounds_from_start",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "5.16 (4e1fddc98d25)",
        "net/ipv4/tcp_cubic.c: hystart_update",
        "cubic's rounds begin at windows below 16 segments too, so that the first of them is not as long as slow start",
    ),
    (
        "fin_ignores_cwnd",
        (_ON, _ON, _ON, _ON, _OFF, _OFF),
        "after 5.10, before 6.12 (read in both)",
        "net/ipv4/tcp_output.c: tcp_cwnd_test",
        "the segment with the FIN leaves although the congestion window is full",
    ),
    (
        "ack_delay_by_in_flight",
        (_ON, _ON, _ON, _ON, _OFF, _OFF),
        "after 5.10, before 6.12 (read in both)",
        _INPUT + "tcp_clean_rtx_queue",
        "an ACK may have been delayed if less than a segment was in flight when what it acknowledges was sent; since,"
        " if nothing else was delivered in that round trip",
    ),
    (
        "probe_of_pages",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.5 (736013292e3c)",
        "net/ipv4/tcp_output.c: tcp_mtu_probe",
        "a probe of the path MTU is made of its data's pages; before, it was copied, and charged, in one buffer",
    ),
    (
        "probe_dsack_apart",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "5.15 (63f367d9de77, a657db0350bb)",
        _INPUT + "tcp_dsack_seen, tcp_process_tlp_ack",
        "a D-SACK that reports a loss probe is told from others: it widens no reordering window, and only it clears the"
        " probe",
    ),
    (
        "retrans_stamp_renewed",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "6.12 (e37ab7373696, b41b4cbd9655)",
        _INPUT + "tcp_enter_recovery, tcp_packet_delayed",
        "a recovery forgets when the last one first sent again, and is undone while nothing was sent again",
    ),
    (
        "paws_replay_hz",
        (1024, 1024, 1024, 1024, 1200, 1200),
        "after 5.10, before 6.12 (read in both)",
        _INPUT + "tcp_disordered_ack",
        "how fast a peer's timestamps may tick: an ACK older than an RTO of that is dropped",
    ),
)
