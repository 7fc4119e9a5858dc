"""What an ACK acknowledges leaves the retransmission queue (net/ipv4/tcp_input.c, tcp_clean_rtx_queue)."""
# ruff: noqa: PLR0917 (functions take and decide what the kernel's of that name do)

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import SYN
from netemu.stack import (
    tcp_chrono,
    tcp_fastretrans,
    tcp_fragment,
    tcp_mtup,
    tcp_rate,
    tcp_recovery,
    tcp_rtt,
    tcp_sack,
    tcp_undo,
    wmem,
)
from netemu.stack.cong import AckSample, TcpCongestionOps
from netemu.stack.skbuff import TCPCB_LOST, TCPCB_RETRANS, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
from netemu.stack.tcp_h import (
    FLAG_ACK_MAYBE_DELAYED,
    FLAG_ACKED,
    FLAG_CA_ALERT,
    FLAG_DATA_ACKED,
    FLAG_NONHEAD_RETRANS_ACKED,
    FLAG_ORIG_SACK_ACKED,
    FLAG_RETRANS_DATA_ACKED,
    FLAG_SACK_RENEGING,
    FLAG_SET_XMIT_TIMER,
    FLAG_SYN_ACKED,
)

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock
    from netemu.stack.tcp_sacktag import SacktagState

_NO_PKTS_ACKED = TcpCongestionOps.pkts_acked
"""A control that does not override it has none, as a null pointer in the kernel."""


class _Acked:
    """What was taken off the queue. Times in us, 0: none."""

    __slots__ = ("first_ackt", "flag", "fully_acked", "last_ackt", "last_in_flight", "pkts_acked", "reord")

    def __init__(self, reord: int) -> None:
        self.first_ackt = self.last_ackt = self.last_in_flight = self.pkts_acked = self.flag = 0
        self.reord = reord  # the lowest acknowledged data that was sent once and never SACKed
        self.fully_acked = True


def tcp_clean_rtx_queue(sk: TcpSock, prior_fack: int, prior_snd_una: int, sack: SacktagState, ece_ack: bool) -> int:
    """Take off the queue what ``snd_una`` passed, measure the RTT by it; the flags that follow.

    ``prior_fack``: the end of what was SACKed before this ACK.
    """
    prior_sacked = sk.sacked_out
    acked = _Acked(sk.snd_nxt)
    skb = _take_off(sk, acked, sack, ece_ack)
    if skb is None:
        tcp_chrono.tcp_chrono_stop(sk, tcp_chrono.TCP_CHRONO_BUSY)
    if prior_snd_una <= sk.snd_up <= sk.snd_una:
        sk.snd_up = sk.snd_una
    flag = acked.flag
    if skb is not None and skb.sacked & TCPCB_SACKED_ACKED:
        flag |= FLAG_SACK_RENEGING
    now = sk.tcp_mstamp
    seq_rtt_us = ca_rtt_us = sack_rtt_us = -1
    if acked.first_ackt and not flag & FLAG_RETRANS_DATA_ACKED:
        unit = sk.net.rtt_unit_us
        seq_rtt_us = max(0, now - acked.first_ackt) if unit == 1 else (now // unit - acked.first_ackt // unit) * unit
        ca_rtt_us = max(0, now - acked.last_ackt)
        if (
            acked.pkts_acked == 1
            and acked.fully_acked
            and not prior_sacked
            and _was_alone(sk, acked, prior_snd_una, sack)
            and not flag & (FLAG_CA_ALERT | FLAG_SYN_ACKED)
        ):
            # One small segment in the round trip: the peer most likely delayed this ACK.
            flag |= FLAG_ACK_MAYBE_DELAYED
    if sack.first_sackt:
        sack_rtt_us = max(0, now - sack.first_sackt)
        ca_rtt_us = max(0, now - sack.last_sackt)
    rtt_update = tcp_rtt.tcp_ack_update_rtt(sk, flag, seq_rtt_us, sack_rtt_us, ca_rtt_us, sack.rate)
    if flag & FLAG_ACKED:
        flag = _progress(sk, flag | FLAG_SET_XMIT_TIMER, acked, prior_fack, ece_ack)
    elif skb is not None and rtt_update and sack_rtt_us > max(0, now - skb.skb_mstamp_ns // 1000):
        # SACKed was what left after the first segment was sent last; otherwise the timeout could recede for ever.
        flag |= FLAG_SET_XMIT_TIMER
    ops = sk.icsk_ca_ops
    if type(ops).pkts_acked is not _NO_PKTS_ACKED:
        rate = sack.rate
        in_flight = sk.mss_cache * (sk.delivered - rate.prior_delivered)
        ops.pkts_acked(sk, AckSample(acked.pkts_acked, rate.rtt_us, in_flight))
    return flag


def _was_alone(sk: TcpSock, acked: _Acked, prior_snd_una: int, sack: SacktagState) -> bool:
    """Whether the one segment acknowledged was small and alone in its round trip; until 5.18 by what was in flight when
    it was sent, since then by what was delivered meanwhile."""
    if sk.net.profile.ack_delay_by_in_flight:
        return 0 < acked.last_in_flight < sk.mss_cache
    return sk.snd_una - prior_snd_una < sk.mss_cache and sack.rate.prior_delivered + 1 == sk.delivered


def _take_off(sk: TcpSock, acked: _Acked, sack: SacktagState, ece_ack: bool) -> SkBuff | None:
    """Unlink all that is acknowledged; the segment that is first then."""
    snd_una = sk.snd_una
    rtx, tsorted = sk.tcp_rtx_queue, sk.tsorted_sent_queue
    skb = rtx.head
    while skb is not None:
        start_seq, sacked, pcount = skb.seq, skb.sacked, skb.tcp_gso_segs
        if skb.end_seq > snd_una:
            if pcount == 1 or snd_una <= start_seq:
                break
            pcount = _tso_acked(sk, skb)
            if not pcount:
                break
            acked.fully_acked = False
        _count_acked(sk, skb, start_seq, sacked, pcount, acked, sack, ece_ack)
        if not acked.fully_acked:
            break
        following = skb.next
        if skb is sk.retransmit_skb_hint:
            sk.retransmit_skb_hint = None
        if skb is sk.highest_sack:
            sk.highest_sack = following
        tsorted.unlink(skb)
        rtx.unlink(skb)
        wmem.tcp_wmem_free_skb(sk, skb)
        skb = following
    return skb


def _tso_acked(sk: TcpSock, skb: SkBuff) -> int:
    """Trim what is acknowledged of a segment of several packets; how many packets that were."""
    pcount = skb.tcp_gso_segs
    if tcp_fragment.tcp_trim_head(sk, skb, sk.snd_una - skb.seq):
        return 0
    return pcount - skb.tcp_gso_segs


def _count_acked(
    sk: TcpSock,
    skb: SkBuff,
    start_seq: int,
    sacked: int,
    pcount: int,
    acked: _Acked,
    sack: SacktagState,
    ece_ack: bool,
) -> None:
    """Account for ``pcount`` acknowledged packets of ``skb``, which began at ``start_seq`` with tags ``sacked``."""
    if sacked & TCPCB_RETRANS:
        if sacked & TCPCB_SACKED_RETRANS:
            sk.retrans_out -= pcount
        behind = acked.flag & FLAG_DATA_ACKED or pcount > 1
        acked.flag |= FLAG_RETRANS_DATA_ACKED | (FLAG_NONHEAD_RETRANS_ACKED if behind else 0)
    elif not sacked & TCPCB_SACKED_ACKED:
        acked.last_ackt = sent_us = skb.skb_mstamp_ns // 1000
        if not acked.first_ackt:
            acked.first_ackt = sent_us
        acked.last_in_flight = skb.tx_in_flight
        acked.reord = min(acked.reord, start_seq)
        if skb.end_seq <= sk.high_seq:
            acked.flag |= FLAG_ORIG_SACK_ACKED
    if sacked & TCPCB_SACKED_ACKED:
        sk.sacked_out -= pcount
    elif sk.sack_ok:
        sk.delivered += pcount
        if ece_ack:
            sk.delivered_ce += pcount
        if not sacked & TCPCB_RETRANS or not tcp_undo.tcp_skb_spurious_retrans(sk, skb):
            tcp_recovery.tcp_rack_advance(sk, sacked, skb.end_seq, skb.skb_mstamp_ns // 1000)
    if sacked & TCPCB_LOST:
        sk.lost_out -= pcount
    sk.packets_out -= pcount
    acked.pkts_acked += pcount
    tcp_rate.tcp_rate_skb_delivered(sk, skb, sack.rate)
    if skb.tcp_flags & SYN:
        acked.flag |= FLAG_SYN_ACKED
        sk.retrans_stamp = 0
    else:
        acked.flag |= FLAG_DATA_ACKED


def _progress(sk: TcpSock, flag: int, acked: _Acked, prior_fack: int, ece_ack: bool) -> int:
    """New data were acknowledged: a probe of the MTU among them, duplicates that are now accounted for, a hole that was
    filled by what was sent once (reordering)."""
    if sk.mtup_probe_size and sk.mtu_probe_seq_end <= sk.snd_una:
        tcp_mtup.tcp_mtup_probe_success(sk)
    if not sk.sack_ok:
        tcp_fastretrans.tcp_remove_reno_sacks(sk, acked.pkts_acked, ece_ack)
        if flag & FLAG_RETRANS_DATA_ACKED:
            # Without SACK nobody can tell that what was not sent again arrived by itself.
            flag &= ~FLAG_ORIG_SACK_ACKED
    elif acked.reord < prior_fack:
        tcp_sack.tcp_check_sack_reordering(sk, acked.reord, False)
    return flag
