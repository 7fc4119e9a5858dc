"""Rows of the table of eras that are about opening and closing: field, values, release, source, what it means.

:mod:`netemu.stack.eras` makes differences of them.
"""

from __future__ import annotations

_OFF, _ON = False, True

ROWS: tuple[tuple[str, tuple[bool, bool, bool, bool, bool, bool], str, str, str], ...] = (
    (
        "synq_takes_one_more",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "after 5.10",
        "include/net/inet_connection_sock.h: inet_csk_reqsk_queue_is_full",
        "a SYN is dropped, or answered by a cookie, when more than the backlog are half open; before, as many",
    ),
    (
        "request_rst_challenge",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "after 5.10, and in 6.12's stable releases",
        "net/ipv4/tcp_minisocks.c: tcp_check_req",
        "a reset inside the window but not at its edge is challenged in SYN-RECEIVED instead of ending the handshake",
    ),
    (
        "request_keeps_timestamp",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "after 5.10, before 6.12 (read in both)",
        "net/ipv4/tcp_minisocks.c: tcp_check_req",
        "a SYN-ACK sent again echoes the SYN's timestamp, not that of an ACK for which the accept queue was full",
    ),
    (
        "request_checks_tsecr",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "6.15",
        "net/ipv4/tcp_minisocks.c: tcp_check_req",
        "the ACK of a SYN-ACK must echo one of the timestamps that its SYN-ACKs carried",
    ),
    (
        "fastopen_experimental",
        (_OFF, _OFF, _ON, _OFF, _OFF, _OFF),
        "4.1 (RFC 7413)",
        "net/ipv4/tcp_input.c: tcp_parse_options",
        "Fast Open's option is the experimental one of the drafts, kind 254 with 0xF989",
    ),
    (
        "fastopen_marks_lost",
        (_OFF, _OFF, _OFF, _OFF, _ON, _ON),
        "after 5.10, before 6.12 (read in both)",
        "net/ipv4/tcp_input.c: tcp_rcv_fastopen_synack",
        "data that a SYN carried in vain are lost, in state Loss; before, they were sent again without any state",
    ),
    (
        "tells_fastopen_child",
        (_OFF, _OFF, _OFF, _OFF, _OFF, _ON),
        "after 6.12, before 7.2 (read in both)",
        "net/ipv4/tcp.c: tcp_get_info",
        "TCP_INFO tells of a connection that Fast Open made (TCPI_OPT_TFO_CHILD)",
    ),
)
