"""Kernels between two eras: in which rows of the table they are as the older one, and in which as the newer.

Read in Linux 6.1.176, function by function as the rows name them.
"""

from __future__ import annotations

import msgspec


class Between(msgspec.Struct, frozen=True):
    """``name`` is as the era ``newer``, but in the rows of ``as_older`` as ``older``.

    ``backported``: rows in which it is as the newer although its number is too low: its stable releases have them.
    """

    name: str
    release: str
    older: str
    newer: str
    as_older: frozenset[str]
    backported: frozenset[str]


BETWEEN: tuple[Between, ...] = (
    Between(
        "linux-6.1",
        "6.1",
        "linux-5.10",
        "linux-6",
        frozenset(
            (
                "ato_limited_by_delack_max", "backlog_ack_deferred", "bare_fin_in_zero_window",
                "fin_ignores_cwnd", "first_window_beyond_16_bits", "grows_first_skb", "net.tcp_syn_linear_timeouts",
                "paws_replay_hz", "probe_of_pages", "prunes_only_behind",
                "rcv_mss_by_ofo", "rcv_rtt_no_minimum", "rcv_space_less_queue", "request_rst_challenge",
                "skb_small_heads", "win_by_scaling_ratio", "zero_window_believed", "zero_window_without_memory",
            )
        ),
        frozenset(("crossed_synack_accepted", "retrans_stamp_renewed")),
    ),
)  # fmt: skip
