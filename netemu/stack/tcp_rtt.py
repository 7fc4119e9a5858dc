"""The estimates of round-trip time and of the retransmission timeout that is made of it (net/ipv4/tcp_input.c).

``srtt_us`` is eight times the smoothed RTT, ``mdev_us`` four times the mean deviation, as Jacobson scaled them.
``rttvar_us`` is the variance term of the RTO: never below the RTO's floor, so that RTO = srtt + max(200 ms, 4 rttvar),
where RFC 6298 (2.4) bounds the RTO itself by a second.
"""
# ruff: noqa: PLR0917 (functions take and decide what the kernel's of that name do)

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_rmem
from netemu.stack.cong import RateSample
from netemu.stack.jiffies import usecs_to_jiffies
from netemu.stack.tcp_h import FLAG_ACK_MAYBE_DELAYED, FLAG_ACKED, FLAG_SYN_ACKED, tcp_rto_min_us

if TYPE_CHECKING:
    from netemu.stack.request_sock import RequestSock
    from netemu.stack.sock import TcpSock


def tcp_rtt_estimator(sk: TcpSock, mrtt_us: int) -> None:
    """Take one measurement into the smoothed RTT and its deviation (RFC 6298 section 2, in Linux's own way).

    The deviation follows a falling RTT at an eighth of the gain, so that the RTO does not rise because the path became
    faster; and the variance term falls at most once a round trip.
    """
    unit = sk.net.rtt_unit_us
    if unit == 1:
        _estimate(sk, mrtt_us, tcp_rto_min_us(sk))
        return
    # Before 3.15 all of it was in jiffies.
    sk.srtt_us, sk.mdev_us = sk.srtt_us // unit, sk.mdev_us // unit
    sk.rttvar_us, sk.mdev_max_us = sk.rttvar_us // unit, sk.mdev_max_us // unit
    _estimate(sk, max(1, mrtt_us // unit), sk.icsk_rto_min)
    sk.srtt_us, sk.mdev_us = sk.srtt_us * unit, sk.mdev_us * unit
    sk.rttvar_us, sk.mdev_max_us = sk.rttvar_us * unit, sk.mdev_max_us * unit


def _estimate(sk: TcpSock, mrtt: int, rto_min: int) -> None:
    """The same in any unit of time, which all the estimates are in."""
    srtt = sk.srtt_us
    if srtt == 0:
        sk.srtt_us = max(1, mrtt << 3)
        sk.mdev_us = mrtt << 1
        sk.rttvar_us = sk.mdev_max_us = max(sk.mdev_us, rto_min)
        sk.rtt_seq = sk.snd_nxt
        return
    error = mrtt - (srtt >> 3)
    srtt += error
    if error < 0:
        error = -error - (sk.mdev_us >> 2)
        if error > 0:
            error >>= 3
    else:
        error -= sk.mdev_us >> 2
    sk.mdev_us += error
    if sk.mdev_us > sk.mdev_max_us:
        sk.mdev_max_us = sk.mdev_us
        sk.rttvar_us = max(sk.rttvar_us, sk.mdev_max_us)
    if sk.snd_una > sk.rtt_seq:
        if sk.mdev_max_us < sk.rttvar_us:
            sk.rttvar_us -= (sk.rttvar_us - sk.mdev_max_us) >> 2
        sk.rtt_seq = sk.snd_nxt
        sk.mdev_max_us = rto_min
    sk.srtt_us = max(1, srtt)


def __tcp_set_rto(sk: TcpSock) -> int:
    """The RTO that the estimates make, in jiffies, without back-off and unbounded (include/net/tcp.h)."""
    unit = sk.net.rtt_unit_us
    if unit != 1:
        return (sk.srtt_us // unit >> 3) + sk.rttvar_us // unit
    return usecs_to_jiffies((sk.srtt_us >> 3) + sk.rttvar_us, sk.net.profile.hz)


def tcp_set_rto(sk: TcpSock) -> None:
    """Set the RTO from the estimates, at most ``icsk_rto_max``."""
    sk.icsk_rto = min(__tcp_set_rto(sk), sk.icsk_rto_max)


def tcp_update_rtt_min(sk: TcpSock, rtt_us: int, flag: int) -> None:
    """Keep the smallest RTT of the last ``tcp_min_rtt_wlen`` seconds; one that may be a delayed ACK does not count."""
    if flag & FLAG_ACK_MAYBE_DELAYED and rtt_us > sk.rtt_min_us:
        return
    hz = sk.net.profile.hz
    window = sk.net.sysctl.tcp_min_rtt_wlen * hz
    sk.rtt_min_us = sk.rtt_min.running(window, sk.net.jiffies, rtt_us or 1_000_000 // hz)


def tcp_ack_update_rtt(
    sk: TcpSock, flag: int, seq_rtt_us: int, sack_rtt_us: int, ca_rtt_us: int, rs: RateSample
) -> bool:
    """Take the RTT of one ACK in, whether there was one (-1 where there is none).

    The time since sending is preferred to the timestamp's echo: it is finer and nobody on the path can change it. Karn:
    nothing is measured on retransmitted data, but an echo may tell which transmission arrived.
    """
    echoed = sk.saw_tstamp and sk.rcv_tsecr != 0 and flag & FLAG_ACKED != 0
    if seq_rtt_us < 0:
        seq_rtt_us = sack_rtt_us
    if echoed and sk.net.profile.rtt_prefers_echo:
        seq_rtt_us = tcp_rmem.tcp_rtt_tsopt_us(sk, 1)
    elif seq_rtt_us < 0 and echoed:
        seq_rtt_us = ca_rtt_us = tcp_rmem.tcp_rtt_tsopt_us(sk, 1)
    rs.rtt_us = ca_rtt_us
    if seq_rtt_us < 0:
        return False
    if ca_rtt_us >= 0:  # always so, but where an echo is preferred: what was sent again has that one alone
        tcp_update_rtt_min(sk, ca_rtt_us, flag)
    tcp_rtt_estimator(sk, seq_rtt_us)
    tcp_set_rto(sk)
    sk.icsk_backoff = 0
    return True


def tcp_synack_rtt_meas(sk: TcpSock, req: RequestSock | None) -> None:
    """The RTT of a passive open, from the SYN-ACK to the ACK that arrives now; none when it was sent more than once."""
    rtt_us = -1
    if req is not None and not req.num_retrans and req.snt_synack:
        rtt_us = max(0, sk.net.now_ns // 1000 - req.snt_synack)
    tcp_ack_update_rtt(sk, FLAG_SYN_ACKED, rtt_us, -1, rtt_us, RateSample())
