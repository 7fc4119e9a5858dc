"""Small questions about a socket that every part of TCP asks: the inline functions of include/net/tcp.h.

A leaf: it imports nothing that calls it back. ``FLAG_*`` are what one ACK means, as tcp_ack collects it
(net/ipv4/tcp_input.c). Where a path is hot, callers write the one-line expressions out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.sock import TCP_CA_CWR, TCP_CA_Recovery

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

FLAG_DATA = 0x01  # the segment carries data
FLAG_WIN_UPDATE = 0x02  # it changed the send window
FLAG_DATA_ACKED = 0x04  # it acknowledges new data
FLAG_RETRANS_DATA_ACKED = 0x08  # some of that had been retransmitted
FLAG_SYN_ACKED = 0x10
FLAG_DATA_SACKED = 0x20
FLAG_ECE = 0x40
FLAG_LOST_RETRANS = 0x80  # a retransmission was found lost
FLAG_SLOWPATH = 0x100
FLAG_ORIG_SACK_ACKED = 0x200  # data that was never retransmitted arrived
FLAG_SND_UNA_ADVANCED = 0x400
FLAG_DSACKING_ACK = 0x800
FLAG_SET_XMIT_TIMER = 0x1000  # the loss probe or the retransmission timer is to be set
FLAG_SACK_RENEGING = 0x2000
FLAG_UPDATE_TS_RECENT = 0x4000
FLAG_NO_CHALLENGE_ACK = 0x8000
FLAG_ACK_MAYBE_DELAYED = 0x10000
FLAG_DSACK_TLP = 0x20000
FLAG_TS_PROGRESS = 0x40000
FLAG_FRTO = 0x80000  # F-RTO of before 3.10 is being asked: no growth by this ACK
FLAG_NONHEAD_RETRANS_ACKED = 0x100000  # more than the first of what it acknowledges had been retransmitted
FLAG_ONLY_ORIG_SACKED = 0x200000  # what it SACKs is from before the timeout, and was sent once
FLAG_ACKED = FLAG_DATA_ACKED | FLAG_SYN_ACKED
FLAG_NOT_DUP = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED
FLAG_CA_ALERT = FLAG_DATA_SACKED | FLAG_ECE | FLAG_DSACKING_ACK
FLAG_FORWARD_PROGRESS = FLAG_ACKED | FLAG_DATA_SACKED
FLAG_ANY_PROGRESS = FLAG_FORWARD_PROGRESS | FLAG_SND_UNA_ADVANCED

REXMIT_NONE, REXMIT_LOST, REXMIT_NEW = 0, 1, 2
"""What an ACK asks to be sent for recovery: nothing, what is marked lost, or new data (F-RTO)."""

TCP_TIMEOUT_MIN_US = 2_000
TCP_INIT_CWND = 10
TCP_RACK_LOSS_DETECTION, TCP_RACK_STATIC_REO_WND, TCP_RACK_NO_DUPTHRESH = 1, 2, 4
TCP_RACK_RECOVERY_THRESH = 16


def tcp_packets_in_flight(sk: TcpSock) -> int:
    """Segments believed to be in the network."""
    return sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out


def tcp_wnd_end(sk: TcpSock) -> int:
    """The first sequence number that the peer's window does not allow."""
    return sk.snd_una + sk.snd_wnd


def tcp_in_cwnd_reduction(sk: TcpSock) -> bool:
    """Whether the window is being reduced (CWR, Recovery), so that PRR sets it."""
    state = sk.icsk_ca_state
    return state in (TCP_CA_CWR, TCP_CA_Recovery)


def tcp_current_ssthresh(sk: TcpSock) -> int:
    """ssthresh worth remembering: never less than three quarters of the present window outside a reduction."""
    if tcp_in_cwnd_reduction(sk):
        return sk.snd_ssthresh
    return max(sk.snd_ssthresh, (sk.snd_cwnd >> 1) + (sk.snd_cwnd >> 2))


def tcp_min_rtt(sk: TcpSock) -> int:
    """The smallest RTT in the window of the filter, us."""
    return sk.rtt_min_us


def tcp_rto_delta_us(sk: TcpSock) -> int:
    """How far ahead the RTO of the first outstanding segment is, us; negative when it has passed."""
    head = sk.tcp_rtx_queue.head
    rto_us = sk.icsk_rto * (1_000_000 // sk.net.profile.hz)
    if head is None:
        return rto_us
    return head.skb_mstamp_ns // 1000 + rto_us - sk.tcp_mstamp


def tcp_rto_min_us(sk: TcpSock) -> int:
    """The floor of the RTO's variance term, us."""
    return sk.icsk_rto_min * (1_000_000 // sk.net.profile.hz)


def tcp_highest_sack_seq(sk: TcpSock) -> int:
    """The end of what is selectively acknowledged: where the segment behind the highest SACKed one begins."""
    if not sk.sacked_out:
        return sk.snd_una
    return sk.snd_nxt if sk.highest_sack is None else sk.highest_sack.seq


def tcp_clear_all_retrans_hints(sk: TcpSock) -> None:
    """Forget where the search for lost segments stopped."""
    sk.retransmit_skb_hint = None


def tcp_pacing_delay_jiffies(sk: TcpSock) -> int:
    """How long pacing holds the next segment back, whole jiffies (tcp_pacing_delay)."""
    delay_ns = sk.tcp_wstamp_ns - sk.tcp_clock_cache
    return delay_ns // (1_000_000_000 // sk.net.profile.hz) if delay_ns > 0 else 0
