"""From the SYN queue to a connection, and from a connection to TIME_WAIT (net/ipv4/tcp_minisocks.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import Options
from netemu.packet.tcp import ACK, RST, SYN
from netemu.stack import (
    inet_hashtables,
    route,
    sock_wake,
    tcp_accecn,
    tcp_close,
    tcp_cong,
    tcp_ecn,
    tcp_fastopen,
    tcp_init,
    tcp_input,
    tcp_ipv4,
    tcp_keepalive,
    tcp_metrics,
    tcp_mss,
    tcp_reply,
    tcp_request,
    tcp_rmem,
    tcp_rtt,
    tcp_window,
)
from netemu.stack.inet_bind import inet_inherit_port
from netemu.stack.inet_timewait_sock import TCP_TIMEWAIT_LEN_S, TimewaitSock, inet_twsk_hashdance_schedule
from netemu.stack.sock import SOCK_RCVBUF_LOCK, TCP_SYN_RECV, TCP_TIME_WAIT
from netemu.stack.tcp_timewait import oow_rate_limited, tcp_in_window, tcp_paws_reject

if TYPE_CHECKING:
    from netemu.stack.request_sock import RequestSock
    from netemu.stack.route import Dst
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

_INHERITED = (
    "sk_keepopen", "sk_linger", "sk_lingertime", "sk_reuse", "sk_reuseport", "sk_bound_if", "sk_userlocks",
    "sk_sndbuf", "sk_rcvbuf", "sk_rcvlowat", "sk_rcvtimeo", "sk_sndtimeo", "sk_urginline", "sk_max_pacing_rate",
    "sk_pacing_shift", "tos", "ttl", "pmtudisc", "recverr", "ipv6only", "icsk_user_timeout", "icsk_syn_retries",
    "icsk_rto_min", "icsk_rto_max", "icsk_delack_max", "user_mss", "nonagle", "notsent_lowat", "keepalive_time",
    "keepalive_intvl", "keepalive_probes", "linger2", "ack_pingpong", "scaling_ratio", "snd_cwnd_clamp",
)  # fmt: skip
"""What a connection has from the socket that listened (sk_clone copies all; this is what a user can set on it)."""

_MASK = 0xFFFFFFFF


def tcp_time_wait(sk: TcpSock, state: int, timeo: int) -> None:
    """Replace ``sk`` by a time-wait socket in ``state`` (TCP_TIME_WAIT or TCP_FIN_WAIT2) for ``timeo`` jiffies."""
    net = sk.net
    if net.hashinfo.tw_count < net.sysctl.tcp_max_tw_buckets:
        tw = TimewaitSock(sk, state)
        tw.tw_rcv_wnd = tcp_window.tcp_receive_window(sk)
        timeo = max(timeo, (sk.icsk_rto << 2) - (sk.icsk_rto >> 1))
        if state == TCP_TIME_WAIT:
            timeo = TCP_TIMEWAIT_LEN_S * net.profile.hz
        inet_twsk_hashdance_schedule(tw, sk, timeo)
    else:
        net.mib.inc("TCPTimeWaitOverflow")
    tcp_metrics.tcp_update_metrics(sk)
    tcp_close.tcp_done(sk)


def tcp_openreq_init_rwin(req: RequestSock, sk: TcpSock, dst: Dst) -> None:
    """The window that the SYN-ACK offers, once and for all its retransmissions."""
    mss = tcp_mss.tcp_mss_clamp(sk, route.dst_metric_advmss(dst))
    select_initial_rwin(req, sk, mss - (12 if req.tstamp_ok else 0))


def select_initial_rwin(req: RequestSock, sk: TcpSock, mss: int) -> None:
    """The first window in segments of ``mss``, within the receive buffer where a user has set that."""
    full_space = tcp_window.tcp_full_space(sk)
    clamp = sk.window_clamp
    if sk.sk_userlocks & SOCK_RCVBUF_LOCK and (clamp > full_space or clamp == 0):
        clamp = full_space
    req.rsk_rcv_wnd, req.rsk_window_clamp, req.rcv_wscale = tcp_window.tcp_select_initial_window(
        sk, full_space, mss, clamp, req.wscale_ok
    )


def tcp_create_openreq_child(sk: TcpSock, req: RequestSock, skb: SkBuff) -> TcpSock:
    """The socket of a connection that listening ``sk`` took in; ``skb`` is the ACK that completes the handshake."""
    net = sk.net
    child = tcp_init.tcp_init_sock(net, sk.sk_family)
    for name in _INHERITED:
        setattr(child, name, getattr(sk, name))
    child.sk_cookie = req.sk_cookie or child.sk_cookie
    child.inet_saddr, child.inet_sport = req.ir_loc_addr, req.ir_num
    child.inet_daddr, child.inet_dport = req.ir_rmt_addr, req.ir_rmt_port
    child.sk_state = TCP_SYN_RECV
    child.inet_id = net.random.u32() & 0xFFFF
    rcv_nxt, snd_nxt = req.rcv_isn + 1, req.snt_isn + 1
    child.rcv_wup = child.copied_seq = child.rcv_nxt = rcv_nxt
    child.snd_sml = child.snd_una = child.snd_nxt = child.snd_up = child.write_seq = child.pushed_seq = snd_nxt
    child.snd_wl1 = req.rcv_isn
    child.segs_in = 1
    child.ack_lrcvtime = child.lsndtime = net.jiffies
    child.total_retrans = req.num_retrans
    _take_options(child, req, skb)
    if req.num_timeout:
        _count_timeouts(child, req)
    child.tsoffset = req.ts_off
    length = len(skb.data) + tcp_rmem.tcp_header_bytes(skb)
    if length >= 536 + child.tcp_header_len:
        child.ack_last_seg_size = length - child.tcp_header_len
    child.mss_clamp = req.mss
    if req.accecn_ok:
        tcp_accecn.tcp_accecn_openreq_child(child, req, skb)
    else:
        tcp_ecn.tcp_ecn_openreq_child(child, req.ecn_ok)
    if child.sk_keepopen:
        tcp_keepalive.inet_csk_reset_keepalive_timer(child, tcp_keepalive.keepalive_time_when(child))
    net.mib.inc("PassiveOpens")
    return child


def _take_options(child: TcpSock, req: RequestSock, skb: SkBuff) -> None:
    """What the two SYNs agreed on."""
    child.tstamp_ok, child.sack_ok, child.wscale_ok = req.tstamp_ok, req.sack_ok, req.wscale_ok
    child.window_clamp = req.rsk_window_clamp
    child.rcv_ssthresh = child.rcv_wnd = req.rsk_rcv_wnd
    child.rcv_mwnd_seq = child.rcv_wup + req.rsk_rcv_wnd
    if child.wscale_ok:
        child.snd_wscale, child.rcv_wscale = req.snd_wscale, req.rcv_wscale
    else:
        child.snd_wscale = child.rcv_wscale = 0
        child.window_clamp = min(child.window_clamp, 65535)
    child.snd_wnd = child.max_window = skb.window << child.snd_wscale
    child.tcp_header_len = 20
    if child.tstamp_ok:
        child.ts_recent, child.ts_recent_stamp = req.ts_recent, child.net.now_ns // 1_000_000_000
        child.tcp_header_len = 32


def _count_timeouts(child: TcpSock, req: RequestSock) -> None:
    """Retransmitted SYN-ACKs count as a timeout of the connection, so that it may be found spurious."""
    net = child.net
    child.total_rto = req.num_timeout
    child.undo_marker = req.snt_isn
    child.retrans_stamp = req.snt_synack // net.ts_tick_us
    child.total_rto_time = net.now_ns // 1_000_000 - req.snt_synack // 1000
    child.total_rto_recoveries = 1


def tcp_v4_syn_recv_sock(sk: TcpSock, skb: SkBuff, req: RequestSock, dst: Dst) -> TcpSock | None:
    """Make the connection's socket and put it in the tables; None when the accept queue is full (tcp_ipv4.c)."""
    net = sk.net
    if tcp_request.sk_acceptq_is_full(sk):
        net.mib.inc("ListenOverflows")
        tcp_request.tcp_listendrop(sk)
        return None
    child = tcp_create_openreq_child(sk, req, skb)
    if net.sysctl.tcp_reflect_tos:
        child.tos = req.syn_tos & ~3
    route.sk_setup_caps(child, dst)
    tcp_cong.tcp_ca_openreq_child(child, sk)
    tcp_mss.tcp_sync_mss(child, route.dst_mtu(dst))
    child.advmss = tcp_mss.tcp_mss_clamp(sk, route.dst_metric_advmss(dst))
    tcp_rmem.tcp_initialize_rcv_mss(child)
    inet_inherit_port(sk, child)
    inet_hashtables.inet_hash(child)
    return child


def tcp_check_req(sk: TcpSock, skb: SkBuff, req: RequestSock, fastopen: bool) -> TcpSock | None:
    """A segment for a half-open connection: ``sk`` itself when the listener shall refuse it, the new socket when it
    completes the handshake, None when it has been dealt with. ``fastopen``: ``sk`` is the connection, and goes on."""
    net, flags = sk.net, skb.tcp_flags & (RST | SYN | ACK)
    options = skb.options
    assert isinstance(options, Options)
    paws_reject, tsecr_reject = _timestamp_verdicts(req, options, rst=bool(flags & RST))
    tsecr_reject = tsecr_reject and not fastopen
    if skb.seq == req.rcv_isn and flags == SYN and not paws_reject:
        if not oow_rate_limited(net, skb, "TCPACKSkippedSynRecv", req):
            _syn_again(sk, skb, req, fastopen)
        return None
    if flags & (ACK | RST) == ACK and skb.ack_seq != req.snt_isn + 1 and not fastopen:
        return sk
    window = min(req.rsk_rcv_wnd, 65535)
    in_window = tcp_in_window(skb.seq, skb.end_seq, req.rcv_nxt, req.rcv_nxt + window)
    if paws_reject or tsecr_reject or not in_window:
        if not flags & RST and not oow_rate_limited(net, skb, "TCPACKSkippedSynRecv", req):
            tcp_reply.tcp_v4_reqsk_send_ack(sk, skb, req)
        if paws_reject or tsecr_reject:
            net.mib.inc("PAWSEstab" if paws_reject else "TSEcrRejected")
        return None
    if not net.profile.request_keeps_timestamp and options.ts_val is not None and skb.seq <= req.rcv_nxt:
        req.ts_recent = options.ts_val
    if skb.seq == req.rcv_isn:
        flags &= ~SYN
    if flags & (RST | SYN):
        _check_req_reset(sk, skb, req, fastopen, rst=bool(flags & RST))
        return None
    if flags & ACK:
        tcp_accecn.tcp_accecn_ack_of_request(req, options)
    if fastopen:
        return sk if flags & ACK else None
    return _check_req_ack(sk, skb, req, options) if flags & ACK else None


def _syn_again(sk: TcpSock, skb: SkBuff, req: RequestSock, fastopen: bool) -> None:
    """The SYN came again: so goes the SYN-ACK, and its timer begins anew; that of a Fast Open goes on."""
    net = req.net
    if req.accecn_ok:
        tcp_accecn.tcp_accecn_syn_again(req, skb)
    if tcp_request.tcp_rtx_synack(sk, req):
        tcp_accecn.tcp_accecn_synack_again(req)
        if not fastopen:
            net.timers.mod_timer(req.rsk_timer, net.jiffies + tcp_request.tcp_reqsk_timeout(req))


def _check_req_reset(sk: TcpSock, skb: SkBuff, req: RequestSock, fastopen: bool, *, rst: bool) -> None:
    """A reset, or a SYN with other numbers, ends the handshake."""
    if rst and skb.seq != req.rcv_nxt and sk.net.profile.request_rst_challenge:
        tcp_request.tcp_reqsk_send_challenge_ack(sk, skb, req)
    else:
        sk.net.mib.inc("AttemptFails")
        if not fastopen:
            _embryonic_reset(sk, skb, req, rst=rst)
        elif rst:
            tcp_fastopen.reqsk_fastopen_remove(sk, req, True)
            tcp_input.tcp_reset(sk)
        else:
            tcp_ipv4.send_reset(sk, skb)


def _check_req_ack(sk: TcpSock, skb: SkBuff, req: RequestSock, options: Options) -> TcpSock | None:
    """The ACK that completes the handshake; TCP_DEFER_ACCEPT waits for data instead."""
    if req.num_timeout < sk.defer_accept and skb.end_seq == req.rcv_isn + 1:
        req.acked = True
        sk.net.mib.inc("TCPDeferAcceptDrop")
        return None
    return _complete(sk, skb, req, options)


def _timestamp_verdicts(req: RequestSock, options: Options, *, rst: bool) -> tuple[bool, bool]:
    """PAWS, and (since 6.16) whether the echo is one of those that the SYN-ACKs sent."""
    if options.ts_val is None or not req.net.sysctl.tcp_timestamps:
        return False, False
    net, tsecr_reject = req.net, False
    if options.ts_ecr and req.tstamp_ok and net.profile.request_checks_tsecr:
        span = (req.snt_tsval_last - req.snt_tsval_first) & _MASK
        tsecr_reject = (options.ts_ecr - req.snt_tsval_first) & _MASK > span
    stamp = net.now_ns // 1_000_000_000 - tcp_request.tcp_reqsk_timeout(req) // net.profile.hz
    return tcp_paws_reject(net, req.ts_recent, stamp, options.ts_val, rst=rst), tsecr_reject


def _complete(sk: TcpSock, skb: SkBuff, req: RequestSock, options: Options) -> TcpSock | None:
    """The handshake's last ACK: a socket for the accept queue, or what tcp_abort_on_overflow says when it is full."""
    child = tcp_v4_syn_recv_sock(sk, skb, req, req.dst)
    if child is None:
        if not sk.net.sysctl.tcp_abort_on_overflow:
            req.acked = True
            return None
        _embryonic_reset(sk, skb, req, rst=False)
        return None
    if options.ts_val is not None and skb.seq <= req.rcv_nxt and child.tstamp_ok:
        child.ts_recent = options.ts_val
    tcp_rtt.tcp_synack_rtt_meas(child, req)
    return tcp_request.inet_csk_complete_hashdance(sk, child, req)


def _embryonic_reset(sk: TcpSock, skb: SkBuff, req: RequestSock, *, rst: bool) -> None:
    if not rst:
        tcp_ipv4.send_reset(sk, skb)
    tcp_request.inet_csk_reqsk_queue_drop(req)
    sk.net.mib.inc("EmbryonicRsts")


def tcp_child_process(parent: TcpSock, child: TcpSock, skb: SkBuff) -> bool:
    """Give the new socket the segment that made it; True when it must be answered by a reset."""
    child.segs_in += 1
    if skb.data:
        child.data_segs_in += 1
    refused = bool(tcp_input.tcp_rcv_state_process(child, skb))
    if child.sk_state != TCP_SYN_RECV:
        sock_wake.sk_data_ready(parent)
    return refused
