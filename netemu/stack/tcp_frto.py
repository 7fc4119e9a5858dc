"""F-RTO as it was from 2.6.24 to 3.9 (net/ipv4/tcp_input.c; RFC 4138): a timeout does not begin a recovery by itself.

The first segment is sent again, and then two ACKs decide. The first that advances lets two new segments out; if the
second advances by what was never sent again, the timeout was needless, and the window is but halved. All else begins
the recovery late. With SACK (``tcp_frto`` 2) the second may also be one that reports originals alone.

``frto_counter``: 0 none, 1 before the first ACK, 2 after it, 3 once new data left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_cong, tcp_ecn, tcp_output
from netemu.stack.skbuff import (
    TCPCB_LOST,
    TCPCB_RETRANS,
    TCPCB_SACKED_ACKED,
    TCPCB_SACKED_RETRANS,
)
from netemu.stack.sock import TCP_CA_CWR, TCP_CA_Disorder, TCP_CA_Loss, TCP_CA_Recovery
from netemu.stack.tcp_h import (
    FLAG_ANY_PROGRESS,
    FLAG_DATA_ACKED,
    FLAG_DATA_SACKED,
    FLAG_FORWARD_PROGRESS,
    FLAG_FRTO,
    FLAG_NONHEAD_RETRANS_ACKED,
    FLAG_NOT_DUP,
    FLAG_ONLY_ORIG_SACKED,
    FLAG_RETRANS_DATA_ACKED,
    tcp_clear_all_retrans_hints,
    tcp_current_ssthresh,
    tcp_packets_in_flight,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def _is_sackfrto(sk: TcpSock) -> bool:
    return sk.net.sysctl.tcp_frto == 2 and sk.sack_ok


def tcp_use_frto(sk: TcpSock) -> bool:
    """Whether a timeout may wait: without SACK only if nothing but the first segment was ever sent again."""
    if not sk.net.profile.frto_before_loss or not sk.net.sysctl.tcp_frto or sk.mtup_probe_size:
        return False
    if _is_sackfrto(sk):
        return True
    if sk.retrans_out > 1:
        return False
    head = sk.tcp_rtx_queue.head
    skb = None if head is None else head.next
    while skb is not None:
        if skb.sacked & TCPCB_RETRANS:
            return False
        if not skb.sacked & TCPCB_SACKED_ACKED:
            break
        skb = skb.next
    return True


def tcp_enter_frto(sk: TcpSock) -> None:
    """A timeout, of which it is not known yet what it means."""
    state = sk.icsk_ca_state
    again = sk.frto_counter != 0
    if (
        (not again and state <= TCP_CA_Disorder)
        or sk.snd_una == sk.high_seq
        or ((state == TCP_CA_Loss or again) and not sk.icsk_retransmits)
    ):
        sk.prior_ssthresh = tcp_current_ssthresh(sk)
        cwnd = sk.snd_cwnd
        if again:
            sk.snd_cwnd = 2  # what it will be, while the window is that of a question not answered yet
        sk.snd_ssthresh = sk.icsk_ca_ops.ssthresh(sk)
        sk.snd_cwnd = sk.prior_cwnd = cwnd
    sk.undo_marker, sk.undo_retrans = sk.snd_una, 0
    head = sk.tcp_rtx_queue.head
    assert head is not None
    if head.sacked & TCPCB_RETRANS:
        sk.undo_marker = 0
    if head.sacked & TCPCB_SACKED_RETRANS:
        head.sacked &= ~TCPCB_SACKED_RETRANS
        sk.retrans_out -= head.tcp_gso_segs
    sk.snd_cwnd = min(sk.snd_cwnd, tcp_packets_in_flight(sk) + 1)
    earlier = _is_sackfrto(sk) and (again or state in (TCP_CA_Recovery, TCP_CA_Loss)) and sk.high_seq > sk.snd_una
    sk.frto_highmark = sk.high_seq if earlier else sk.snd_nxt
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Disorder)
    sk.high_seq = sk.snd_nxt
    sk.frto_counter = 1


def tcp_process_frto(sk: TcpSock, flag: int) -> int:
    """An ACK after such a timeout; its flags, with FLAG_FRTO where the window must not grow by it."""
    if flag & FLAG_DATA_ACKED:
        sk.icsk_retransmits = 0
    first = sk.frto_counter == 1
    if flag & FLAG_NONHEAD_RETRANS_ACKED or (not first and flag & FLAG_RETRANS_DATA_ACKED):
        sk.undo_marker = 0
    allowed = _verdict(sk, flag, first)
    if allowed is not None:
        if allowed >= 0:
            tcp_enter_frto_loss(sk, allowed, flag)
        flag |= FLAG_FRTO
    elif first:
        sk.snd_cwnd = tcp_packets_in_flight(sk) + 2
        sk.frto_counter = 2
        if not _may_send_now(sk):
            tcp_enter_frto_loss(sk, 2, flag)
        flag |= FLAG_FRTO
    else:
        _spurious(sk)
    if sk.frto_highmark < sk.snd_una:
        sk.frto_highmark = 0
    return flag


def _verdict(sk: TcpSock, flag: int, first: bool) -> int | None:
    """None: the ACK speaks for a needless timeout; -1: it says nothing; else the segments allowed in the recovery."""
    if sk.snd_una >= sk.frto_highmark:
        return 2 if first else 3
    if _is_sackfrto(sk):
        return _verdict_by_sack(sk, flag, first)
    if not flag & FLAG_ANY_PROGRESS and flag & FLAG_NOT_DUP:
        return -1
    lost = 0 if first else 3
    return None if flag & FLAG_DATA_ACKED else lost


def _verdict_by_sack(sk: TcpSock, flag: int, first: bool) -> int | None:
    if first:
        if flag & FLAG_DATA_ACKED:
            return None
        sk.snd_cwnd = min(sk.snd_cwnd, tcp_packets_in_flight(sk))  # no new data
        return -1
    progress = flag & FLAG_FORWARD_PROGRESS
    if not progress:
        return -1 if flag & FLAG_NOT_DUP else 3
    return 3 if flag & (FLAG_DATA_SACKED | FLAG_ONLY_ORIG_SACKED) == FLAG_DATA_SACKED else None


def _may_send_now(sk: TcpSock) -> bool:
    """Whether new data may leave (tcp_may_send_now); Nagle has no say here."""
    skb = sk.sk_write_queue.head
    return skb is not None and tcp_output.tcp_cwnd_test(sk) > 0 and tcp_output.tcp_snd_wnd_test(sk, skb, sk.mss_cache)


def _spurious(sk: TcpSock) -> None:
    """The timeout was needless: go on with half the window, without new ssthresh (tcp_frto_response 0)."""
    sk.prior_ssthresh = 0
    if sk.icsk_ca_state < TCP_CA_CWR:
        sk.snd_cwnd = min(sk.snd_cwnd, tcp_packets_in_flight(sk) + 1)
        sk.snd_cwnd_cnt = 0
        sk.high_seq = sk.snd_nxt
        sk.snd_cwnd_stamp = sk.net.jiffies
        tcp_ecn.tcp_ecn_queue_cwr(sk)
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_CWR)
    sk.frto_counter = 0
    sk.undo_marker = 0
    sk.net.mib.inc("TCPSpuriousRTOs")


def tcp_enter_frto_loss(sk: TcpSock, allowed: int, flag: int) -> None:
    """The timeout meant a loss: all that was not SACKed is lost, and the recovery begins as a timeout's."""
    sk.lost_out = sk.retrans_out = 0
    if not sk.sack_ok:
        sk.sacked_out = 0
    waits = sk.frto_counter == 1 and not flag & FLAG_DATA_ACKED
    for skb in sk.tcp_rtx_queue:
        skb.sacked &= ~TCPCB_LOST
        if waits:
            # The first segment's retransmission is on its way still.
            if skb.sacked & TCPCB_SACKED_RETRANS:
                sk.retrans_out += skb.tcp_gso_segs
            waits = False
        else:
            if skb.sacked & TCPCB_RETRANS:
                sk.undo_marker = 0
            skb.sacked &= ~TCPCB_SACKED_RETRANS
        if not skb.sacked & TCPCB_SACKED_ACKED:
            skb.sacked |= TCPCB_LOST
            sk.lost_out += skb.tcp_gso_segs
    sk.snd_cwnd = tcp_packets_in_flight(sk) + allowed
    sk.snd_cwnd_cnt = 0
    sk.snd_cwnd_stamp = sk.net.jiffies
    sk.frto_counter = 0
    sk.reordering = min(sk.reordering, sk.net.sysctl.tcp_reordering)
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Loss)
    sk.high_seq = sk.snd_nxt
    tcp_ecn.tcp_ecn_queue_cwr(sk)
    tcp_clear_all_retrans_hints(sk)
