"""Rows of the table of eras about mechanisms that are gone: field, values, release, source, what it means.

:mod:`netemu.stack.eras` makes differences of them. Each has a file of its own, named as its function in the kernel was.
"""

from __future__ import annotations

_OFF, _ON = False, True
_INPUT = "net/ipv4/tcp_input.c: "

ROWS: tuple[tuple[str, tuple[bool, bool, bool, bool, bool, bool], str, str, str], ...] = (
    (
        "rate_halving",
        (_ON, _ON, _OFF, _OFF, _OFF, _OFF),
        "3.2 (a262f0cdf1f2)",
        _INPUT + "tcp_cwnd_down",
        "a reduction takes a segment from the window for every second ACK, not in proportion to deliveries (PRR)",
    ),
    (
        "cwnd_moderated",
        (_ON, _ON, _ON, _OFF, _OFF, _OFF),
        "after 3.10, before 5.10 (read in both)",
        _INPUT + "tcp_moderate_cwnd",
        "outside Open the window is never more above what is in flight than the path is known to reorder",
    ),
    (
        "fack",
        (_ON, _ON, _ON, _OFF, _OFF, _OFF),
        "4.15 (713bafea9292)",
        _INPUT + "tcp_update_scoreboard, tcp_mark_lost_retrans",
        "all below the highest SACKed segment but the last three is lost (tcp_fack), until the path reorders",
    ),
    (
        "prequeue",
        (_ON, _ON, _ON, _OFF, _OFF, _OFF),
        "4.14 (e7942d0633c4)",
        "net/ipv4/tcp.c: tcp_recvmsg; net/ipv4/tcp_ipv4.c: tcp_prequeue",
        "a segment for a reader that sleeps in recv() is processed by him, straight into his buffer (tcp_low_latency)",
    ),
)
