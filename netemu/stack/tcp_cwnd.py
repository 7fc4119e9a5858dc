"""Whether the congestion window is used, and what becomes of one that is not (RFC 2861; net/ipv4/tcp_output.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_cong, tcp_metrics_init
from netemu.stack.cong import CA_EVENT_CWND_RESTART
from netemu.stack.sock import TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_CA_Open
from netemu.stack.tcp_chrono import TCP_CHRONO_SNDBUF_LIMITED, tcp_chrono_start
from netemu.stack.tcp_h import tcp_current_ssthresh

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_cwnd_validate(sk: TcpSock, is_cwnd_limited: bool) -> None:
    """Note after sending whether the window was full; shrink one that was not for a whole RTO."""
    if (
        is_cwnd_limited
        or sk.snd_una >= sk.cwnd_usage_seq
        or (not sk.is_cwnd_limited and sk.packets_out > sk.max_packets_out)
    ):
        sk.is_cwnd_limited = is_cwnd_limited
        sk.max_packets_out = sk.packets_out
        sk.cwnd_usage_seq = sk.snd_nxt
    if sk.is_cwnd_limited or tcp_cong.tcp_is_cwnd_limited(sk):
        sk.snd_cwnd_used = 0
        sk.snd_cwnd_stamp = sk.net.timers.jiffies
        return
    sk.snd_cwnd_used = max(sk.snd_cwnd_used, sk.packets_out)
    if (
        sk.net.sysctl.tcp_slow_start_after_idle
        and sk.net.timers.jiffies - sk.snd_cwnd_stamp >= sk.icsk_rto
        and not sk.icsk_ca_ops.has_cong_control
    ):
        tcp_cwnd_application_limited(sk)
    # Everything was sent, the window had room, and the writer sleeps: its buffer is too small.
    if sk.sk_nospace and sk.sk_write_queue.head is None and sk.sk_state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT):
        tcp_chrono_start(sk, TCP_CHRONO_SNDBUF_LIMITED)


def tcp_cwnd_application_limited(sk: TcpSock) -> None:
    """Halve the way from the window to what was used of it, unless the send buffer was the limit."""
    if sk.icsk_ca_state == TCP_CA_Open and not sk.sk_dead and not sk.sk_nospace:
        win_used = max(sk.snd_cwnd_used, tcp_metrics_init.tcp_init_cwnd(sk))
        if win_used < sk.snd_cwnd:
            sk.snd_ssthresh = tcp_current_ssthresh(sk)
            sk.snd_cwnd = (sk.snd_cwnd + win_used) >> 1
        sk.snd_cwnd_used = 0
    sk.snd_cwnd_stamp = sk.net.jiffies


def tcp_slow_start_after_idle_check(sk: TcpSock) -> None:
    """Data after an idle RTO begins with a smaller window (include/net/tcp.h)."""
    if sk.packets_out or not sk.net.sysctl.tcp_slow_start_after_idle or sk.icsk_ca_ops.has_cong_control:
        return
    idle = sk.net.timers.jiffies - sk.lsndtime
    if idle > sk.icsk_rto:
        tcp_cwnd_restart(sk, idle)


def tcp_cwnd_restart(sk: TcpSock, idle: int) -> None:
    """Halve the window once per RTO of idleness, down to the initial one; ssthresh remembers it."""
    sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_CWND_RESTART)
    sk.snd_ssthresh = tcp_current_ssthresh(sk)
    cwnd = sk.snd_cwnd
    restart_cwnd = min(tcp_metrics_init.tcp_init_cwnd(sk), cwnd)
    idle -= sk.icsk_rto
    while idle > 0 and cwnd > restart_cwnd:
        cwnd >>= 1
        idle -= sk.icsk_rto
    sk.snd_cwnd = max(cwnd, restart_cwnd)
    sk.snd_cwnd_stamp = sk.net.jiffies
    sk.snd_cwnd_used = 0
