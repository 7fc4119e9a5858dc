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
)
