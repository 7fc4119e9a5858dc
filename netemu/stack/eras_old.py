"""Rows of the table of eras about mechanisms that are gone: field, values, release, source, what it means.

:mod:`netemu.stack.eras` makes differences of them. Each has a file of its own, named as its function in the kernel was.
"""

from __future__ import annotations

_OFF, _ON = False, True
_INPUT = "net/ipv4/tcp_input.c: "

ROWS: tuple[
    tuple[str, tuple[int | None, int | None, int | None, int | None, int | None, int | None], str, str, str], ...
] = (
    (
        "rate_halving",
        (_ON, _ON, _OFF, _OFF, _OFF, _OFF),
        "3.2 (a262f0cdf1f2)",
        _INPUT + "tcp_cwnd_down",
        "a reduction takes a segment from the window for every second ACK, not in proportion to deliveries (PRR)",
    ),
    (
        "frto_before_loss",
        (_OFF, _ON, _OFF, _OFF, _OFF, _OFF),
        "2.6.24 to 3.10 (9b44190dc114)",
        _INPUT + "tcp_enter_frto, tcp_process_frto",
        "a timeout is held for a loss only when the ACKs after it say so (F-RTO of RFC 4138; since 3.10 of RFC 5682)",
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
    (
        "init_rcv_wnd",
        (4, 10, 10, 0, 0, 0),
        "2.6.38 (ten), 4.20 (a337531b942b: what the buffer holds)",
        "net/ipv4/tcp_output.c: tcp_select_initial_window",
        "segments that the window of a SYN is for, fewer of more than 1460 bytes; 0: as much as the buffer holds",
    ),
    (
        "tlp_pto_of_3_10",
        (_OFF, _OFF, _ON, _OFF, _OFF, _OFF),
        "4.13 (bb4d991a28cc)",
        "net/ipv4/tcp_output.c: tcp_schedule_loss_probe",
        "a tail-loss probe waits two round trips, 10 ms at least, and for one segment one and a half and 200 ms; in"
        " state Open alone, and never while the window and the queue have more to send",
    ),
    (
        "timestamps_in_jiffies",
        (_ON, _ON, _ON, _OFF, _OFF, _OFF),
        "4.13 (9a568de4818d)",
        "include/net/tcp.h: tcp_time_stamp",
        "the clock of the timestamps option ticks with the kernel (HZ), not each millisecond",
    ),
    (
        "timestamps_from_s",
        (0, -300, -300, None, None, None),
        "2.5 (jiffies begin 300 s before they wrap), 4.10 (95a22caee396: an offset for each peer)",
        "include/linux/jiffies.h: INITIAL_JIFFIES; net/core/secure_seq.c: secure_tcp_ts_off",
        "seconds that this clock says at boot; None: what a hash of the addresses adds",
    ),
    (
        "rtt_in_jiffies",
        (_ON, _ON, _ON, _OFF, _OFF, _OFF),
        "3.15 (740b0f1841f6)",
        _INPUT + "tcp_rtt_estimator, tcp_clean_rtx_queue",
        "the RTT is measured and smoothed in ticks of the kernel, at least one, not in microseconds",
    ),
    (
        "rtt_prefers_echo",
        (_ON, _ON, _ON, _OFF, _OFF, _OFF),
        "3.12 (5b08e47caf1f)",
        _INPUT + "tcp_ack_update_rtt",
        "the timestamp that comes back tells the RTT, of what was sent again too; the time since sending only without",
    ),
    (
        "early_retransmit",
        (_OFF, _OFF, _ON, _OFF, _OFF, _OFF),
        "3.5 (eed530b6c676) to 4.12 (bec41a11dd3d)",
        _INPUT + "tcp_time_to_recover, tcp_pause_early_retransmit",
        "of two or three segments out one less is enough of duplicates, after a quarter of the RTT (tcp_early_retrans)",
    ),
)
