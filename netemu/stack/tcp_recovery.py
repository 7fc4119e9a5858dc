"""Which segments are lost: by time with SACK (RACK, RFC 8985), by duplicate ACKs without (NewReno, RFC 6582).

net/ipv4/tcp_recovery.c and, since 7.0, parts of tcp_input.c. A segment is lost when one that was sent later was
delivered and a round trip plus the reordering window has passed since it was sent. That window is nothing before
reordering was seen, else a quarter of the smallest RTT, and more when D-SACKs say it was too short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_fastretrans, tcp_fragment, tcp_prr, tcp_retransmit, tcp_timer
from netemu.stack.jiffies import usecs_to_jiffies
from netemu.stack.skbuff import TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
from netemu.stack.sock import ICSK_TIME_REO_TIMEOUT, ICSK_TIME_RETRANS, TCP_CA_Recovery
from netemu.stack.tcp_h import (
    TCP_RACK_NO_DUPTHRESH,
    TCP_RACK_RECOVERY_THRESH,
    TCP_RACK_STATIC_REO_WND,
    TCP_TIMEOUT_MIN_US,
    tcp_packets_in_flight,
)

if TYPE_CHECKING:
    from netemu.stack.cong import RateSample
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock


def tcp_verify_retransmit_hint(sk: TcpSock, skb: SkBuff) -> None:
    """Let the next retransmission begin at ``skb``, which is about to be marked lost, if it comes first."""
    hint = sk.retransmit_skb_hint
    if (hint is None and sk.retrans_out >= sk.lost_out) or (hint is not None and skb.seq < hint.seq):
        sk.retransmit_skb_hint = skb


def tcp_mark_skb_lost(sk: TcpSock, skb: SkBuff) -> None:
    """Mark a segment lost, or its retransmission when it was already; one that was SACKed stays as it is."""
    sacked = skb.sacked
    if sacked & TCPCB_SACKED_ACKED:
        return
    tcp_verify_retransmit_hint(sk, skb)
    pcount = skb.tcp_gso_segs
    if not sacked & TCPCB_LOST:
        sk.lost_out += pcount
        skb.sacked = sacked | TCPCB_LOST
        sk.lost += pcount
    elif sacked & TCPCB_SACKED_RETRANS:
        skb.sacked = sacked & ~TCPCB_SACKED_RETRANS
        sk.retrans_out -= pcount
        sk.net.mib.inc("TCPLostRetransmit", pcount)
        sk.lost += pcount


def tcp_rack_reo_wnd(sk: TcpSock) -> int:
    """How long a segment may be late before it is lost, us."""
    if not sk.reord_seen:
        if sk.icsk_ca_state >= TCP_CA_Recovery:
            return 0
        if sk.sacked_out >= sk.reordering and not sk.net.sysctl.tcp_recovery & TCP_RACK_NO_DUPTHRESH:
            return 0
    return min((sk.rtt_min_us >> 2) * sk.rack_reo_wnd_steps, sk.srtt_us >> 3)


def tcp_rack_skb_timeout(sk: TcpSock, skb: SkBuff, reo_wnd: int) -> int:
    """How long a segment may still take before it is lost, us; not above 0 when it is."""
    return sk.rack_rtt_us + reo_wnd - max(0, sk.tcp_mstamp - skb.skb_mstamp_ns // 1000)


def tcp_rack_detect_loss(sk: TcpSock) -> int:
    """Mark lost what was sent before the newest delivery and is overdue; the longest wait of the rest, us, or 0."""
    reo_timeout = 0
    deadline = sk.rack_rtt_us + tcp_rack_reo_wnd(sk)
    now, mstamp, end_seq = sk.tcp_mstamp, sk.rack_mstamp, sk.rack_end_seq
    for skb in sk.tsorted_sent_queue:
        if skb.sacked & (TCPCB_LOST | TCPCB_SACKED_RETRANS) == TCPCB_LOST:
            continue
        sent = skb.skb_mstamp_ns // 1000
        if mstamp < sent or (mstamp == sent and end_seq <= skb.end_seq):
            break
        remaining = deadline - max(0, now - sent)
        if remaining <= 0:
            tcp_mark_skb_lost(sk, skb)
            sk.tsorted_sent_queue.unlink(skb)
        elif remaining > reo_timeout:
            reo_timeout = remaining
    return reo_timeout


def tcp_rack_mark_lost(sk: TcpSock) -> bool:
    """Detect losses if anything was delivered since the last time; whether the reordering timer was set."""
    if not sk.rack_advanced:
        return False
    sk.rack_advanced = False
    timeout_us = tcp_rack_detect_loss(sk)
    if not timeout_us:
        return False
    timeout = usecs_to_jiffies(timeout_us + TCP_TIMEOUT_MIN_US, sk.net.profile.hz)
    tcp_timer.inet_csk_reset_xmit_timer(sk, ICSK_TIME_REO_TIMEOUT, timeout, sk.icsk_rto)
    return True


def tcp_rack_reo_timeout(sk: TcpSock) -> None:
    """The reordering window has passed: what is overdue now is lost and sent again."""
    prior_in_flight = tcp_packets_in_flight(sk)
    lost = sk.lost
    tcp_rack_detect_loss(sk)
    if prior_in_flight != tcp_packets_in_flight(sk):
        if sk.icsk_ca_state != TCP_CA_Recovery:
            tcp_fastretrans.tcp_enter_recovery(sk, False)
            if not sk.icsk_ca_ops.has_cong_control:
                tcp_prr.tcp_cwnd_reduction(sk, 1, sk.lost - lost, 0)
        tcp_retransmit.tcp_xmit_retransmit_queue(sk)
    if sk.icsk_pending != ICSK_TIME_RETRANS:
        tcp_timer.tcp_rearm_rto(sk)


def tcp_rack_advance(sk: TcpSock, sacked: int, end_seq: int, xmit_time_us: int) -> None:
    """Note a delivery: what was sent before it is late from now on. ``sacked``: the segment's bits before the ACK.

    One that came too soon after its retransmission was the original: it tells nothing (RFC 8985 section 6.2 step 2).
    """
    rtt_us = max(0, sk.tcp_mstamp - xmit_time_us)
    if rtt_us < sk.rtt_min_us and sacked & TCPCB_RETRANS:
        return
    sk.rack_advanced = True
    sk.rack_rtt_us = rtt_us
    if xmit_time_us > sk.rack_mstamp or (xmit_time_us == sk.rack_mstamp and end_seq > sk.rack_end_seq):
        sk.rack_mstamp = xmit_time_us
        sk.rack_end_seq = end_seq


def tcp_rack_update_reo_wnd(sk: TcpSock, rs: RateSample) -> None:
    """Widen the reordering window by min_rtt/4 when D-SACKs came, at most once per round trip; back to the least after
    16 recoveries without."""
    if sk.net.sysctl.tcp_recovery & TCP_RACK_STATIC_REO_WND or not rs.prior_delivered:
        return
    if rs.prior_delivered < sk.rack_last_delivered:
        sk.rack_dsack_seen = False
    if sk.rack_dsack_seen:
        sk.rack_reo_wnd_steps = min(0xFF, sk.rack_reo_wnd_steps + 1)
        sk.rack_dsack_seen = False
        sk.rack_last_delivered = sk.delivered
        sk.rack_reo_wnd_persist = TCP_RACK_RECOVERY_THRESH
    elif not sk.rack_reo_wnd_persist:
        sk.rack_reo_wnd_steps = 1


def tcp_newreno_mark_lost(sk: TcpSock, snd_una_advanced: bool) -> None:
    """Without SACK: the first segment is lost after three duplicate ACKs, and after each partial ACK of a recovery."""
    state = sk.icsk_ca_state
    if not (
        (state < TCP_CA_Recovery and sk.sacked_out >= sk.reordering) or (state == TCP_CA_Recovery and snd_una_advanced)
    ):
        return
    skb = sk.tcp_rtx_queue.head
    assert skb is not None
    if skb.sacked & TCPCB_LOST:
        return
    mss = skb.gso_size
    if skb.tcp_gso_segs > 1 and len(skb.data) > mss:
        tcp_fragment.tcp_fragment(sk, tcp_fragment.TCP_FRAG_IN_RTX_QUEUE, skb, mss, mss)
    tcp_mark_skb_lost(sk, skb)
