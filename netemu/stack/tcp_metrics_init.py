"""Where a transfer starts from: first RTO and congestion window (net/ipv4/tcp_metrics.c, tcp_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_metrics
from netemu.stack.sock import TCP_INFINITE_SSTHRESH

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_TIMEOUT_FALLBACK_S = 3
_ETHERNET_MSS, _SMALL_MSS = 1460, 1095


def tcp_init_metrics(sk: TcpSock) -> None:
    """Forget what the handshake did to ssthresh, and start from what earlier connections left.

    A longer RTT than the handshake's sets the first RTO. Without any, because a SYN was sent again or a cookie used,
    that is three seconds (RFC 6298 section 5.7).
    """
    sk.snd_ssthresh = TCP_INFINITE_SSTHRESH
    hz = sk.net.profile.hz
    cached_rtt = 0
    known = tcp_metrics.tcp_get_metrics(sk.net, sk.inet_saddr, sk.inet_daddr)
    if known is not None:
        if known.ssthresh and not sk.net.sysctl.tcp_no_ssthresh_metrics_save:
            sk.snd_ssthresh = min(known.ssthresh, sk.snd_cwnd_clamp)
        if known.reordering:
            sk.reordering = known.reordering
        cached_rtt = known.rtt
    if cached_rtt > sk.srtt_us:
        rtt = cached_rtt // (8 * 1_000_000 // hz)
        sk.icsk_rto = rtt + max(2 * rtt, sk.icsk_rto_min)
    elif not sk.srtt_us:
        sk.rttvar_us = sk.mdev_us = sk.mdev_max_us = TCP_TIMEOUT_FALLBACK_S * 1_000_000
        sk.icsk_rto = TCP_TIMEOUT_FALLBACK_S * hz


def tcp_init_cwnd(sk: TcpSock) -> int:
    """The initial window: ten segments (RFC 6928), or what the era had: two to four by the MSS (RFC 3390)."""
    cwnd = sk.net.profile.tcp_init_cwnd
    if not cwnd:
        cwnd = 2 if sk.mss_cache > _ETHERNET_MSS else 3 if sk.mss_cache > _SMALL_MSS else 4
    return min(cwnd, sk.snd_cwnd_clamp)
