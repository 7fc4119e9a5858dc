"""What an unusual ACK does to the congestion state: Open, Disorder, CWR, Recovery, Loss (net/ipv4/tcp_input.c).

::

    Open ---SACK, duplicate---> Disorder ---a segment is lost---> Recovery ---high_seq acknowledged---> Open
      |                            |                                  ^
      +-------ECE----------------> CWR -----------a segment is lost---+       any ---timeout---> Loss

It decides what is lost and which state follows. The window is set later by the congestion control or PRR
(:mod:`netemu.stack.tcp_prr`), what is sent again by tcp_xmit_retransmit_queue.
"""
# ruff: noqa: PLR0911, PLR0912, PLR0917 (functions take and decide what the kernel's of that name do)

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import (
    tcp_cong,
    tcp_dupthresh,
    tcp_early_retrans,
    tcp_loss,
    tcp_mtup,
    tcp_prr,
    tcp_recovery,
    tcp_retransmit,
    tcp_timer,
    tcp_undo,
)
from netemu.stack.jiffies import msecs_to_jiffies, usecs_to_jiffies
from netemu.stack.sock import (
    ICSK_TIME_RETRANS,
    TCP_CA_CWR,
    TCP_CA_Disorder,
    TCP_CA_Loss,
    TCP_CA_Open,
    TCP_CA_Recovery,
)
from netemu.stack.tcp_h import (
    FLAG_ECE,
    FLAG_LOST_RETRANS,
    FLAG_SACK_RENEGING,
    FLAG_SET_XMIT_TIMER,
    FLAG_SND_UNA_ADVANCED,
    REXMIT_LOST,
    REXMIT_NONE,
    tcp_current_ssthresh,
    tcp_in_cwnd_reduction,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_fastretrans_alert(sk: TcpSock, prior_snd_una: int, num_dupack: int, flag: int) -> tuple[int, int]:
    """Process an ACK that is no plain progress in Open. The ACK's flags, changed, and what is to be sent (REXMIT_*).

    ``num_dupack``: duplicate ACKs that it stands for.
    """
    if not sk.packets_out and sk.sacked_out:
        sk.sacked_out = 0
    ece_ack = flag & FLAG_ECE != 0
    if ece_ack:
        sk.prior_ssthresh = 0  # congestion is proven: nothing to undo
    if flag & FLAG_SACK_RENEGING and flag & FLAG_SND_UNA_ADVANCED:
        return tcp_check_sack_reneging(sk, flag), REXMIT_NONE
    if not _exit_state(sk):
        return flag, REXMIT_NONE
    rexmit = REXMIT_NONE
    do_lost = tcp_dupthresh.tcp_do_lost(sk, num_dupack, flag)
    state = sk.icsk_ca_state
    if state == TCP_CA_Recovery:
        if not flag & FLAG_SND_UNA_ADVANCED:
            if not sk.sack_ok:
                tcp_add_reno_sack(sk, num_dupack, ece_ack)
        elif tcp_undo.tcp_try_undo_partial(sk, prior_snd_una):
            return flag, REXMIT_NONE
        else:
            do_lost = tcp_dupthresh.tcp_do_lost_partial(sk, do_lost)
        if tcp_undo.tcp_try_undo_dsack(sk):
            tcp_undo.tcp_try_to_open(sk, flag)
        flag = tcp_identify_packet_loss(sk, flag)
        if sk.icsk_ca_state != TCP_CA_Recovery:
            if not tcp_dupthresh.tcp_time_to_recover(sk):
                return flag, REXMIT_NONE
            # It was undone, and something else is lost.
            tcp_enter_recovery(sk, ece_ack)
        tcp_dupthresh.tcp_update_scoreboard(sk, do_lost, False)
        return flag, REXMIT_LOST
    if state == TCP_CA_Loss:
        rexmit = tcp_loss.tcp_process_loss(sk, flag, num_dupack)
        if sk.icsk_ca_state != TCP_CA_Loss:
            tcp_loss.tcp_update_rto_time(sk)
        flag = tcp_identify_packet_loss(sk, flag)
        if sk.icsk_ca_state != TCP_CA_Open and not flag & FLAG_LOST_RETRANS:
            return flag, rexmit
    return _process_open(sk, num_dupack, flag, ece_ack, rexmit, do_lost)


def _exit_state(sk: TcpSock) -> bool:
    """End a state whose ``high_seq`` is acknowledged; False: the state is held and the ACK is done with."""
    state = sk.icsk_ca_state
    if state == TCP_CA_Open:
        sk.retrans_stamp = 0
    elif sk.snd_una >= sk.high_seq:
        if state == TCP_CA_CWR:
            # Until something above high_seq is acknowledged, so that the peer saw CWR.
            if sk.snd_una != sk.high_seq:
                tcp_prr.tcp_end_cwnd_reduction(sk)
                tcp_cong.tcp_set_ca_state(sk, TCP_CA_Open)
        elif state == TCP_CA_Recovery:
            if not sk.sack_ok:
                sk.sacked_out = 0
            if tcp_undo.tcp_try_undo_recovery(sk):
                return False
            tcp_prr.tcp_end_cwnd_reduction(sk)
    return True


def _process_open(
    sk: TcpSock, num_dupack: int, flag: int, ece_ack: bool, rexmit: int, do_lost: bool
) -> tuple[int, int]:
    """Open, Disorder, CWR, or Loss that was left: start a recovery if something is lost."""
    if not sk.sack_ok:
        if flag & FLAG_SND_UNA_ADVANCED:
            sk.sacked_out = 0
        tcp_add_reno_sack(sk, num_dupack, ece_ack)
    if sk.icsk_ca_state <= TCP_CA_Disorder:
        tcp_undo.tcp_try_undo_dsack(sk)
    flag = tcp_identify_packet_loss(sk, flag)
    if not tcp_dupthresh.tcp_time_to_recover(sk):
        early = tcp_early_retrans.tcp_early_retransmit(sk, flag) if sk.net.profile.early_retransmit else 0
        if early == tcp_early_retrans.PAUSED:
            flag &= ~FLAG_SET_XMIT_TIMER
        if early != tcp_early_retrans.DUE:
            tcp_undo.tcp_try_to_open(sk, flag)
            return flag, rexmit
    if sk.icsk_ca_state < TCP_CA_CWR and sk.mtup_probe_size and sk.snd_una == sk.mtu_probe_seq_start:
        # The probe of a larger MTU was lost, which says nothing about congestion.
        tcp_mtup.tcp_mtup_probe_failed(sk)
        sk.snd_cwnd += 1
        tcp_retransmit.tcp_simple_retransmit(sk)
        return flag, rexmit
    tcp_enter_recovery(sk, ece_ack)
    tcp_dupthresh.tcp_update_scoreboard(sk, do_lost, True)
    return flag, REXMIT_LOST


def tcp_check_sack_reneging(sk: TcpSock, flag: int) -> int:
    """The ACK stops before a segment that was SACKed: the receiver may have thrown it away. Give it half a round trip
    (10 ms at least) to say more before a timeout that believes so; the flags, without a new timer."""
    hz = sk.net.profile.hz
    delay = max(usecs_to_jiffies(sk.srtt_us >> 4, hz), msecs_to_jiffies(10, hz))
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, delay, False)
    return flag & ~FLAG_SET_XMIT_TIMER


def tcp_identify_packet_loss(sk: TcpSock, flag: int) -> int:
    """Mark what is lost; the flags, changed when RACK set a timer or found retransmissions lost."""
    if sk.tcp_rtx_queue.head is None:
        return flag
    if not sk.sack_ok:
        tcp_recovery.tcp_newreno_mark_lost(sk, flag & FLAG_SND_UNA_ADVANCED != 0)
    elif tcp_dupthresh.tcp_is_rack(sk):
        prior_retrans = sk.retrans_out
        if tcp_recovery.tcp_rack_mark_lost(sk):
            flag &= ~FLAG_SET_XMIT_TIMER
        if prior_retrans > sk.retrans_out:
            flag |= FLAG_LOST_RETRANS
    return flag


def tcp_enter_recovery(sk: TcpSock, ece_ack: bool) -> None:
    """A segment is lost: start a recovery, and a reduction of the window unless one is under way."""
    if sk.net.profile.retrans_stamp_renewed:
        tcp_undo.tcp_retrans_stamp_cleanup(sk)
    sk.net.mib.inc("TCPSackRecovery" if sk.sack_ok else "TCPRenoRecovery")
    sk.prior_ssthresh = 0
    tcp_undo.tcp_init_undo(sk)
    if not tcp_in_cwnd_reduction(sk):
        if not ece_ack:
            sk.prior_ssthresh = tcp_current_ssthresh(sk)
        tcp_prr.tcp_init_cwnd_reduction(sk)
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Recovery)


def tcp_non_congestion_loss_retransmit(sk: TcpSock) -> None:
    """Send again what is lost for another reason than congestion (a smaller path MTU), with the window as it is.

    The state is Loss all the same, so that the episode ends when all of it is acknowledged.
    """
    if sk.icsk_ca_state != TCP_CA_Loss:
        sk.high_seq = sk.snd_nxt
        sk.snd_ssthresh = tcp_current_ssthresh(sk)
        sk.prior_ssthresh = 0
        sk.undo_marker = 0
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_Loss)
    tcp_retransmit.tcp_xmit_retransmit_queue(sk)


# ---- without SACK: duplicate ACKs stand for segments that were received


def tcp_limit_reno_sacked(sk: TcpSock) -> bool:
    """Keep the count of duplicates below what is outstanding, the lost ones apart; whether it was too high."""
    holes = min(max(sk.lost_out, 1), sk.packets_out)
    if sk.sacked_out + holes <= sk.packets_out:
        return False
    sk.sacked_out = sk.packets_out - holes
    return True


def tcp_check_reno_reordering(sk: TcpSock, addend: int) -> None:
    """More duplicates than segments outstanding: the path reorders that much."""
    if tcp_limit_reno_sacked(sk):
        sk.reordering = min(sk.packets_out + addend, sk.net.sysctl.tcp_max_reordering)
        sk.reord_seen += 1
        sk.net.mib.inc("TCPRenoReorder")


def tcp_add_reno_sack(sk: TcpSock, num_dupack: int, ece_ack: bool) -> None:
    """Count duplicate ACKs as deliveries."""
    if not num_dupack:
        return
    prior_sacked = sk.sacked_out
    sk.sacked_out += num_dupack
    tcp_check_reno_reordering(sk, 0)
    delivered = sk.sacked_out - prior_sacked
    if delivered > 0:
        tcp_count_delivered(sk, delivered, ece_ack)


def tcp_remove_reno_sacks(sk: TcpSock, acked: int, ece_ack: bool) -> None:
    """``acked`` segments are acknowledged: one filled the hole, the others had been counted by duplicates."""
    if acked > 0:
        tcp_count_delivered(sk, max(acked - sk.sacked_out, 1), ece_ack)
        sk.sacked_out = max(0, sk.sacked_out - (acked - 1))
    tcp_check_reno_reordering(sk, acked)


def tcp_count_delivered(sk: TcpSock, delivered: int, ece_ack: bool) -> None:
    """Count segments delivered, and as marked when the ACK told of congestion."""
    sk.delivered += delivered
    if ece_ack:
        sk.delivered_ce += delivered


def tcp_clear_retrans(sk: TcpSock) -> None:
    """Forget all of loss recovery, for a new or a reset connection."""
    sk.retrans_out = sk.lost_out = sk.sacked_out = 0
    sk.undo_marker = 0
    sk.undo_retrans = -1
    sk.rto_stamp = sk.total_rto = sk.total_rto_recoveries = sk.total_rto_time = 0
