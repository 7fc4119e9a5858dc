"""Retransmission, probe, delayed-ACK and keepalive timers: how each is armed and what it does when it fires.

Mirrors net/ipv4/tcp_timer.c and the ``inet_csk_*_xmit_timer`` functions of include/net/inet_connection_sock.h. One
wheel timer, ``icsk_retransmit_timer``, serves four purposes, and ``icsk_pending`` says which; disarming it only clears
that word and lets the timer run out, so that arming it again for the same jiffy keeps its bucket of the wheel. When a
connection gives up stands in :mod:`netemu.stack.tcp_timeout`, keepalive in :mod:`netemu.stack.tcp_keepalive`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from netemu.stack import (
    tcp_ack_snd,
    tcp_early_retrans,
    tcp_fastopen,
    tcp_frto,
    tcp_h,
    tcp_keepalive,
    tcp_loss,
    tcp_output,
    tcp_recovery,
    tcp_retransmit,
    tcp_send,
    tcp_timeout,
    tcp_tlp,
)
from netemu.stack.jiffies import msecs_to_jiffies, usecs_to_jiffies
from netemu.stack.sock import (
    ICSK_ACK_TIMER,
    ICSK_TIME_EARLY_RETRANS,
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_PROBE0,
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    TCP_CLOSE,
    TCP_DELACK_TIMER_DEFERRED,
    TCP_ESTABLISHED,
    TCP_INFINITE_SSTHRESH,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_WRITE_TIMER_DEFERRED,
    TCP_CA_Disorder,
    TCP_CA_Loss,
    TCP_CA_Recovery,
    tcp_mstamp_refresh,
    tcp_time_stamp_ms,
    tcp_time_stamp_ts,
)
from netemu.stack.timer import Timer

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_RTO_MAX_SEC, TCP_TIMEOUT_MIN, TCP_THIN_LINEAR_RETRIES = 120, 2, 6
"""Seconds, jiffies and a count (include/net/tcp.h)."""


# ---- arming


def tcp_init_xmit_timers(sk: TcpSock) -> None:
    """Give a new socket its timers, none of them armed (tcp_timer.c)."""
    sk.icsk_retransmit_timer = Timer(partial(tcp_write_timer, sk))
    sk.icsk_delack_timer = Timer(partial(tcp_delack_timer, sk))
    sk.sk_timer = Timer(partial(tcp_keepalive.tcp_keepalive_timer, sk))
    sk.pacing_timer = Timer(partial(tcp_output.tcp_pace_kick, sk))
    sk.compressed_ack_timer = Timer(partial(tcp_ack_snd.tcp_compressed_ack_kick, sk))
    sk.icsk_pending = sk.ack_pending = 0


def tcp_clear_xmit_timers(sk: TcpSock) -> None:
    """Stop all timers of a socket that ends (include/net/tcp.h; inet_csk_clear_xmit_timers)."""
    timers = sk.net.timers
    sk.icsk_pending = sk.ack_pending = 0
    for timer in (
        sk.pacing_timer, sk.compressed_ack_timer, sk.icsk_retransmit_timer, sk.icsk_delack_timer, sk.sk_timer,
    ):  # fmt: skip
        timers.del_timer(timer)


def inet_csk_reset_xmit_timer(sk: TcpSock, what: int, when: int, max_when: int) -> None:
    """Arm ``icsk_retransmit_timer`` for ``what`` (an ICSK_TIME_*) in ``when`` jiffies, ``max_when`` at most."""
    expires = sk.net.jiffies + (when if when < max_when else max_when)
    sk.icsk_pending = what
    sk.icsk_timeout = expires
    sk.net.timers.mod_timer(sk.icsk_retransmit_timer, expires)


def inet_csk_clear_xmit_timer(sk: TcpSock) -> None:
    """Nothing is awaited any more; the timer itself runs out and finds nothing to do (what: RETRANS or PROBE0)."""
    sk.icsk_pending = 0


def inet_csk_clear_delack(sk: TcpSock) -> None:
    """No delayed ACK is owed any more (inet_csk_clear_xmit_timer for ICSK_TIME_DACK)."""
    sk.ack_pending = 0
    sk.ack_retry = 0


def inet_csk_reset_delack_timer(sk: TcpSock, expires: int) -> None:
    """Arm the delayed-ACK timer for jiffy ``expires`` (tcp_output.c, tcp_send_delayed_ack)."""
    sk.ack_timeout = expires
    sk.ack_pending |= ICSK_ACK_TIMER
    sk.net.timers.mod_timer(sk.icsk_delack_timer, expires)


def tcp_reset_xmit_timer(sk: TcpSock, what: int, when: int, pace_delay: bool) -> None:
    """Arm as above; ``pace_delay``: count from when pacing lets the next segment out (include/net/tcp.h, 7.2)."""
    if pace_delay:
        when += tcp_h.tcp_pacing_delay_jiffies(sk)
    inet_csk_reset_xmit_timer(sk, what, when, sk.icsk_rto_max)


def tcp_rearm_rto(sk: TcpSock) -> None:
    """Restart the retransmission timer, or stop it when nothing is in flight (tcp_input.c; RFC 6298 5.2, 5.3).

    When the timer served a loss probe or RACK's reordering, the time since that was armed is not given again.
    """
    if sk.fastopen_rsk is not None:
        return
    if not sk.packets_out:
        sk.icsk_pending = 0
        return
    rto = sk.icsk_rto
    if sk.icsk_pending in (ICSK_TIME_REO_TIMEOUT, ICSK_TIME_LOSS_PROBE, ICSK_TIME_EARLY_RETRANS):
        rto = usecs_to_jiffies(max(tcp_h.tcp_rto_delta_us(sk), 1), sk.net.profile.hz)
    tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, rto, True)


def tcp_probe0_base(sk: TcpSock) -> int:
    """Jiffies to the first window probe: the RTO, but 200 ms at least whatever the RTT (include/net/tcp.h)."""
    return max(sk.icsk_rto, sk.net.profile.hz // 5)


def tcp_probe0_when(sk: TcpSock, max_when: int) -> int:
    """Jiffies to the next window probe, doubled per probe up to 2**10 times (include/net/tcp.h)."""
    limit = (TCP_RTO_MAX_SEC * 5).bit_length()  # ilog2(TCP_RTO_MAX / TCP_RTO_MIN) + 1
    return min(tcp_probe0_base(sk) << min(limit, sk.icsk_backoff), max_when)


def tcp_check_probe_timer(sk: TcpSock) -> None:
    """Begin probing when nothing in flight could bring a window update (include/net/tcp.h)."""
    if not sk.packets_out and not sk.icsk_pending:
        tcp_reset_xmit_timer(sk, ICSK_TIME_PROBE0, tcp_probe0_base(sk), True)


def inet_csk_rto_backoff(sk: TcpSock, max_when: int) -> int:
    """The RTO as doubled by ``icsk_backoff``, in jiffies (include/net/inet_connection_sock.h)."""
    return min(sk.icsk_rto << sk.icsk_backoff, max_when)


def tcp_clamp_probe0_to_user_timeout(sk: TcpSock, when: int) -> int:
    """``when`` jiffies, or what TCP_USER_TIMEOUT leaves since probing began (tcp_timer.c)."""
    if not sk.icsk_user_timeout or not sk.icsk_probes_tstamp:
        return when
    elapsed = max(sk.net.jiffies - sk.icsk_probes_tstamp, 0)
    remaining = msecs_to_jiffies(sk.icsk_user_timeout, sk.net.profile.hz) - elapsed
    return min(max(remaining, TCP_TIMEOUT_MIN), when)


# ---- firing


def tcp_write_timer(sk: TcpSock) -> None:
    """``icsk_retransmit_timer`` fired; a socket in a process's hands is seen to by release_sock (tcp_timer.c)."""
    if not sk.icsk_pending:
        return
    if sk.sk_owned:
        sk.sk_tsq_flags |= TCP_WRITE_TIMER_DEFERRED
    else:
        tcp_write_timer_handler(sk)


def tcp_write_timer_handler(sk: TcpSock) -> None:
    """Do what ``icsk_pending`` says (tcp_timer.c)."""
    event = sk.icsk_pending
    if not event or sk.sk_state in (TCP_CLOSE, TCP_LISTEN):
        return
    if sk.icsk_timeout > sk.net.jiffies:
        sk.net.timers.mod_timer(sk.icsk_retransmit_timer, sk.icsk_timeout)
        return
    tcp_mstamp_refresh(sk)
    if event == ICSK_TIME_REO_TIMEOUT:
        tcp_recovery.tcp_rack_reo_timeout(sk)
    elif event == ICSK_TIME_LOSS_PROBE:
        tcp_tlp.tcp_send_loss_probe(sk)
    elif event == ICSK_TIME_EARLY_RETRANS:
        tcp_early_retrans.tcp_resume_early_retransmit(sk)
    elif event == ICSK_TIME_RETRANS:
        sk.icsk_pending = 0
        tcp_retransmit_timer(sk)
    elif event == ICSK_TIME_PROBE0:
        sk.icsk_pending = 0
        tcp_probe_timer(sk)


def tcp_retransmit_timer(sk: TcpSock) -> None:
    """The RTO has passed: give up, or take all for lost, send the first again and wait twice as long (tcp_timer.c)."""
    if sk.fastopen_rsk is not None:
        tcp_fastopen.tcp_fastopen_synack_timer(sk, sk.fastopen_rsk)
        return  # nothing else is sent again before the SYN-ACK is acknowledged
    if not sk.packets_out:
        return
    skb = sk.tcp_rtx_queue.head
    assert skb is not None
    hz = sk.net.profile.hz
    if not sk.snd_wnd and not sk.sk_dead and sk.sk_state not in (TCP_SYN_SENT, TCP_SYN_RECV):
        # The peer took its window back: what is sent again is a window probe, and does not count against the peer.
        net = sk.net
        rtx_delta_ms = tcp_time_stamp_ts(sk) - (sk.retrans_stamp or skb.skb_mstamp_ns // net.ts_tick_ns)
        rtx_delta_ms *= net.ts_tick_us // 1000
        if tcp_timeout.tcp_rtx_probe0_timed_out(sk, rtx_delta_ms):
            tcp_timeout.tcp_write_err(sk)
            return
        tcp_loss.tcp_enter_loss(sk)
        tcp_retransmit.tcp_retransmit_skb(sk, skb, 1)
    else:
        sk.net.mib.inc("TCPTimeouts")
        if tcp_timeout.tcp_write_timeout(sk):
            return
        if sk.icsk_retransmits == 0:
            _count_failure(sk)
        if tcp_frto.tcp_use_frto(sk):
            tcp_frto.tcp_enter_frto(sk)
        else:
            tcp_loss.tcp_enter_loss(sk)
        tcp_update_rto_stats(sk)
        skb = sk.tcp_rtx_queue.head
        assert skb is not None
        if tcp_retransmit.tcp_retransmit_skb(sk, skb, 1) > 0:
            # Refused by this host itself: try again soon, without doubling.
            tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, hz // 2, False)
            return
    _back_off(sk)
    tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, tcp_timeout.tcp_clamp_rto_to_user_timeout(sk), False)


def _back_off(sk: TcpSock) -> None:
    """Double the RTO, except for the first SYNs and, where asked for, thin streams (tcp_retransmit_timer's end)."""
    sysctl = sk.net.sysctl
    if (
        sk.sk_state == TCP_ESTABLISHED
        and sysctl.tcp_thin_linear_timeouts
        and tcp_stream_is_thin(sk)
        and sk.icsk_retransmits <= TCP_THIN_LINEAR_RETRIES
    ):
        sk.icsk_backoff = 0
        rto = usecs_to_jiffies((sk.srtt_us >> 3) + sk.rttvar_us, sk.net.profile.hz)
        sk.icsk_rto = min(max(rto, sk.icsk_rto_min), sk.icsk_rto_max)
    elif sk.sk_state != TCP_SYN_SENT or sk.total_rto > sysctl.tcp_syn_linear_timeouts:
        sk.icsk_backoff += 1
        sk.icsk_rto = min(sk.icsk_rto << 1, sk.icsk_rto_max)


def tcp_stream_is_thin(sk: TcpSock) -> bool:
    """Whether so little is in flight that duplicate ACKs can hardly come (include/net/tcp.h)."""
    return sk.packets_out < 4 and sk.snd_ssthresh < TCP_INFINITE_SSTHRESH


def tcp_update_rto_stats(sk: TcpSock) -> None:
    """Count a retransmission timeout (tcp_timer.c)."""
    if not sk.icsk_retransmits:
        sk.total_rto_recoveries += 1
        sk.rto_stamp = tcp_time_stamp_ms(sk)
    sk.icsk_retransmits += 1
    sk.total_rto += 1


def _count_failure(sk: TcpSock) -> None:
    """Which kind of recovery the timeout found in progress."""
    inc = sk.net.mib.inc
    kind = "Sack" if sk.sack_ok else "Reno"
    if sk.icsk_ca_state == TCP_CA_Recovery:
        inc(f"TCP{kind}RecoveryFail")
    elif sk.icsk_ca_state == TCP_CA_Loss:
        inc("TCPLossFailures")
    elif sk.icsk_ca_state == TCP_CA_Disorder or sk.sacked_out:
        inc(f"TCP{kind}Failures")


def tcp_probe_timer(sk: TcpSock) -> None:
    """Time for a window probe: give up, or send it (tcp_timer.c; RFC 1122 4.2.2.17).

    A living socket probes without end while probes are answered, since each answer clears ``icsk_probes_out``.
    """
    if sk.packets_out or sk.sk_write_queue.head is None:
        sk.icsk_probes_out = 0
        sk.icsk_probes_tstamp = 0
        return
    net = sk.net
    if not sk.icsk_probes_tstamp:
        sk.icsk_probes_tstamp = net.jiffies
    elif sk.icsk_user_timeout and net.jiffies - sk.icsk_probes_tstamp >= msecs_to_jiffies(
        sk.icsk_user_timeout, net.profile.hz
    ):
        tcp_timeout.tcp_write_err(sk)
        return
    max_probes = net.sysctl.tcp_retries2
    if sk.sk_dead:
        alive = inet_csk_rto_backoff(sk, sk.icsk_rto_max) < sk.icsk_rto_max
        max_probes = tcp_timeout.tcp_orphan_retries(sk, alive)
        if not alive and sk.icsk_backoff >= max_probes:
            tcp_timeout.tcp_write_err(sk)
            return
        if tcp_timeout.tcp_out_of_resources(sk, True):
            return
    if sk.icsk_probes_out >= max_probes:
        tcp_timeout.tcp_write_err(sk)
    else:
        tcp_send.tcp_send_probe0(sk)


def tcp_delack_timer(sk: TcpSock) -> None:
    """The delayed-ACK timer fired (tcp_timer.c); what it does is tcp_delack_timer_handler's."""
    if not sk.ack_pending & ICSK_ACK_TIMER and not sk.compressed_ack:
        return
    if sk.sk_owned:
        sk.net.mib.inc("DelayedACKLocked")
        sk.sk_tsq_flags |= TCP_DELACK_TIMER_DEFERRED
    else:
        tcp_ack_snd.tcp_delack_timer_handler(sk)


def tcp_syn_ack_timeout(sk: TcpSock) -> None:
    """A SYN-ACK of listener ``sk`` was not answered in time: count it (tcp_timer.c)."""
    sk.net.mib.inc("TCPTimeouts")
