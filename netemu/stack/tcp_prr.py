"""Proportional rate reduction (RFC 6937, PRR-SSRB as Linux has it): how the window shrinks over one round trip.

net/ipv4/tcp_input.c. While more is in flight than ssthresh, segments leave in proportion to deliveries; below it, as
many as were delivered, and one more when the ACK brought progress without new losses; before 5.15 that one more
came only with the acknowledgement of a retransmission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_cong, tcp_cwnd_down, tcp_ecn
from netemu.stack.cong import CA_EVENT_COMPLETE_CWR
from netemu.stack.sock import TCP_CA_CWR, TCP_INFINITE_SSTHRESH
from netemu.stack.tcp_h import (
    FLAG_LOST_RETRANS,
    FLAG_RETRANS_DATA_ACKED,
    FLAG_SND_UNA_ADVANCED,
    tcp_packets_in_flight,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_init_cwnd_reduction(sk: TcpSock) -> None:
    """Begin a reduction: the congestion control names the window it ends at, and ``high_seq`` when it ends."""
    sk.high_seq = sk.snd_nxt
    sk.tlp_high_seq = 0
    sk.snd_cwnd_cnt = 0
    sk.prior_cwnd = sk.snd_cwnd
    sk.prr_delivered = 0
    sk.prr_out = 0
    sk.snd_ssthresh = sk.icsk_ca_ops.ssthresh(sk)
    tcp_ecn.tcp_ecn_queue_cwr(sk)


def tcp_cwnd_reduction(sk: TcpSock, newly_acked_sacked: int, newly_lost: int, flag: int) -> None:
    """Set the window so that as many segments may leave as ``newly_acked_sacked`` deliveries allow.

    The first segment of a recovery leaves whatever the arithmetic says: that is the fast retransmit.
    """
    if newly_acked_sacked <= 0 or not sk.prior_cwnd:
        return
    in_flight = sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out
    delta = sk.snd_ssthresh - in_flight
    sk.prr_delivered += newly_acked_sacked
    if delta < 0:
        allowed = (sk.snd_ssthresh * sk.prr_delivered + sk.prior_cwnd - 1) // sk.prior_cwnd
        sndcnt = allowed - sk.prr_out
    elif sk.net.profile.prr_by_progress:
        sndcnt = max(sk.prr_delivered - sk.prr_out, newly_acked_sacked)
        if flag & FLAG_SND_UNA_ADVANCED and not newly_lost:
            sndcnt += 1
        sndcnt = min(delta, sndcnt)
    elif flag & (FLAG_RETRANS_DATA_ACKED | FLAG_LOST_RETRANS) == FLAG_RETRANS_DATA_ACKED:
        sndcnt = min(delta, max(sk.prr_delivered - sk.prr_out, newly_acked_sacked) + 1)
    else:
        sndcnt = min(delta, newly_acked_sacked)
    sk.snd_cwnd = in_flight + max(sndcnt, 0 if sk.prr_out else 1)


def tcp_end_cwnd_reduction(sk: TcpSock) -> None:
    """End it with the window at ssthresh, unless it was undone meanwhile."""
    ops = sk.icsk_ca_ops
    if ops.has_cong_control:
        return
    if sk.net.profile.rate_halving:
        tcp_cwnd_down.tcp_complete_cwr(sk)
    elif sk.snd_ssthresh < TCP_INFINITE_SSTHRESH and (sk.icsk_ca_state == TCP_CA_CWR or sk.undo_marker):
        sk.snd_cwnd = sk.snd_ssthresh
        sk.snd_cwnd_stamp = sk.net.jiffies
    ops.cwnd_event(sk, CA_EVENT_COMPLETE_CWR)


def tcp_enter_cwr(sk: TcpSock) -> None:
    """Congestion was told (ECN, or this host's own queue): reduce the window, with no way to undo it."""
    sk.prior_ssthresh = 0
    if sk.icsk_ca_state < TCP_CA_CWR:
        sk.undo_marker = 0
        tcp_init_cwnd_reduction(sk)
        if sk.net.profile.rate_halving:
            sk.snd_cwnd = min(sk.snd_cwnd, tcp_packets_in_flight(sk) + 1)
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_CWR)
