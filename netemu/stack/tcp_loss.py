"""The state after a retransmission timeout, TCP_CA_Loss: what is presumed lost, and F-RTO's question whether it was
(net/ipv4/tcp_input.c; RFC 5682 section 3.1 in its SACK-enhanced form).

Since RACK not everything in flight is lost at a timeout: the first segment is, and what is overdue; the rest may still
arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_cong, tcp_cwnd_down, tcp_ecn, tcp_fastretrans, tcp_recovery, tcp_undo
from netemu.stack.cong import CA_EVENT_LOSS
from netemu.stack.skbuff import TCPCB_SACKED_ACKED
from netemu.stack.sock import TCP_CA_Disorder, TCP_CA_Loss, TCP_CA_Recovery, tcp_time_stamp_ms
from netemu.stack.tcp_h import (
    FLAG_DATA_SACKED,
    FLAG_ECE,
    FLAG_ORIG_SACK_ACKED,
    FLAG_SND_UNA_ADVANCED,
    REXMIT_LOST,
    REXMIT_NEW,
    REXMIT_NONE,
    TCP_RACK_LOSS_DETECTION,
    tcp_clear_all_retrans_hints,
    tcp_current_ssthresh,
    tcp_packets_in_flight,
    tcp_wnd_end,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_timeout_mark_lost(sk: TcpSock) -> None:
    """Mark lost what a timeout makes so. A first segment that had been SACKed shows that the receiver threw it away
    (reneged): then no SACK is believed any more."""
    head = sk.tcp_rtx_queue.head
    is_reneg = head is not None and head.sacked & TCPCB_SACKED_ACKED != 0
    if is_reneg:
        sk.net.mib.inc("TCPSACKReneging")
        sk.sacked_out = 0
        sk.is_sack_reneg = True
    elif not sk.sack_ok:
        sk.sacked_out = 0
    by_time = not sk.net.profile.dupthresh_recovery or sk.net.sysctl.tcp_recovery & TCP_RACK_LOSS_DETECTION
    for skb in sk.tcp_rtx_queue:
        if is_reneg:
            skb.sacked &= ~TCPCB_SACKED_ACKED
        elif by_time and skb is not head and tcp_recovery.tcp_rack_skb_timeout(sk, skb, 0) > 0:
            continue
        tcp_recovery.tcp_mark_skb_lost(sk, skb)
    tcp_clear_all_retrans_hints(sk)


def tcp_enter_loss(sk: TcpSock) -> None:
    """A retransmission timeout: one segment at a time from here, and ssthresh lower unless this window had that."""
    state = sk.icsk_ca_state
    new_recovery = state < TCP_CA_Recovery
    tcp_timeout_mark_lost(sk)
    if state <= TCP_CA_Disorder or sk.high_seq <= sk.snd_una or (state == TCP_CA_Loss and not sk.icsk_retransmits):
        sk.prior_ssthresh = tcp_current_ssthresh(sk)
        sk.prior_cwnd = sk.snd_cwnd
        sk.snd_ssthresh = sk.icsk_ca_ops.ssthresh(sk)
        sk.icsk_ca_ops.cwnd_event(sk, CA_EVENT_LOSS)
        tcp_undo.tcp_init_undo(sk)
    sk.snd_cwnd = tcp_packets_in_flight(sk) + 1
    sk.snd_cwnd_cnt = 0
    sk.snd_cwnd_stamp = sk.net.jiffies
    sysctl = sk.net.sysctl
    if state <= TCP_CA_Disorder and sk.sacked_out >= sysctl.tcp_reordering:
        # Many duplicates and yet a timeout: the path reorders less than was believed.
        sk.reordering = min(sk.reordering, sysctl.tcp_reordering)
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Loss)
    sk.high_seq = sk.snd_nxt
    sk.tlp_high_seq = 0
    tcp_ecn.tcp_ecn_queue_cwr(sk)
    sk.frto_counter = 0
    sk.frto = bool(
        not sk.net.profile.frto_before_loss
        and sysctl.tcp_frto
        and (new_recovery or sk.icsk_retransmits)
        and not sk.mtup_probe_size
    )


def tcp_process_loss(sk: TcpSock, flag: int, num_dupack: int) -> int:
    """An ACK in Loss: undo it if it was needless, end it when all is recovered; what is to be sent (REXMIT_*).

    F-RTO: after the timeout's one retransmission the first ACK that advances lets new data out instead of more
    retransmissions. If data that was never sent again then arrive, nothing had been lost.
    """
    recovered = sk.snd_una >= sk.high_seq
    if (flag & FLAG_SND_UNA_ADVANCED or sk.fastopen_rsk is not None) and tcp_undo.tcp_try_undo_loss(sk, False):
        return REXMIT_NONE
    if sk.frto:
        if flag & FLAG_ORIG_SACK_ACKED and tcp_undo.tcp_try_undo_loss(sk, True):
            return REXMIT_NONE
        if sk.snd_nxt > sk.high_seq:
            if flag & FLAG_DATA_SACKED or num_dupack:
                sk.frto = False
        elif flag & FLAG_SND_UNA_ADVANCED and not recovered:
            sk.high_seq = sk.snd_nxt
            if sk.sk_write_queue.head is not None and tcp_wnd_end(sk) > sk.snd_nxt:
                return REXMIT_NEW
            sk.frto = False
    if recovered:
        tcp_undo.tcp_try_undo_recovery(sk)
        return REXMIT_NONE
    if not sk.sack_ok:
        if sk.snd_nxt > sk.high_seq and num_dupack:
            tcp_fastretrans.tcp_add_reno_sack(sk, num_dupack, flag & FLAG_ECE != 0)
        elif flag & FLAG_SND_UNA_ADVANCED:
            sk.sacked_out = 0
    if sk.net.profile.rate_halving:
        tcp_cwnd_down.tcp_moderate_cwnd(sk)
    return REXMIT_LOST


def tcp_update_rto_time(sk: TcpSock) -> None:
    """Count the time spent in an episode of timeouts, ms."""
    if sk.rto_stamp:
        sk.total_rto_time += tcp_time_stamp_ms(sk) - sk.rto_stamp
        sk.rto_stamp = 0
