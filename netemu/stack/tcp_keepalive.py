"""Keepalive, and the end of an orphan in FIN-WAIT-2: the timer ``sk_timer`` (net/ipv4/tcp_timer.c, 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_close, tcp_minisocks, tcp_send, tcp_timeout
from netemu.stack.jiffies import msecs_to_jiffies
from netemu.stack.sock import (
    TCP_CLOSE,
    TCP_FIN_WAIT2,
    TCP_LISTEN,
    TCP_SYN_SENT,
    tcp_mstamp_refresh,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def inet_csk_reset_keepalive_timer(sk: TcpSock, length: int) -> None:
    """Arm ``sk_timer`` in ``length`` jiffies (7.2: tcp_reset_keepalive_timer)."""
    sk.net.timers.mod_timer(sk.sk_timer, sk.net.jiffies + length)


def inet_csk_delete_keepalive_timer(sk: TcpSock) -> None:
    """Stop ``sk_timer``."""
    sk.net.timers.del_timer(sk.sk_timer)


def tcp_set_keepalive(sk: TcpSock, val: bool) -> None:
    """SO_KEEPALIVE was set to ``val``; ``sk_keepopen`` still has the old value."""
    if sk.sk_state in (TCP_CLOSE, TCP_LISTEN):
        return
    if val and not sk.sk_keepopen:
        inet_csk_reset_keepalive_timer(sk, keepalive_time_when(sk))
    elif not val:
        inet_csk_delete_keepalive_timer(sk)


def keepalive_time_when(sk: TcpSock) -> int:
    """Jiffies of silence before the first probe: TCP_KEEPIDLE or the sysctl (include/net/tcp.h)."""
    return sk.keepalive_time or sk.net.sysctl.tcp_keepalive_time * sk.net.profile.hz


def keepalive_intvl_when(sk: TcpSock) -> int:
    """Jiffies between probes: TCP_KEEPINTVL or the sysctl."""
    return sk.keepalive_intvl or sk.net.sysctl.tcp_keepalive_intvl * sk.net.profile.hz


def keepalive_probes(sk: TcpSock) -> int:
    """Unanswered probes that end the connection: TCP_KEEPCNT or the sysctl."""
    return sk.keepalive_probes or sk.net.sysctl.tcp_keepalive_probes


def keepalive_time_elapsed(sk: TcpSock) -> int:
    """Jiffies since the peer was heard last, with data or with an ACK."""
    now = sk.net.jiffies
    return min(now - sk.ack_lrcvtime, now - sk.rcv_tstamp)


def tcp_fin_time(sk: TcpSock) -> int:
    """Jiffies that FIN-WAIT-2 lasts: TCP_LINGER2 or the sysctl, but 3.5 RTO at least (include/net/tcp.h)."""
    fin_timeout = sk.linger2 or sk.net.sysctl.tcp_fin_timeout * sk.net.profile.hz
    return max(fin_timeout, (sk.icsk_rto << 2) - (sk.icsk_rto >> 1))


def tcp_keepalive_timer(sk: TcpSock) -> None:
    """``sk_timer`` fired: end FIN-WAIT-2, or probe a silent peer, or give it up."""
    hz = sk.net.profile.hz
    if sk.sk_owned:
        inet_csk_reset_keepalive_timer(sk, hz // 20)
        return
    tcp_mstamp_refresh(sk)
    if sk.sk_state == TCP_FIN_WAIT2 and sk.sk_dead:
        _end_fin_wait2(sk)
    elif sk.sk_keepopen and sk.sk_state not in (TCP_CLOSE, TCP_SYN_SENT, TCP_LISTEN):
        elapsed = _probe(sk)
        if elapsed is not None:
            inet_csk_reset_keepalive_timer(sk, elapsed)


def _end_fin_wait2(sk: TcpSock) -> None:
    """The peer's FIN does not come: what is left of the time goes on as a time-wait socket, or the peer is reset."""
    if sk.linger2 >= 0:
        tmo = tcp_fin_time(sk) - tcp_timeout.TCP_TIMEWAIT_LEN_SEC * sk.net.profile.hz
        if tmo > 0:
            tcp_minisocks.tcp_time_wait(sk, TCP_FIN_WAIT2, tmo)
            return
    tcp_send.tcp_send_active_reset(sk)
    tcp_close.tcp_done(sk)


def _probe(sk: TcpSock) -> int | None:
    """Probe if the peer has been silent for long enough; jiffies until the next look, None when it was given up."""
    if sk.packets_out or sk.sk_write_queue.head is not None:
        return keepalive_time_when(sk)  # data in flight proves it by its own timers
    elapsed = keepalive_time_elapsed(sk)
    if elapsed < keepalive_time_when(sk):
        return keepalive_time_when(sk) - elapsed
    if sk.icsk_user_timeout:
        user_timeout = msecs_to_jiffies(sk.icsk_user_timeout, sk.net.profile.hz)
        over = elapsed >= user_timeout and sk.icsk_probes_out > 0
    else:
        over = sk.icsk_probes_out >= keepalive_probes(sk)
    if over:
        tcp_send.tcp_send_active_reset(sk)
        tcp_timeout.tcp_write_err(sk)
        return None
    if tcp_send.tcp_write_wakeup(sk, "TCPKeepAlive") <= 0:
        sk.icsk_probes_out += 1
        return keepalive_intvl_when(sk)
    return sk.net.profile.hz // 2  # refused by this host itself: try again soon
