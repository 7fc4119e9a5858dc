"""Sending again: one segment, all that is marked lost, all that became too long for the path (tcp_output.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import CWR, ECE, SYN
from netemu.stack import (
    route,
    tcp_ecn,
    tcp_fastretrans,
    tcp_mss,
    tcp_output,
    tcp_recovery,
    tcp_timer,
    tcp_trace,
    tcp_transmit,
    wmem,
)
from netemu.stack.skbuff import (
    TCPCB_EVER_RETRANS,
    TCPCB_LOST,
    TCPCB_RETRANS,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
    SkBuff,
)
from netemu.stack.sock import (
    ICSK_TIME_REO_TIMEOUT,
    ICSK_TIME_RETRANS,
    TCP_CA_CWR,
    TCP_SYN_SENT,
    TCP_CA_Loss,
    TCP_CA_Recovery,
)
from netemu.stack.tcp_accecn_h import TCP_ECN_MODE_ANY, TCP_ECN_MODE_PENDING
from netemu.stack.tcp_fragment import (
    ENOMEM,
    TCP_FRAG_IN_RTX_QUEUE,
    tcp_adjust_pcount,
    tcp_fragment,
    tcp_set_skb_tso_segs,
    tcp_trim_head,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

EINVAL, EAGAIN, EBUSY, EHOSTUNREACH = 22, 11, 16, 113


def skb_still_in_host_queue(sk: TcpSock, skb: SkBuff) -> bool:
    """Whether the segment was not yet sent: a queueing discipline may hold it back, the model's devices do not."""
    qdisc = sk.net.qdisc
    if qdisc is None or not qdisc.holds(skb):
        return False
    sk.tsq_throttled = True
    sk.net.mib.inc("TCPSpuriousRtxHostQueues")
    return True


def tcp_can_collapse(skb: SkBuff) -> bool:
    """Whether a segment may be joined to the one before for retransmission."""
    return skb.tcp_gso_segs <= 1 and not skb.sacked & TCPCB_SACKED_ACKED


def tcp_collapse_retrans(sk: TcpSock, skb: SkBuff) -> None:
    """Append the segment behind ``skb`` to it."""
    following = skb.next
    assert following is not None
    length = len(following.data)
    skb.data += following.data
    skb.truesize += length
    following.truesize -= length
    if sk.highest_sack is following:
        sk.highest_sack = skb
    skb.end_seq = following.end_seq
    skb.tcp_flags |= following.tcp_flags
    skb.sacked |= following.sacked & TCPCB_EVER_RETRANS
    skb.eor = following.eor
    if sk.retransmit_skb_hint is following:
        sk.retransmit_skb_hint = skb
    tcp_adjust_pcount(sk, following, following.tcp_gso_segs)
    sk.tsorted_sent_queue.unlink(following)
    sk.tcp_rtx_queue.unlink(following)
    wmem.tcp_wmem_free_skb(sk, following)


def tcp_retrans_try_collapse(sk: TcpSock, to: SkBuff, space: int) -> None:
    """Fill a short segment that is sent again up with those behind it, as many as fit whole."""
    if not sk.net.sysctl.tcp_retrans_collapse or to.tcp_flags & SYN:
        return
    skb: SkBuff | None = to
    while skb is not None and tcp_can_collapse(skb) and not to.eor:
        following = skb.next
        space -= len(skb.data)
        if skb is not to:
            if space < 0 or skb.end_seq > sk.snd_una + sk.snd_wnd:
                break
            tcp_collapse_retrans(sk, to)
        skb = following


def __tcp_retransmit_skb(sk: TcpSock, skb: SkBuff, segs: int) -> int:
    """Send ``skb`` again, ``segs`` segments of it at most; the caller counts it. 0, or a negative errno."""
    sk.mtup_probe_size = 0  # it proves nothing any more
    err = -EBUSY if skb_still_in_host_queue(sk, skb) else _prepare(sk, skb, segs)
    if not err:
        # Accurate ECN is asked for by the first SYN that is sent again, too.
        asks = sk.ecn_flags & TCP_ECN_MODE_ANY == TCP_ECN_MODE_PENDING and sk.icsk_retransmits <= 1
        if skb.tcp_flags & (SYN | ECE | CWR) == SYN | ECE | CWR and not asks:
            tcp_ecn.tcp_ecn_clear_syn(sk, skb)
        count = skb.tcp_gso_segs
        mib = sk.net.mib
        mib.inc("RetransSegs", count)
        if skb.tcp_flags & SYN:
            mib.inc("TCPSynRetrans")
        sk.total_retrans += count
        sk.bytes_retrans += len(skb.data)
        err = tcp_transmit.tcp_transmit_skb(sk, skb, True)
        if err and err != -EBUSY:
            mib.inc("TCPRetransFail", count)
        # Even if it did not leave: no RTT may be taken from it.
        skb.sacked |= TCPCB_EVER_RETRANS
    if not err or sk.net.profile.traces_failed_retransmit:
        tcp_trace.trace_tcp_retransmit_skb(sk, err)
    return err


def _prepare(sk: TcpSock, skb: SkBuff, segs: int) -> int:
    """Cut or fill a segment to what may be sent of it now."""
    if skb.seq < sk.snd_una:
        if skb.tcp_flags & SYN:
            skb.tcp_flags &= ~SYN
            skb.seq += 1
        if skb.end_seq < sk.snd_una:
            return -EINVAL
        if skb.seq < sk.snd_una:
            tcp_trim_head(sk, skb, sk.snd_una - skb.seq)
    if route.sk_dst_get(sk) is None:
        return -EHOSTUNREACH
    cur_mss = tcp_mss.tcp_current_mss(sk)
    avail_wnd = sk.snd_una + sk.snd_wnd - skb.seq
    if avail_wnd <= 0:
        if skb.seq != sk.snd_una:
            return -EAGAIN
        avail_wnd = cur_mss  # a window that shrank to nothing: this is its probe
    length = cur_mss * segs
    if length > avail_wnd:
        length = avail_wnd // cur_mss * cur_mss or avail_wnd
    if len(skb.data) > length:
        return -ENOMEM if tcp_fragment(sk, TCP_FRAG_IN_RTX_QUEUE, skb, length, cur_mss) else 0
    diff = skb.tcp_gso_segs - tcp_set_skb_tso_segs(skb, cur_mss)
    if diff:
        tcp_adjust_pcount(sk, skb, diff)
    avail_wnd = min(avail_wnd, cur_mss)
    if len(skb.data) < avail_wnd:
        tcp_retrans_try_collapse(sk, skb, avail_wnd)
    return 0


def tcp_retransmit_skb(sk: TcpSock, skb: SkBuff, segs: int) -> int:
    """Send ``skb`` again and count it as retransmitted. 0, or a negative errno."""
    err = __tcp_retransmit_skb(sk, skb, segs)
    if not err:
        skb.sacked |= TCPCB_RETRANS
        skb.ack_seq = sk.snd_nxt  # before 4.15: what is SACKed beyond it left later
        sk.retrans_out += skb.tcp_gso_segs
    if not sk.retrans_stamp:
        sk.retrans_stamp = skb.skb_mstamp_ns // sk.net.ts_tick_ns
    sk.undo_retrans = max(sk.undo_retrans, 0) + skb.tcp_gso_segs
    return err


def tcp_xmit_retransmit_queue(sk: TcpSock) -> None:
    """Send again what is marked lost, from where the last time ended, as far as the congestion window allows."""
    if not sk.packets_out:
        return
    head = sk.tcp_rtx_queue.head
    skb = sk.retransmit_skb_hint or head
    max_segs = tcp_output.tcp_tso_segs(sk, tcp_mss.tcp_current_mss(sk))
    hole = None
    rearm_timer = False
    while skb is not None:
        if tcp_output.tcp_pacing_check(sk):
            break
        if hole is None:
            sk.retransmit_skb_hint = skb
        room = sk.snd_cwnd - (sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out)
        if room <= 0 or sk.retrans_out >= sk.lost_out:
            break
        sacked = skb.sacked
        if not sacked & TCPCB_LOST:
            if hole is None and not sacked & (TCPCB_SACKED_RETRANS | TCPCB_SACKED_ACKED):
                hole = skb
        elif not sacked & (TCPCB_SACKED_ACKED | TCPCB_SACKED_RETRANS):
            if sk.sk_wmem_alloc and tcp_output.tcp_small_queue_check(sk, skb, 1):
                break
            if tcp_retransmit_skb(sk, skb, min(room, max_segs)):
                break
            _count(sk, skb)
            if skb is head and sk.icsk_pending != ICSK_TIME_REO_TIMEOUT:
                rearm_timer = True
        skb = skb.next
    if rearm_timer:
        tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, sk.icsk_rto, True)


def _count(sk: TcpSock, skb: SkBuff) -> None:
    """The counter of a retransmission by its cause, and PRR's."""
    fast = sk.icsk_ca_state != TCP_CA_Loss
    sk.net.mib.inc("TCPFastRetrans" if fast else "TCPSlowStartRetrans", skb.tcp_gso_segs)
    if sk.icsk_ca_state in (TCP_CA_CWR, TCP_CA_Recovery):
        sk.prr_out += skb.tcp_gso_segs


def tcp_simple_retransmit(sk: TcpSock) -> None:
    """The path takes less than was sent: send again at once what is too long, without blaming congestion."""
    mss = -1 if sk.syn_data and sk.sk_state == TCP_SYN_SENT else tcp_mss.tcp_current_mss(sk)
    for skb in sk.tcp_rtx_queue:
        # tcp_skb_seglen: of a segment that counts for several, the MSS it was reckoned with.
        if (len(skb.data) if skb.tcp_gso_segs == 1 else skb.gso_size) > mss:
            tcp_recovery.tcp_mark_skb_lost(sk, skb)
    if not sk.lost_out:
        return
    if not sk.sack_ok:
        tcp_fastretrans.tcp_limit_reno_sacked(sk)
    tcp_fastretrans.tcp_non_congestion_loss_retransmit(sk)
