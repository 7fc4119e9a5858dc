"""Arriving segments in every state but ESTABLISHED, LISTEN's SYN and the SYN-ACK of a connect included.

Sources: tcp_rcv_state_process and tcp_rcv_synsent_state_process in net/ipv4/tcp_input.c, Linux 7.2.
A result of True means that the segment deserves an RST, which the caller (tcp_v4_do_rcv) sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.stack import (
    sock_wake,
    tcp_accecn,
    tcp_ack,
    tcp_ack_snd,
    tcp_close,
    tcp_data_queue,
    tcp_ecn,
    tcp_fastopen,
    tcp_fastopen_active,
    tcp_input,
    tcp_metrics,
    tcp_minisocks,
    tcp_mss,
    tcp_rate,
    tcp_request,
    tcp_rmem,
    tcp_rtt,
    tcp_send,
    tcp_state,
    tcp_timer,
    tcp_urg,
    tcp_validate,
)
from netemu.stack.sock import (
    ICSK_ACK_SCHED,
    ICSK_ACK_TIMER,
    ICSK_TIME_RETRANS,
    RCV_SHUTDOWN,
    SEND_SHUTDOWN,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_TIME_WAIT,
    tcp_mstamp_refresh,
    tcp_time_stamp_ts,
)
from netemu.stack.tcp_accecn_h import of, tcp_ecn_mode_accecn
from netemu.stack.tcp_h import FLAG_NO_CHALLENGE_ACK, FLAG_SLOWPATH, FLAG_UPDATE_TS_RECENT
from netemu.stack.tcp_window import tcp_update_max_rcv_wnd_seq

if TYPE_CHECKING:
    from netemu.packet.ip import Options
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

TCPOLEN_TSTAMP_ALIGNED = 12
TCP_TIMEOUT_MIN = 2  # jiffies
TCP_TIMEWAIT_LEN_S = 60
TCP_MAX_WSCALE = 14


def tcp_rcv_state_process(sk: TcpSock, skb: SkBuff) -> bool:
    """A segment for a socket that is not ESTABLISHED; True: answer it with an RST."""
    state = sk.sk_state
    if state == TCP_LISTEN:
        return _listening(sk, skb)
    tcp_mstamp_refresh(sk)
    sk.saw_tstamp = False
    if state == TCP_SYN_SENT:
        return tcp_rcv_synsent_state_process(sk, skb)
    return _synchronized(sk, skb)


def _synchronized(sk: TcpSock, skb: SkBuff) -> bool:
    """The steps of RFC 9293 section 3.10.7.4."""
    req = sk.fastopen_rsk
    if req is not None and tcp_minisocks.tcp_check_req(sk, skb, req, True) is None:
        sk.sk_drops += 1
        return False
    if sk.sk_state == TCP_CLOSE or not skb.tcp_flags & (ACK | RST | SYN):
        sk.sk_drops += 1
        return False
    if not tcp_validate.tcp_validate_incoming(sk, skb, False):
        return False
    result = tcp_ack.tcp_ack(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT | FLAG_NO_CHALLENGE_ACK)
    if result <= 0 and sk.sk_state == TCP_SYN_RECV:
        return True
    if result < 0 or (result == 0 and not sk.net.profile.old_ack_taken_in_closing):
        tcp_input.tcp_send_challenge_ack(sk)
        sk.sk_drops += 1
        return False
    return not _acknowledged(sk, skb) and _text(sk, skb)


def _listening(sk: TcpSock, skb: SkBuff) -> bool:
    flags = skb.tcp_flags
    if flags & ACK:
        return True
    if flags & RST or not flags & SYN or flags & FIN:
        sk.sk_drops += 1
        return False
    tcp_request.tcp_v4_conn_request(sk, skb)
    return False


def _acknowledged(sk: TcpSock, skb: SkBuff) -> bool:
    """What the ACK means for the state; True: the segment is used up."""
    state = sk.sk_state
    if state == TCP_SYN_RECV:
        _established(sk, skb)
    elif state == TCP_FIN_WAIT1:
        if sk.fastopen_rsk is not None:
            tcp_fastopen.tcp_rcv_synrecv_state_fastopen(sk)
        return sk.snd_una == sk.write_seq and _fin_acknowledged(sk, skb)
    elif state == TCP_CLOSING:
        if sk.snd_una == sk.write_seq:
            tcp_minisocks.tcp_time_wait(sk, TCP_TIME_WAIT, 0)
            return True
    elif state == TCP_LAST_ACK and sk.snd_una == sk.write_seq:
        tcp_metrics.tcp_update_metrics(sk)
        tcp_close.tcp_done(sk)
        return True
    return False


def _established(sk: TcpSock, skb: SkBuff) -> None:
    """The ACK of our SYN: the passive side, or both that opened at once, are connected."""
    sk.delivered += 1
    if not sk.srtt_us:
        tcp_rtt.tcp_synack_rtt_meas(sk, sk.fastopen_rsk)
    early = sk.net.profile.passive_advmss_first
    if sk.tstamp_ok and early:
        sk.advmss -= TCPOLEN_TSTAMP_ALIGNED
    if sk.fastopen_rsk is not None:
        tcp_fastopen.tcp_rcv_synrecv_state_fastopen(sk)
    else:
        tcp_try_undo_spurious_syn(sk)
        sk.retrans_stamp = 0
        tcp_input.tcp_init_transfer(sk)
        sk.copied_seq = sk.rcv_nxt
    if sk.tstamp_ok and not early:
        sk.advmss -= TCPOLEN_TSTAMP_ALIGNED
    tcp_state.tcp_set_state(sk, TCP_ESTABLISHED)
    sock_wake.sk_state_change(sk)
    sk.snd_una = skb.ack_seq
    sk.snd_wnd = skb.window << sk.snd_wscale
    sk.snd_wl1 = skb.seq
    if not sk.icsk_ca_ops.has_cong_control:
        tcp_rate.tcp_update_pacing_rate(sk)
    sk.lsndtime = sk.net.jiffies
    tcp_rmem.tcp_initialize_rcv_mss(sk)
    if tcp_ecn_mode_accecn(sk):
        tcp_accecn.tcp_accecn_third_ack(sk, skb, of(sk).syn_ect_snt)
    tcp_input.tcp_fast_path_on(sk)
    if sk.sk_shutdown & SEND_SHUTDOWN:
        tcp_close.tcp_shutdown(sk, SEND_SHUTDOWN)


def tcp_try_undo_spurious_syn(sk: TcpSock) -> None:
    """A SYN that was sent again without need: the echo is that of the first, so the window need not begin at 1."""
    stamp = sk.retrans_stamp
    if sk.undo_marker and stamp and sk.saw_tstamp and (stamp & 0xFFFFFFFF) == sk.rcv_tsecr:
        sk.undo_marker = 0


def _fin_acknowledged(sk: TcpSock, skb: SkBuff) -> bool:
    """FIN-WAIT-1 to FIN-WAIT-2; True: the socket is gone or has become a small one that waits."""
    tcp_state.tcp_set_state(sk, TCP_FIN_WAIT2)
    sk.sk_shutdown |= SEND_SHUTDOWN
    if not sk.sk_dead:
        sock_wake.sk_state_change(sk)
        return False
    fin = skb.tcp_flags & FIN
    late_data = skb.end_seq != skb.seq and skb.end_seq - fin > sk.rcv_nxt
    if sk.linger2 < 0 or late_data:
        if sk.linger2 >= 0 and fin and sk.tfo.syn_fastopen:
            tcp_fastopen_active.tcp_fastopen_active_disable(sk)
        tcp_close.tcp_done(sk)
        sk.net.mib.inc("TCPAbortOnData")
        return True
    return tcp_close.wait_for_fin(sk, stay=bool(fin or sk.sk_owned))


def _text(sk: TcpSock, skb: SkBuff) -> bool:
    """Steps 6 and 7, urgent data and text; then what is to be sent. True: data came after all was closed."""
    tcp_urg.tcp_urg(sk, skb, skb.packet.body.urgent)
    state = sk.sk_state
    queued = False
    if state in (TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK) and skb.seq >= sk.rcv_nxt:
        pass
    elif state != TCP_ESTABLISHED and _data_after_shutdown(sk, skb):
        sk.net.mib.inc("TCPAbortOnData")
        tcp_input.tcp_reset(sk)
        return True
    else:
        tcp_data_queue.tcp_data_queue(sk, skb)
        queued = True
    if sk.sk_state != TCP_CLOSE:
        tcp_ack_snd.tcp_data_snd_check(sk)
        tcp_ack_snd.tcp_ack_snd_check(sk)
    if not queued:
        sk.sk_drops += 1
    return False


def _data_after_shutdown(sk: TcpSock, skb: SkBuff) -> bool:
    """New data for a reader that has said it will not read (RFC 1122 section 4.2.2.13)."""
    return (
        sk.sk_shutdown & RCV_SHUTDOWN != 0
        and skb.end_seq != skb.seq
        and skb.end_seq - (skb.tcp_flags & FIN) > sk.rcv_nxt
    )


def tcp_parse_options(sk: TcpSock, options: Options) -> None:
    """What a SYN says: its options become the connection's, where we want them too (estab = 0)."""
    sysctl = sk.net.sysctl
    sk.saw_tstamp = False
    sk.wscale_ok = sk.sack_ok = False
    sk.snd_wscale = 0
    if options.mss:
        mss = min(options.mss, sk.user_mss) if sk.user_mss else options.mss
        sk.mss_clamp = mss
    if options.window_scale is not None and sysctl.tcp_window_scaling:
        sk.wscale_ok = True
        sk.snd_wscale = min(options.window_scale, TCP_MAX_WSCALE)
    if options.ts_val is not None and sysctl.tcp_timestamps:
        sk.saw_tstamp = True
        sk.rcv_tsval = options.ts_val
        sk.rcv_tsecr = (options.ts_ecr - sk.tsoffset) & 0xFFFFFFFF if options.ts_ecr else 0
    if options.sack_permitted and sysctl.tcp_sack:
        sk.sack_ok = True


def tcp_clear_options(sk: TcpSock) -> None:
    """Forget what a segment that was refused said."""
    sk.tstamp_ok = sk.sack_ok = sk.wscale_ok = sk.saw_tstamp = False
    sk.snd_wscale = 0
    sk.selective_acks.clear()


def tcp_rcv_synsent_state_process(sk: TcpSock, skb: SkBuff) -> bool:
    """The answer to our SYN; True: it deserves an RST."""
    flags = skb.tcp_flags
    saved_clamp = sk.mss_clamp
    tcp_parse_options(sk, skb.options)
    if flags & ACK:
        if not sk.snd_una < skb.ack_seq <= sk.snd_nxt:
            if sk.icsk_retransmits == 0:
                tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, TCP_TIMEOUT_MIN, False)
            return _undo_options(sk, saved_clamp, True)
        if sk.saw_tstamp and sk.rcv_tsecr and not _echo_is_ours(sk):
            sk.net.mib.inc("PAWSActive")
            return _undo_options(sk, saved_clamp, True)
        if flags & RST:
            tcp_input.tcp_reset(sk)
            return False
        if flags & SYN:
            _connected(sk, skb)
            return False
    elif flags & (RST | SYN) == SYN and not _syn_is_old(sk):
        _crossed_syn(sk, skb)
        return False
    sk.sk_drops += 1
    return _undo_options(sk, saved_clamp, False)


def _syn_is_old(sk: TcpSock) -> bool:
    return sk.ts_recent_stamp != 0 and sk.saw_tstamp and tcp_validate.tcp_paws_reject(sk, False)


def _undo_options(sk: TcpSock, saved_clamp: int, reset: bool) -> bool:
    tcp_clear_options(sk)
    sk.mss_clamp = saved_clamp
    return reset


def _echo_is_ours(sk: TcpSock) -> bool:
    """Whether the timestamp that came back was sent since the first SYN."""
    first = sk.retrans_stamp
    return (sk.rcv_tsecr - first) & 0xFFFFFFFF <= (tcp_time_stamp_ts(sk) - first) & 0xFFFFFFFF


def _connected(sk: TcpSock, skb: SkBuff) -> None:
    """The SYN-ACK: take over what it says, be established, and answer or let data do so."""
    tcp_ecn.tcp_ecn_rcv_synack(sk, skb)
    sk.snd_wl1 = skb.seq
    tcp_try_undo_spurious_syn(sk)
    tcp_ack.tcp_ack(sk, skb, FLAG_SLOWPATH)
    sk.rcv_nxt = sk.rcv_wup = skb.seq + 1
    sk.rcv_mwnd_seq = sk.rcv_wup + sk.rcv_wnd
    sk.snd_wnd = skb.window  # never scaled in a SYN
    if not sk.wscale_ok:
        sk.snd_wscale = sk.rcv_wscale = 0
        sk.window_clamp = min(sk.window_clamp, 65535)
    if sk.saw_tstamp:
        sk.tstamp_ok = True
        sk.tcp_header_len = 20 + TCPOLEN_TSTAMP_ALIGNED
        sk.advmss -= TCPOLEN_TSTAMP_ALIGNED
        tcp_input.tcp_store_ts_recent(sk)
    else:
        sk.tcp_header_len = 20
    tcp_mss.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    tcp_rmem.tcp_initialize_rcv_mss(sk)
    sk.copied_seq = sk.rcv_nxt
    tcp_input.tcp_finish_connect(sk)
    fastopen_fail = (sk.tfo.syn_fastopen or sk.syn_data) and tcp_fastopen_active.tcp_rcv_fastopen_synack(sk, skb)
    if not sk.sk_dead:
        sock_wake.sk_state_change(sk)
    if fastopen_fail:
        _step6_by_hand(sk, skb)
        return
    if sk.sk_write_pending or sk.defer_accept or tcp_ack_snd.inet_csk_in_pingpong_mode(sk):
        _delay_third_ack(sk)
        return
    tcp_accecn.tcp_send_ack_reflect_ect(sk)
    _step6_by_hand(sk, skb)


def _step6_by_hand(sk: TcpSock, skb: SkBuff) -> None:
    """What a SYN-ACK may be followed by: urgent data, and data of ours."""
    tcp_urg.tcp_urg(sk, skb, skb.packet.body.urgent)
    tcp_ack_snd.tcp_data_snd_check(sk)


def _delay_third_ack(sk: TcpSock) -> None:
    """Data is about to be sent: it can carry the ACK of the SYN-ACK."""
    sk.ack_pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER
    tcp_ack_snd.tcp_enter_quickack_mode(sk, tcp_ack_snd.TCP_MAX_QUICKACKS)
    sk.ack_timeout = sk.net.jiffies + tcp_ack_snd.tcp_delack_max_jiffies(sk)
    sk.net.timers.mod_timer(sk.icsk_delack_timer, sk.ack_timeout)


def _crossed_syn(sk: TcpSock, skb: SkBuff) -> None:
    """A SYN instead of a SYN-ACK: both opened at once (RFC 9293 section 3.5, figure 7)."""
    tcp_state.tcp_set_state(sk, TCP_SYN_RECV)
    if sk.saw_tstamp:
        sk.tstamp_ok = True
        tcp_input.tcp_store_ts_recent(sk)
        sk.tcp_header_len = 20 + TCPOLEN_TSTAMP_ALIGNED
    else:
        sk.tcp_header_len = 20
    sk.rcv_nxt = sk.copied_seq = sk.rcv_wup = skb.seq + 1
    sk.rcv_mwnd_seq = sk.rcv_wup + sk.rcv_wnd
    tcp_update_max_rcv_wnd_seq(sk)
    sk.snd_wnd = sk.max_window = skb.window
    sk.snd_wl1 = skb.seq
    tcp_ecn.tcp_ecn_rcv_syn(sk, skb)
    tcp_mss.tcp_mtup_init(sk)
    tcp_mss.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    tcp_rmem.tcp_initialize_rcv_mss(sk)
    tcp_send.tcp_send_synack(sk)
