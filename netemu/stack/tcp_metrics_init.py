"""Where a transfer starts from: first RTO and congestion window (net/ipv4/tcp_metrics.c, tcp_input.c).

The kernel's cache of earlier connections' metrics per destination is not modelled: see LIMITATIONS.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.sock import TCP_INFINITE_SSTHRESH

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_TIMEOUT_FALLBACK_S = 3


def tcp_init_metrics(sk: TcpSock) -> None:
    """Forget what the handshake did to ssthresh; without an RTT of the handshake, because a SYN was sent again or a
    cookie used, start from an RTO of three seconds (RFC 6298 section 5.7)."""
    sk.snd_ssthresh = TCP_INFINITE_SSTHRESH
    if not sk.srtt_us:
        sk.rttvar_us = sk.mdev_us = sk.mdev_max_us = TCP_TIMEOUT_FALLBACK_S * 1_000_000
        sk.icsk_rto = TCP_TIMEOUT_FALLBACK_S * sk.net.profile.hz


def tcp_init_cwnd(sk: TcpSock) -> int:
    """The initial window: ten segments (RFC 6928), or what the era had."""
    return min(sk.net.profile.tcp_init_cwnd, sk.snd_cwnd_clamp)


def tcp_start_cwnd(sk: TcpSock) -> None:
    """The window a transfer starts with (tcp_init_transfer): one segment when the handshake needed more than one
    retransmission and none of them is known to have been needless."""
    sk.snd_cwnd = 1 if sk.total_retrans > 1 and sk.undo_marker else tcp_init_cwnd(sk)
    sk.snd_cwnd_stamp = sk.net.jiffies
