"""Forward acknowledgement: all below the highest SACKed segment that was not SACKed has left the network (2.4 to 4.14).

net/ipv4/tcp_input.c; Mathis and Mahdavi 1996. Where RFC 6675 counts SACKed segments above a hole, FACK counts all
segments up to the highest SACKed one, the holes among them (``fackets_out``): three lost in a row are found by the
first SACK that arrives from behind them. That is wrong where a path reorders, so the first reordering seen ends it for
the connection. Read in 2.4.27, 2.6.32 and 3.10. The same kernels had two more heuristics, which went before it did: the
first segment being out for longer than the RTO, and too little in flight for enough duplicates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_recovery
from netemu.stack.skbuff import TCPCB_LOST, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS
from netemu.stack.sock import TCP_CA_Recovery
from netemu.stack.tcp_h import tcp_highest_sack_seq

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock


def tcp_is_fack(sk: TcpSock) -> bool:
    """Whether the connection counts so: the era has it, the peer SACKs, and nothing was reordered yet."""
    return sk.net.profile.fack and sk.sack_ok and sk.net.sysctl.tcp_fack and not sk.fack_disabled


def tcp_fackets_out(sk: TcpSock) -> int:
    """Segments from the first outstanding one to the highest SACKed one, both included; 0: none was SACKed."""
    if not sk.sacked_out:
        return 0
    end = tcp_highest_sack_seq(sk)
    count = 0
    for skb in sk.tcp_rtx_queue:
        if skb.seq >= end:
            break
        count += skb.tcp_gso_segs
    return count


def tcp_dupack_heuristics(sk: TcpSock) -> int:
    """What is compared with the degree of reordering."""
    return tcp_fackets_out(sk) if tcp_is_fack(sk) else sk.sacked_out + 1


def tcp_skb_timedout(sk: TcpSock, skb: SkBuff) -> bool:
    """Whether a segment was sent more than an RTO ago, by the ticks of the clock."""
    tick_ns = 1_000_000_000 // sk.net.profile.hz
    return sk.net.now_ns // tick_ns - skb.skb_mstamp_ns // tick_ns > sk.icsk_rto


def tcp_head_timedout(sk: TcpSock) -> bool:
    """Whether that is so of the first outstanding one: every ACK restarts the timer, which then never fires for it."""
    head = sk.tcp_rtx_queue.head
    return head is not None and tcp_skb_timedout(sk, head)


def tcp_time_to_recover(sk: TcpSock) -> bool:
    """The questions of those kernels, where nothing is marked lost yet."""
    if tcp_dupack_heuristics(sk) > sk.reordering or (tcp_is_fack(sk) and tcp_head_timedout(sk)):
        return True
    # A connection with nothing to send will get no more duplicates than it has.
    few = sk.packets_out <= sk.reordering and sk.sacked_out >= max(sk.packets_out // 2, sk.net.sysctl.tcp_reordering)
    return few and sk.sk_write_queue.head is None


def tcp_update_scoreboard(sk: TcpSock) -> None:
    """Mark lost all but the last ``reordering`` segments below the highest SACKed one, the first of all at least; and
    what is out for longer than an RTO."""
    tcp_mark_head_lost(sk, max(tcp_fackets_out(sk) - sk.reordering, 1))
    if tcp_head_timedout(sk):
        for skb in sk.tcp_rtx_queue:
            if not tcp_skb_timedout(sk, skb):
                break
            _skb_mark_lost(sk, skb)


def tcp_mark_head_lost(sk: TcpSock, packets: int) -> None:
    """Mark the first ``packets`` segments lost, but for those that were SACKed."""
    for skb in sk.tcp_rtx_queue:
        packets -= skb.tcp_gso_segs
        if packets < 0:
            return
        _skb_mark_lost(sk, skb)


def tcp_mark_lost_retrans(sk: TcpSock) -> None:
    """Retransmissions that are lost themselves: what left after them was SACKed, and they were not.

    ``ack_seq`` of a segment that was sent again is snd_nxt at that time.
    """
    if sk.icsk_ca_state != TCP_CA_Recovery or not sk.retrans_out or not tcp_is_fack(sk):
        return
    highest = tcp_highest_sack_seq(sk)
    for skb in sk.tcp_rtx_queue:
        if skb.seq >= highest:
            return
        if skb.sacked & TCPCB_SACKED_RETRANS and highest > skb.ack_seq:
            skb.sacked &= ~TCPCB_SACKED_RETRANS
            sk.retrans_out -= skb.tcp_gso_segs
            if not skb.sacked & (TCPCB_LOST | TCPCB_SACKED_ACKED):
                _skb_mark_lost(sk, skb)
            tcp_recovery.tcp_verify_retransmit_hint(sk, skb)
            sk.net.mib.inc("TCPLostRetransmit")


def _skb_mark_lost(sk: TcpSock, skb: SkBuff) -> None:
    """tcp_skb_mark_lost: unless it is lost already, or was SACKed."""
    if not skb.sacked & (TCPCB_LOST | TCPCB_SACKED_ACKED):
        tcp_recovery.tcp_mark_skb_lost(sk, skb)
