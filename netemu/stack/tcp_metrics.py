"""What earlier connections to the same address taught: RTT, ssthresh and reordering (net/ipv4/tcp_metrics.c).

A connection that ends in an orderly way leaves them; the next one between the same two addresses takes its first RTO
and its reordering degree from them (ssthresh only where ``tcp_no_ssthresh_metrics_save`` is off). They are good for an
hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.sock import TCP_INFINITE_SSTHRESH, TCP_CA_Open

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack
    from netemu.stack.tcp_fastopen_h import FastopenCookie

TCP_METRICS_TIMEOUT_S = 3600


class TcpMetrics:
    """``struct tcp_metrics_block``. ``rtt``: eight times the smoothed RTT in us, as ``srtt_us``; 0: unknown."""

    __slots__ = (
        "fopen_cookie", "fopen_exp", "fopen_mss", "fopen_syn_loss", "fopen_try_exp", "reordering", "rtt", "ssthresh",
        "stamp",
    )  # fmt: skip

    def __init__(self, stamp: int) -> None:
        self.rtt = self.ssthresh = self.reordering = 0
        self.stamp = stamp
        self.fopen_mss = self.fopen_syn_loss = self.fopen_try_exp = 0
        self.fopen_cookie, self.fopen_exp = b"", False


def tcp_get_metrics(net: LinuxStack, saddr: str, daddr: str) -> TcpMetrics | None:
    """What is known of the path between two addresses; None: nothing, or it is too old."""
    known = net.tcp_metrics.get((saddr, daddr))
    if known is not None and net.jiffies > known.stamp + TCP_METRICS_TIMEOUT_S * net.profile.hz:
        # What belongs to Fast Open stays.
        known.rtt = known.ssthresh = known.reordering = 0
        known.stamp = net.jiffies
    return known


def tcp_peer_is_proven(net: LinuxStack, saddr: str, daddr: str) -> bool:
    """Whether an earlier connection with this peer measured an RTT: then its address is not forged."""
    known = tcp_get_metrics(net, saddr, daddr)
    return known is not None and known.rtt != 0


def tcp_update_metrics(sk: TcpSock) -> None:
    """Leave what this connection learned, as it ends. One that is still backing off has nothing to tell."""
    net = sk.net
    sysctl = net.sysctl
    if sysctl.tcp_no_metrics_save:
        return
    known = tcp_get_metrics(net, sk.inet_saddr, sk.inet_daddr)
    if sk.icsk_backoff or not sk.srtt_us:
        if known is not None:
            known.rtt = 0
        return
    if known is None:
        known = net.tcp_metrics[sk.inet_saddr, sk.inet_daddr] = TcpMetrics(net.jiffies)
    # A longer RTT is believed at once, a shorter one by an eighth: too long an RTO does less harm than too short a one.
    surplus = known.rtt - sk.srtt_us
    known.rtt = sk.srtt_us if surplus <= 0 else known.rtt - (surplus >> 3)
    _update_window(sk, known, not sysctl.tcp_no_ssthresh_metrics_save)
    known.stamp = net.jiffies


def tcp_fastopen_cache_set(sk: TcpSock, mss: int, cookie: FastopenCookie, syn_lost: bool, try_exp: int) -> None:
    """What a SYN-ACK told of the server: its MSS, a cookie, or that the option came to nothing."""
    net, ends = sk.net, (sk.inet_saddr, sk.inet_daddr)
    known = tcp_get_metrics(net, *ends)
    if known is None:
        known = net.tcp_metrics[ends] = TcpMetrics(net.jiffies)
    known.fopen_mss = mss or known.fopen_mss
    if cookie.value:
        known.fopen_cookie, known.fopen_exp = cookie.value, cookie.exp
    elif try_exp > known.fopen_try_exp and not known.fopen_cookie and not known.fopen_exp:
        known.fopen_try_exp = try_exp
    known.fopen_syn_loss = known.fopen_syn_loss + 1 if syn_lost else 0


def _update_window(sk: TcpSock, known: TcpMetrics, save_ssthresh: bool) -> None:
    """ssthresh and reordering, by how far the window had come."""
    cwnd, ssthresh = sk.snd_cwnd, sk.snd_ssthresh
    if ssthresh >= TCP_INFINITE_SSTHRESH:
        if save_ssthresh and known.ssthresh and cwnd >> 1 > known.ssthresh:
            known.ssthresh = cwnd >> 1
    elif cwnd >= ssthresh and sk.icsk_ca_state == TCP_CA_Open:
        if save_ssthresh:
            known.ssthresh = max(cwnd >> 1, ssthresh)
    else:
        if save_ssthresh and known.ssthresh and ssthresh > known.ssthresh:
            known.ssthresh = ssthresh
        if known.reordering < sk.reordering != sk.net.sysctl.tcp_reordering:
            known.reordering = sk.reordering
