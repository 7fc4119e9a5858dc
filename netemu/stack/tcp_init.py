"""A new TCP socket, before anything happens to it (tcp_init_sock, net/ipv4/tcp.c; inet_create, af_inet.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_cong, tcp_timer
from netemu.stack.inet_hashtables import AF_INET6
from netemu.stack.jiffies import msecs_to_jiffies, usecs_to_jiffies
from netemu.stack.sock import TcpSock

if TYPE_CHECKING:
    from netemu.stack.cong import CongestionOps
    from netemu.stack.stack import LinuxStack

TCP_MSS_DEFAULT = 536
TCP_INIT_CWND = 10
TCP_DEFAULT_SCALING_RATIO = 128  # half of a buffer, in 1/256
_UNKNOWN_RTT = 0xFFFFFFFF


def tcp_init_sock(net: LinuxStack, family: int) -> TcpSock:
    """``socket(family, SOCK_STREAM)``: a socket with the host's defaults and congestion control."""
    sysctl, hz = net.sysctl, net.profile.hz
    no_control: CongestionOps = None  # type: ignore[assignment]  # until tcp_assign_congestion_control, below
    sk = TcpSock(net, family, no_control)
    net.sockets_created += 1
    sk.sk_cookie = net.sockets_created
    net.tcp_sockets.add(sk)
    sk.pmtudisc = 0 if sysctl.ip_no_pmtu_disc else 1
    sk.ipv6only = sysctl.ipv6_bindv6only and family == AF_INET6
    tcp_timer.tcp_init_xmit_timers(sk)
    sk.icsk_rto = net.profile.timeout_init_s * hz
    sk.icsk_rto_max = msecs_to_jiffies(sysctl.tcp_rto_max_ms, hz)
    sk.icsk_rto_min = usecs_to_jiffies(sysctl.tcp_rto_min_us, hz)
    sk.icsk_delack_max = hz // 5
    sk.mdev_us = 1_000_000
    sk.rtt_min_us = _UNKNOWN_RTT
    sk.snd_cwnd = TCP_INIT_CWND
    sk.app_limited = _UNKNOWN_RTT
    sk.rate_app_limited = True
    sk.mss_cache = TCP_MSS_DEFAULT
    sk.reordering = sysctl.tcp_reordering
    tcp_cong.tcp_assign_congestion_control(sk)
    sk.sk_sndbuf = sysctl.tcp_wmem[1]
    sk.sk_rcvbuf = sysctl.tcp_rmem[1]
    sk.scaling_ratio = TCP_DEFAULT_SCALING_RATIO
    return sk
