"""Taking back a reduction of the window that turns out to have been needless (net/ipv4/tcp_input.c).

The proof is one of three: timestamps (what arrived was sent before the first retransmission: Eifel, RFC 3522), D-SACKs
(every retransmission arrived twice, RFC 3708), or F-RTO (RFC 5682). ``undo_marker``: snd_una when the episode began, 0
when there is nothing to undo; ``undo_retrans``: retransmissions not yet reported as duplicates, -1 before the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu import seq
from netemu.stack import tcp_cong, tcp_cwnd_down, tcp_ecn, tcp_prr, tcp_sack
from netemu.stack.skbuff import TCPCB_EVER_RETRANS, TCPCB_LOST, TCPCB_RETRANS
from netemu.stack.sock import TCP_CA_CWR, TCP_SYN_SENT, TCP_CA_Disorder, TCP_CA_Loss, TCP_CA_Open
from netemu.stack.tcp_h import FLAG_ECE, TCP_RACK_RECOVERY_THRESH, tcp_clear_all_retrans_hints

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock


def tcp_init_undo(sk: TcpSock) -> None:
    """Remember where an episode begins and how many retransmissions, a loss probe included, may yet be reported."""
    sk.undo_marker = sk.snd_una
    sk.undo_retrans = sk.retrans_out
    if sk.tlp_high_seq and sk.tlp_retrans:
        sk.undo_retrans += 1
    if not sk.undo_retrans:
        sk.undo_retrans = -1


def tcp_tsopt_ecr_before(sk: TcpSock, when: int) -> bool:
    """Whether the peer echoes a timestamp from before ``when`` (32 bits, of that clock)."""
    return bool(sk.saw_tstamp and sk.rcv_tsecr and seq.before(sk.rcv_tsecr, when))


def tcp_skb_spurious_retrans(sk: TcpSock, skb: SkBuff) -> bool:
    """Whether a retransmitted segment was acknowledged by an echo from before its retransmission."""
    return bool(skb.sacked & TCPCB_RETRANS) and tcp_tsopt_ecr_before(sk, skb.skb_mstamp_ns // sk.net.ts_tick_ns)


def tcp_packet_delayed(sk: TcpSock) -> bool:
    """Whether what arrived was the original: nothing was sent again, or the echo is older than that."""
    if sk.retrans_stamp:
        return tcp_tsopt_ecr_before(sk, sk.retrans_stamp)
    if not sk.net.profile.retrans_stamp_renewed:
        return False
    if not sk.sack_ok and sk.snd_una >= sk.high_seq:
        return False
    return sk.sk_state != TCP_SYN_SENT


def tcp_any_retrans_done(sk: TcpSock) -> bool:
    """Whether a retransmission is in the window."""
    if sk.retrans_out:
        return True
    head = sk.tcp_rtx_queue.head
    return head is not None and head.sacked & TCPCB_EVER_RETRANS != 0


def tcp_retrans_stamp_cleanup(sk: TcpSock) -> None:
    """Forget when the last episode's first retransmission was, once none of them is outstanding."""
    if not tcp_any_retrans_done(sk):
        sk.retrans_stamp = 0


def tcp_undo_cwnd_reduction(sk: TcpSock, unmark_loss: bool) -> None:
    """Give window and ssthresh back; ``unmark_loss``: nothing is lost either."""
    if unmark_loss:
        for skb in sk.tcp_rtx_queue:
            skb.sacked &= ~TCPCB_LOST
        sk.lost_out = 0
        tcp_clear_all_retrans_hints(sk)
    if sk.prior_ssthresh:
        sk.snd_cwnd = sk.icsk_ca_ops.undo_cwnd(sk)
        if sk.prior_ssthresh > sk.snd_ssthresh:
            sk.snd_ssthresh = sk.prior_ssthresh
            tcp_ecn.tcp_ecn_withdraw_cwr(sk)
    sk.snd_cwnd_stamp = sk.net.jiffies
    sk.undo_marker = 0
    sk.rack_advanced = True


def tcp_may_undo(sk: TcpSock) -> bool:
    """Whether D-SACKs or timestamps prove that the episode was needless."""
    return bool(sk.undo_marker) and (not sk.undo_retrans or tcp_packet_delayed(sk))


def tcp_is_non_sack_preventing_reopen(sk: TcpSock) -> bool:
    """Without SACK, whether the state must be held until something above ``high_seq`` is acknowledged: duplicates of
    the episode's own segments could otherwise start another (RFC 6582 section 4)."""
    if sk.snd_una != sk.high_seq or sk.sack_ok:
        return False
    if not tcp_any_retrans_done(sk):
        sk.retrans_stamp = 0
    return True


def tcp_try_undo_recovery(sk: TcpSock) -> bool:
    """The episode's data are acknowledged: undo it if it was needless and open up; whether it must be held instead."""
    if tcp_may_undo(sk):
        tcp_undo_cwnd_reduction(sk, False)
        sk.net.mib.inc("TCPLossUndo" if sk.icsk_ca_state == TCP_CA_Loss else "TCPFullUndo")
    elif sk.rack_reo_wnd_persist:
        sk.rack_reo_wnd_persist -= 1
    if tcp_is_non_sack_preventing_reopen(sk):
        if sk.net.profile.cwnd_moderated:
            tcp_cwnd_down.tcp_moderate_cwnd(sk)
        return True
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Open)
    sk.is_sack_reneg = False
    return False


def tcp_try_undo_dsack(sk: TcpSock) -> bool:
    """Undo when D-SACKs reported every retransmission; whether it was undone."""
    if not sk.undo_marker or sk.undo_retrans:
        return False
    sk.rack_reo_wnd_persist = min(TCP_RACK_RECOVERY_THRESH, sk.rack_reo_wnd_persist + 1)
    tcp_undo_cwnd_reduction(sk, False)
    sk.net.mib.inc("TCPDSACKUndo")
    return True


def tcp_try_undo_loss(sk: TcpSock, frto_undo: bool) -> bool:
    """Undo a retransmission timeout that was needless; ``frto_undo``: F-RTO proved it. Whether it was undone."""
    if not frto_undo and not tcp_may_undo(sk):
        return False
    tcp_undo_cwnd_reduction(sk, True)
    sk.net.mib.inc("TCPLossUndo")
    if frto_undo:
        sk.net.mib.inc("TCPSpuriousRTOs")
    sk.icsk_retransmits = 0
    if tcp_is_non_sack_preventing_reopen(sk):
        return True
    if frto_undo or sk.sack_ok:
        tcp_cong.tcp_set_ca_state(sk, TCP_CA_Open)
        sk.is_sack_reneg = False
    return True


def tcp_try_undo_partial(sk: TcpSock, prior_snd_una: int) -> bool:
    """An ACK in the middle of a recovery: if the hole was filled by the original, it was reordering. Whether
    retransmissions are still out, so that nothing more is to be marked or sent again now."""
    if not sk.undo_marker or not tcp_packet_delayed(sk):
        return False
    tcp_sack.tcp_check_sack_reordering(sk, prior_snd_una, True)
    if sk.retrans_out:
        return True
    tcp_retrans_stamp_cleanup(sk)
    tcp_undo_cwnd_reduction(sk, True)
    sk.net.mib.inc("TCPPartialUndo")
    tcp_try_keep_open(sk)
    return False


def tcp_try_keep_open(sk: TcpSock) -> None:
    """Open, or Disorder while something is SACKed, lost or sent again."""
    state = TCP_CA_Open
    if sk.sacked_out or sk.lost_out or tcp_any_retrans_done(sk):
        state = TCP_CA_Disorder
    if sk.icsk_ca_state != state:
        tcp_cong.tcp_set_ca_state(sk, state)
        sk.high_seq = sk.snd_nxt


def tcp_try_to_open(sk: TcpSock, flag: int) -> None:
    """No loss is known: go to Open or Disorder, or to CWR when the ACK tells of congestion."""
    if not sk.frto_counter:
        tcp_retrans_stamp_cleanup(sk)
    if flag & FLAG_ECE:
        tcp_prr.tcp_enter_cwr(sk)
    if sk.icsk_ca_state != TCP_CA_CWR:
        tcp_try_keep_open(sk)
        if sk.icsk_ca_state != TCP_CA_Open and sk.net.profile.cwnd_moderated:
            tcp_cwnd_down.tcp_moderate_cwnd(sk)
