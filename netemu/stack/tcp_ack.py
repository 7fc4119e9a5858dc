"""An arriving acknowledgement, from top to bottom (net/ipv4/tcp_input.c, tcp_ack).

::

    too old, or of what was never sent ------------------------------------> challenge ACK
    window, SACK blocks, ECN echo      tcp_ack_update_window, tcp_sack.py
    what is acknowledged is freed      tcp_clean_rtx.py, with the RTT
    what that says about losses        tcp_fastretrans.py, tcp_tlp.py
    timer                              tcp_set_xmit_timer
    rate, window                       tcp_rate.py, tcp_cong_control
    what is to be sent again           tcp_xmit_recovery
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netemu.packet.tcp import CWR, ECE, SYN
from netemu.stack import (
    tcp_accecn_ack,
    tcp_clean_rtx,
    tcp_cwnd,
    tcp_cwnd_down,
    tcp_ecn,
    tcp_fastretrans,
    tcp_frto,
    tcp_input,
    tcp_mss,
    tcp_output,
    tcp_prr,
    tcp_rate,
    tcp_recovery,
    tcp_retransmit,
    tcp_sack,
    tcp_sacktag,
    tcp_timer,
    tcp_tlp,
)
from netemu.stack.cong import CA_ACK_ECE, CA_ACK_SLOWPATH, CA_ACK_WIN_UPDATE, RateSample, TcpCongestionOps
from netemu.stack.sock import (
    ICSK_TIME_PROBE0,
    TCP_CA_CWR,
    TCP_NAGLE_OFF,
    TCP_SYN_SENT,
    TCP_CA_Open,
    TCP_CA_Recovery,
)
from netemu.stack.tcp_accecn_h import TCP_ECN_MODE_ACCECN
from netemu.stack.tcp_h import (
    FLAG_ACK_MAYBE_DELAYED,
    FLAG_ACKED,
    FLAG_CA_ALERT,
    FLAG_DATA,
    FLAG_DATA_ACKED,
    FLAG_DSACKING_ACK,
    FLAG_ECE,
    FLAG_FORWARD_PROGRESS,
    FLAG_FRTO,
    FLAG_NO_CHALLENGE_ACK,
    FLAG_NOT_DUP,
    FLAG_SET_XMIT_TIMER,
    FLAG_SLOWPATH,
    FLAG_SND_UNA_ADVANCED,
    FLAG_UPDATE_TS_RECENT,
    FLAG_WIN_UPDATE,
    REXMIT_NEW,
    REXMIT_NONE,
    tcp_highest_sack_seq,
    tcp_wnd_end,
)

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

TOO_OLD_ACK, ACK_UNSENT_DATA = -1, -2
"""What tcp_ack returns for an ACK that is refused (the kernel: minus the reason of the drop)."""

_NO_ACK_EVENT = TcpCongestionOps.in_ack_event
"""A control that does not override it has none, as a null pointer in the kernel."""


def tcp_ack(sk: TcpSock, skb: SkBuff, flag: int) -> int:
    """Process the acknowledgement in ``skb``: 1; 0 when it is older than one before; negative when it is refused.

    ``flag``: FLAG_SLOWPATH unless header prediction matched, FLAG_DATA, FLAG_UPDATE_TS_RECENT, FLAG_NO_CHALLENGE_ACK.
    """
    prior_snd_una = sk.snd_una
    ack = skb.ack_seq
    if ack < prior_snd_una:
        return _old_ack(sk, skb, flag, prior_snd_una)
    if ack > sk.snd_nxt:
        if not flag & FLAG_NO_CHALLENGE_ACK:
            tcp_input.tcp_send_challenge_ack(sk)
        return ACK_UNSENT_DATA
    prior_packets, prior_delivered, prior_lost = sk.packets_out, sk.delivered, sk.lost
    if ack > prior_snd_una:
        flag |= FLAG_SND_UNA_ADVANCED
        sk.icsk_retransmits = 0
    if not prior_packets:
        return _no_queue(sk, skb, _take_in(sk, skb, flag, prior_snd_una, None), prior_snd_una, prior_delivered)
    rs, is_sack_reneg, rexmit = RateSample(), sk.is_sack_reneg, REXMIT_NONE
    sack = tcp_sacktag.SacktagState(rs)
    prior_fack = tcp_highest_sack_seq(sk) if sk.sack_ok else prior_snd_una
    rs.prior_in_flight = prior_packets - sk.sacked_out - sk.lost_out + sk.retrans_out
    flag = _take_in(sk, skb, flag, prior_snd_una, sack)
    _heard(sk, skb)
    flag |= tcp_clean_rtx.tcp_clean_rtx_queue(sk, prior_fack, prior_snd_una, sack, flag & FLAG_ECE != 0)
    tcp_recovery.tcp_rack_update_reo_wnd(sk, rs)
    if sk.frto_counter or sk.ecn_flags & TCP_ECN_MODE_ACCECN:
        flag = _of_one_era(sk, skb, flag, prior_delivered, _delivered_bytes(sk, sack, prior_snd_una, flag))
    if type(sk.icsk_ca_ops).in_ack_event is not _NO_ACK_EVENT:
        tcp_in_ack_event(sk, flag)
    if sk.tlp_high_seq:
        tcp_tlp.tcp_process_tlp_ack(sk, ack, flag)
    if tcp_ack_is_dubious(sk, flag):
        num_dupack = 0
        if not flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING_ACK):
            # Pure ACKs that were joined in the backlog stand for as many duplicates.
            num_dupack = 1 if flag & FLAG_DATA else max(1, skb.tcp_gso_segs)
        flag, rexmit = tcp_fastretrans.tcp_fastretrans_alert(sk, prior_snd_una, num_dupack, flag)
    if flag & FLAG_SET_XMIT_TIMER:
        tcp_set_xmit_timer(sk)
    delivered = tcp_newly_delivered(sk, prior_delivered, flag)
    rs.is_ack_delayed = flag & FLAG_ACK_MAYBE_DELAYED != 0
    tcp_rate.tcp_rate_gen(sk, delivered, sk.lost - prior_lost, is_sack_reneg, rs)
    tcp_cong_control(sk, ack, delivered, flag, rs)
    if rexmit:
        tcp_xmit_recovery(sk, rexmit)
    return 1


def _of_one_era(sk: TcpSock, skb: SkBuff, flag: int, prior_delivered: int, size: int) -> int:
    """What only eras before 3.10 or since 6.18 make of an ACK."""
    if sk.frto_counter:
        return tcp_frto.tcp_process_frto(sk, flag)
    return _count_marks(sk, skb, flag, prior_delivered, size)


def _count_marks(sk: TcpSock, skb: SkBuff, flag: int, prior_delivered: int, size: int) -> int:
    return tcp_accecn_ack.tcp_accecn_process(sk, skb, sk.delivered - prior_delivered, size, flag)


def _delivered_bytes(sk: TcpSock, sack: tcp_sacktag.SacktagState, prior_snd_una: int, flag: int) -> int:
    """Of an ACK: what left the queue, or was SACKed where nothing did."""
    if not flag & FLAG_ACKED:
        return sack.delivered_bytes
    head = sk.tcp_rtx_queue.head
    return (sk.snd_una if head is None else head.seq) - prior_snd_una


def _heard(sk: TcpSock, skb: SkBuff) -> None:
    """The peer is alive, and says with CWR that it reduced its window."""
    if skb.tcp_flags & CWR:
        tcp_ecn.tcp_ecn_accept_cwr(sk, skb)
    sk.sk_err_soft = 0
    sk.icsk_probes_out = 0
    sk.rcv_tstamp = sk.net.jiffies


def _take_in(sk: TcpSock, skb: SkBuff, flag: int, prior_snd_una: int, sack: tcp_sacktag.SacktagState | None) -> int:
    """Window, SACK blocks and ECN echo of an acceptable ACK; its flags. ``sack`` None: nothing is outstanding."""
    ack = skb.ack_seq
    if flag & FLAG_UPDATE_TS_RECENT:
        flag |= tcp_input.tcp_replace_ts_recent(sk, skb.seq) or 0
    if flag & (FLAG_SLOWPATH | FLAG_SND_UNA_ADVANCED) == FLAG_SND_UNA_ADVANCED:
        # Header prediction: the window has not changed and there are no options to look at.
        sk.snd_wl1 = skb.seq
        sk.bytes_acked += ack - prior_snd_una
        sk.snd_una = ack
        sk.net.mib.inc("TCPHPAcks")
        return flag | FLAG_WIN_UPDATE
    if skb.seq != skb.end_seq:
        flag |= FLAG_DATA
    else:
        sk.net.mib.inc("TCPPureAcks")
    flag |= tcp_ack_update_window(sk, skb, ack, skb.seq)
    if skb.tcp_flags & ECE and tcp_ecn.tcp_ecn_rcv_ecn_echo(sk, skb):
        flag |= FLAG_ECE
    if tcp_has_sacks(sk, skb):
        state = tcp_sacktag.SacktagState(RateSample()) if sack is None else sack
        flag |= tcp_sack.tcp_sacktag_write_queue(sk, skb, prior_snd_una, state)
        if state.sack_delivered:
            tcp_fastretrans.tcp_count_delivered(sk, state.sack_delivered, flag & FLAG_ECE != 0)
    return flag


def _no_queue(sk: TcpSock, skb: SkBuff, flag: int, prior_snd_una: int, prior_delivered: int) -> int:
    """An ACK with nothing outstanding: a window update, or a D-SACK that may undo a reduction."""
    _heard(sk, skb)
    if sk.ecn_flags & TCP_ECN_MODE_ACCECN:
        flag = _count_marks(sk, skb, flag, prior_delivered, 0)
    if type(sk.icsk_ca_ops).in_ack_event is not _NO_ACK_EVENT:
        tcp_in_ack_event(sk, flag)
    if flag & FLAG_DSACKING_ACK:
        flag, _ = tcp_fastretrans.tcp_fastretrans_alert(sk, prior_snd_una, 0, flag)
        tcp_newly_delivered(sk, prior_delivered, flag)
    if sk.sk_write_queue.head is not None:
        tcp_ack_probe(sk)
    if sk.tlp_high_seq:
        tcp_tlp.tcp_process_tlp_ack(sk, skb.ack_seq, flag)
    return 1


def _old_ack(sk: TcpSock, skb: SkBuff, flag: int, prior_snd_una: int) -> int:
    """An ACK below ``snd_una``: only its SACK blocks matter. Too old, it may be an attack (RFC 5961 section 5.2)."""
    if skb.ack_seq < prior_snd_una - min(sk.max_window, sk.bytes_acked):
        if not flag & FLAG_NO_CHALLENGE_ACK:
            tcp_input.tcp_send_challenge_ack(sk)
        return TOO_OLD_ACK
    if flag & FLAG_UPDATE_TS_RECENT:
        tcp_input.tcp_replace_ts_recent(sk, skb.seq)
    if tcp_has_sacks(sk, skb):
        prior_delivered = sk.delivered
        sack = tcp_sacktag.SacktagState(RateSample())
        flag |= tcp_sack.tcp_sacktag_write_queue(sk, skb, prior_snd_una, sack)
        flag, rexmit = tcp_fastretrans.tcp_fastretrans_alert(sk, prior_snd_una, 0, flag)
        tcp_newly_delivered(sk, prior_delivered, flag)
        tcp_xmit_recovery(sk, rexmit)
    return 0


def tcp_has_sacks(sk: TcpSock, skb: SkBuff) -> bool:
    """Whether the segment has SACK blocks that were agreed on (the kernel notes their place in ``sacked``)."""
    options: Any = skb.options
    return options is not None and sk.sack_ok and bool(options.sack)


def tcp_ack_update_window(sk: TcpSock, skb: SkBuff, ack: int, ack_seq: int) -> int:
    """Take the window of an ACK that is newer than the last one; FLAG_WIN_UPDATE or 0. ``snd_una`` becomes ``ack``."""
    flag = 0
    nwin = skb.window if skb.tcp_flags & SYN else skb.window << sk.snd_wscale
    if tcp_may_update_window(sk, ack, ack_seq, nwin):
        flag = FLAG_WIN_UPDATE
        sk.snd_wl1 = ack_seq
        if sk.snd_wnd != nwin:
            sk.snd_wnd = nwin
            tcp_input.tcp_fast_path_check(sk)
            if sk.sk_write_queue.head is not None:
                tcp_cwnd.tcp_slow_start_after_idle_check(sk)
            if nwin > sk.max_window:
                sk.max_window = nwin
                tcp_mss.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    sk.bytes_acked += ack - sk.snd_una
    sk.snd_una = ack
    return flag


def tcp_may_update_window(sk: TcpSock, ack: int, ack_seq: int, nwin: int) -> bool:
    """Whether a window is newer than the one known (RFC 9293 section 3.10.7.4, but that a window of 0 is believed)."""
    snd_wl1 = sk.snd_wl1
    closed = not nwin and sk.net.profile.zero_window_believed
    return ack > sk.snd_una or ack_seq > snd_wl1 or (ack_seq == snd_wl1 and (nwin > sk.snd_wnd or closed))


def tcp_ack_probe(sk: TcpSock) -> None:
    """With nothing outstanding: stop probing when the window opened for the next segment, else probe later."""
    head = sk.sk_write_queue.head
    if head is None:
        return
    if head.end_seq <= tcp_wnd_end(sk):
        sk.icsk_backoff = 0
        sk.icsk_probes_tstamp = 0
        tcp_timer.inet_csk_clear_xmit_timer(sk)
    else:
        when = tcp_timer.tcp_probe0_when(sk, sk.icsk_rto_max)
        when = tcp_timer.tcp_clamp_probe0_to_user_timeout(sk, when)
        tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_PROBE0, when, True)


def tcp_ack_is_dubious(sk: TcpSock, flag: int) -> bool:
    """Whether the ACK is more than plain progress in Open."""
    return not flag & FLAG_NOT_DUP or flag & FLAG_CA_ALERT != 0 or sk.icsk_ca_state != TCP_CA_Open


def tcp_may_raise_cwnd(sk: TcpSock, flag: int) -> bool:
    """Whether the window may grow: on progress in order, or on any delivery where the path is known to reorder."""
    if sk.reordering > sk.net.sysctl.tcp_reordering:
        return flag & FLAG_FORWARD_PROGRESS != 0
    return flag & FLAG_DATA_ACKED != 0


def tcp_cong_control(sk: TcpSock, ack: int, acked_sacked: int, flag: int, rs: RateSample) -> None:
    """Set the window: by the congestion control alone where it does all, else PRR in a reduction and growth outside."""
    ops = sk.icsk_ca_ops
    if ops.has_cong_control:
        ops.cong_control(sk, ack, flag, rs)
        return
    state = sk.icsk_ca_state
    if state in (TCP_CA_Recovery, TCP_CA_CWR):
        if sk.net.profile.rate_halving:
            tcp_cwnd_down.tcp_cwnd_down(sk, flag)
        else:
            tcp_prr.tcp_cwnd_reduction(sk, acked_sacked, rs.losses, flag)
    elif tcp_may_raise_cwnd(sk, flag) and not flag & FLAG_FRTO:
        ops.cong_avoid(sk, ack, acked_sacked)
        sk.snd_cwnd_stamp = sk.net.jiffies
    tcp_rate.tcp_update_pacing_rate(sk)


def tcp_set_xmit_timer(sk: TcpSock) -> None:
    """Arm the loss probe; where none is to be sent, the retransmission timer."""
    if not sk.packets_out or not tcp_tlp.tcp_schedule_loss_probe(sk, True):
        tcp_timer.tcp_rearm_rto(sk)


def tcp_in_ack_event(sk: TcpSock, flag: int) -> None:
    """Tell the congestion control what kind of ACK came, before anything is made of it."""
    events = CA_ACK_WIN_UPDATE if flag & FLAG_WIN_UPDATE else 0
    if flag & FLAG_SLOWPATH:
        events |= CA_ACK_SLOWPATH
        if flag & FLAG_ECE:
            events |= CA_ACK_ECE
    sk.icsk_ca_ops.in_ack_event(sk, events)


def tcp_xmit_recovery(sk: TcpSock, rexmit: int) -> None:
    """Send what recovery asks for, within the window that was set meanwhile."""
    if rexmit == REXMIT_NONE or sk.sk_state == TCP_SYN_SENT:
        return
    if rexmit == REXMIT_NEW:
        tcp_output.__tcp_push_pending_frames(sk, tcp_mss.tcp_current_mss(sk), TCP_NAGLE_OFF)
        if sk.snd_nxt > sk.high_seq:
            return
        sk.frto = False
    tcp_retransmit.tcp_xmit_retransmit_queue(sk)


def tcp_newly_delivered(sk: TcpSock, prior_delivered: int, flag: int) -> int:
    """How many segments this ACK says were delivered."""
    delivered = sk.delivered - prior_delivered
    mib = sk.net.mib
    mib.inc("TCPDelivered", delivered)
    if flag & FLAG_ECE:
        mib.inc("TCPDeliveredCE", delivered)
    return delivered
