"""Choosing a congestion control, and the growth that reno and others share (net/ipv4/tcp_cong.c, 7.2)."""

from __future__ import annotations

from errno import ENOENT
from typing import TYPE_CHECKING

from netemu.stack import cong, tcp_ecn, tcp_trace
from netemu.stack.sock import TCP_CLOSE, TCP_LISTEN, TCP_CA_Open
from netemu.stack.task import KernelError

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_set_ca_state(sk: TcpSock, ca_state: int) -> None:
    """Enter ``ca_state`` (a TCP_CA_*), after telling the control."""
    tcp_trace.trace_tcp_cong_state_set(sk, ca_state)
    sk.icsk_ca_ops.set_state(sk, ca_state)
    sk.icsk_ca_state = ca_state


def tcp_assign_congestion_control(sk: TcpSock) -> None:
    """Give a new socket the control of ``net.ipv4.tcp_congestion_control``."""
    ops = cong.tcp_ca_find(sk.net.sysctl.tcp_congestion_control)
    assert ops is not None, f"no congestion control {sk.net.sysctl.tcp_congestion_control!r}"
    sk.icsk_ca_ops = ops
    sk.icsk_ca_priv = ops.ca_priv()
    _mark_ecn(sk)


def tcp_init_congestion_control(sk: TcpSock) -> None:
    """Begin: the connection is established, or has changed its control."""
    sk.prior_ssthresh = 0
    sk.icsk_ca_ops.init(sk)
    _mark_ecn(sk)
    sk.icsk_ca_initialized = True


def tcp_cleanup_congestion_control(sk: TcpSock) -> None:
    """End: the socket is closed, or changes its control. Before 7.0 even one that had not begun was released."""
    if sk.icsk_ca_initialized or sk.net.profile.ca_releases_uninitialized:
        sk.icsk_ca_ops.release(sk)
    sk.icsk_ca_initialized = False


def tcp_ca_openreq_child(child: TcpSock, listener: TcpSock) -> None:
    """A connection that was accepted has the control that its listener was given, or the sysctl's (tcp_minisocks.c)."""
    if listener.icsk_ca_setsockopt:
        child.icsk_ca_setsockopt = True
        child.icsk_ca_ops = listener.icsk_ca_ops
        child.icsk_ca_priv = child.icsk_ca_ops.ca_priv()
    tcp_set_ca_state(child, TCP_CA_Open)


def tcp_set_congestion_control(sk: TcpSock, name: str) -> None:
    """setsockopt(TCP_CONGESTION); KernelError(ENOENT) for a name that there is not."""
    ops = cong.tcp_ca_find(name)
    if ops is None:
        raise KernelError(ENOENT)
    sk.icsk_ca_setsockopt = True
    if ops is sk.icsk_ca_ops:
        return
    tcp_cleanup_congestion_control(sk)
    sk.icsk_ca_ops = ops
    sk.icsk_ca_priv = ops.ca_priv()
    _mark_ecn(sk)
    if sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        tcp_init_congestion_control(sk)


def _mark_ecn(sk: TcpSock) -> None:
    if sk.icsk_ca_ops.needs_ecn:
        tcp_ecn.INET_ECN_xmit(sk)
    else:
        tcp_ecn.INET_ECN_dontxmit(sk)


def tcp_is_cwnd_limited(sk: TcpSock) -> bool:
    """Whether the window is what holds the sender back, so that it may grow (include/net/tcp.h; RFC 7661).

    In slow start it may reach twice what was in flight, even when the sender does not fill it.
    """
    if sk.is_cwnd_limited:
        return True
    cwnd = sk.snd_cwnd
    return cwnd < sk.snd_ssthresh and cwnd < 2 * sk.max_packets_out


def tcp_slow_start(sk: TcpSock, acked: int) -> int:
    """Grow by what was acknowledged, up to ssthresh; the segments that are left for congestion avoidance."""
    cwnd = min(sk.snd_cwnd + acked, sk.snd_ssthresh)
    acked -= cwnd - sk.snd_cwnd
    sk.snd_cwnd = min(cwnd, sk.snd_cwnd_clamp)
    return acked


def tcp_cong_avoid_ai(sk: TcpSock, w: int, acked: int) -> None:
    """Grow by one segment for every ``w`` acknowledged, counted in ``snd_cwnd_cnt``."""
    cnt = sk.snd_cwnd_cnt
    cwnd = sk.snd_cwnd
    if cnt >= w:  # credit from when w was larger: one segment for all of it
        cnt = 0
        cwnd += 1
    cnt += acked
    if cnt >= w:
        delta = cnt // w
        cnt -= delta * w
        cwnd += delta
    sk.snd_cwnd_cnt = cnt
    sk.snd_cwnd = min(cwnd, sk.snd_cwnd_clamp)
