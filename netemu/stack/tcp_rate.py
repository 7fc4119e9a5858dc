"""Delivery-rate samples: how fast the network delivered what one ACK acknowledges (net/ipv4/tcp_rate.c until 6.x, since
then in tcp_input.c, tcp_output.c and tcp.c), and the pacing rate that follows from window and RTT.

A sample spans from the ACK that was newest when a segment left to the ACK of that segment. Since ACKs may arrive
compressed, the longer of the sending and the acknowledging phase counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.skbuff import TCPCB_RETRANS, TCPCB_SACKED_ACKED

if TYPE_CHECKING:
    from netemu.stack.cong import RateSample
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

_DELIVERED_CE_MASK = (1 << 20) - 1
_SKB_TRUESIZE_1 = 576 + 192
"""SKB_TRUESIZE(1) with 64-byte cache lines: the least that a packet below TCP is charged for."""


def tcp_rate_skb_sent(sk: TcpSock, skb: SkBuff) -> None:
    """Note in a segment that leaves what was delivered until now.

    With nothing outstanding the sample begins now: before that the network had nothing to deliver.
    """
    if not sk.packets_out:
        sk.first_tx_mstamp = sk.delivered_mstamp = skb.skb_mstamp_ns // 1000
    skb.tx_first_tx_mstamp = sk.first_tx_mstamp
    skb.tx_delivered_mstamp = sk.delivered_mstamp
    skb.tx_delivered = sk.delivered
    skb.tx_delivered_ce = sk.delivered_ce
    skb.tx_is_app_limited = sk.app_limited != 0


def tcp_rate_skb_delivered(sk: TcpSock, skb: SkBuff, rs: RateSample) -> None:
    """Take a segment that was acknowledged or SACKed into the sample; of several, the one sent last counts."""
    if not skb.tx_delivered_mstamp:
        return
    tx_tstamp = skb.skb_mstamp_ns // 1000
    newest = sk.first_tx_mstamp
    if not rs.prior_delivered or tx_tstamp > newest or (tx_tstamp == newest and skb.end_seq > rs.last_end_seq):
        rs.prior_delivered_ce = skb.tx_delivered_ce
        rs.prior_delivered = skb.tx_delivered
        rs.prior_mstamp = skb.tx_delivered_mstamp
        rs.is_app_limited = skb.tx_is_app_limited
        rs.is_retrans = skb.sacked & TCPCB_RETRANS != 0
        rs.last_end_seq = skb.end_seq
        sk.first_tx_mstamp = tx_tstamp
        rs.interval_us = max(0, tx_tstamp - skb.tx_first_tx_mstamp)
    if skb.sacked & TCPCB_SACKED_ACKED:
        # It is not to be taken again when it is acknowledged cumulatively.
        skb.tx_delivered_mstamp = 0


def tcp_rate_gen(sk: TcpSock, delivered: int, lost: int, is_sack_reneg: bool, rs: RateSample) -> None:
    """Finish the sample of one ACK that delivered ``delivered`` and marked ``lost`` segments.

    Without a segment to time, or while the receiver takes SACKs back, it is invalid: ``interval_us`` is -1.
    """
    if sk.app_limited and sk.delivered > sk.app_limited:
        sk.app_limited = 0
    if delivered:
        sk.delivered_mstamp = sk.tcp_mstamp
    rs.acked_sacked = delivered
    rs.losses = lost
    if not rs.prior_mstamp or is_sack_reneg:
        rs.delivered = rs.interval_us = -1
        return
    rs.delivered = sk.delivered - rs.prior_delivered
    rs.delivered_ce = (sk.delivered_ce - rs.prior_delivered_ce) & _DELIVERED_CE_MASK
    snd_us = rs.interval_us
    ack_us = max(0, sk.tcp_mstamp - rs.prior_mstamp)
    rs.snd_interval_us = snd_us
    rs.rcv_interval_us = ack_us
    interval_us = rs.interval_us = snd_us if snd_us > ack_us else ack_us
    if interval_us < sk.rtt_min_us:
        rs.interval_us = -1
        return
    if not rs.is_app_limited or rs.delivered * sk.rate_interval_us >= sk.rate_delivered * interval_us:
        sk.rate_delivered = rs.delivered
        sk.rate_interval_us = interval_us
        sk.rate_app_limited = rs.is_app_limited


def tcp_rate_check_app_limited(sk: TcpSock) -> None:
    """Mark a gap in sending that is the application's doing: nothing to send, nothing on the way to the wire, the
    window not full, and all that was lost sent again."""
    in_flight = sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out
    if (
        sk.write_seq - sk.snd_nxt < sk.mss_cache
        and sk.sk_wmem_alloc < _SKB_TRUESIZE_1
        and in_flight < sk.snd_cwnd
        and sk.lost_out <= sk.retrans_out
    ):
        sk.app_limited = (sk.delivered + in_flight) or 1


def tcp_update_pacing_rate(sk: TcpSock) -> None:
    """``sk_pacing_rate`` as a multiple of window per RTT: twice in slow start's first half, 1.2 times later
    (tcp_input.c). It paces only where pacing was asked for, but sizes TSO bursts and TSQ's limit always."""
    sysctl = sk.net.sysctl
    cwnd = sk.snd_cwnd
    ratio = sysctl.tcp_pacing_ss_ratio if cwnd < sk.snd_ssthresh // 2 else sysctl.tcp_pacing_ca_ratio
    rate = sk.mss_cache * 80_000 * ratio * max(cwnd, sk.packets_out)
    if sk.srtt_us:
        rate //= sk.srtt_us
    sk.sk_pacing_rate = min(rate, sk.sk_max_pacing_rate)
