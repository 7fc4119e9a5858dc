"""Segments that carry no data: SYN, SYN-ACK, ACK, FIN, RST, window probes (net/ipv4/tcp_output.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import Options, Tcp
from netemu.packet.tcp import ACK, FIN, PSH, RST, SYN
from netemu.stack import (
    route,
    tcp_accecn,
    tcp_ecn,
    tcp_fastopen_active,
    tcp_fastretrans,
    tcp_mss,
    tcp_output,
    tcp_rmem,
    tcp_sendmsg,
    tcp_timer,
    tcp_transmit,
    tcp_window,
    wmem,
)
from netemu.stack.skbuff import SkBuff, TsortedQueue
from netemu.stack.sock import (
    ICSK_TIME_PROBE0,
    ICSK_TIME_RETRANS,
    SOCK_RCVBUF_LOCK,
    TCP_CLOSE,
    TCP_ESTABLISHED,
    TCP_NAGLE_OFF,
    tcp_mstamp_refresh,
    tcp_time_stamp_ts,
)
from netemu.stack.tcp_accecn_h import with_accecn
from netemu.stack.tcp_chrono import TCP_CHRONO_BUSY, tcp_chrono_stop
from netemu.stack.tcp_fastopen_h import FastopenCookie, with_cookie
from netemu.stack.tcp_fragment import TCP_FRAG_IN_WRITE_QUEUE, tcp_fragment
from netemu.stack.tcp_h import tcp_clear_all_retrans_hints, tcp_wnd_end

if TYPE_CHECKING:
    from netemu.stack.request_sock import RequestSock
    from netemu.stack.route import Dst
    from netemu.stack.sock import TcpSock

EHOSTUNREACH, ECONNREFUSED, EFAULT = 113, 111, 14
TCP_SYNACK_NORMAL, TCP_SYNACK_FASTOPEN, TCP_SYNACK_COOKIE, TCP_SYNACK_RETRANS = 0, 1, 2, 3
"""enum tcp_synack_type."""

_MASK = 0xFFFFFFFF


def tcp_nondata_skb(seq: int, flags: int) -> SkBuff:
    """A segment without data (tcp_init_nondata_skb); SYN and FIN take a number."""
    return SkBuff(seq, seq + 1 if flags & (SYN | FIN) else seq, flags)


def tcp_acceptable_seq(sk: TcpSock) -> int:
    """The sequence number of a segment without data: snd_nxt, unless the peer shrank its window below that."""
    end = sk.snd_una + sk.snd_wnd
    if end >= sk.snd_nxt or (sk.wscale_ok and sk.snd_nxt - end < 1 << sk.rcv_wscale):
        return sk.snd_nxt
    return end


# ---- ACK


def tcp_send_ack(sk: TcpSock) -> None:
    """Acknowledge now, and report the window."""
    __tcp_send_ack(sk, sk.rcv_nxt)


def __tcp_send_ack(sk: TcpSock, rcv_nxt: int, flags: int = 0) -> None:
    """The same with an acknowledgement number and flags of the caller's."""
    if sk.sk_state == TCP_CLOSE:
        return
    seq = sk.snd_nxt if sk.snd_una + sk.snd_wnd >= sk.snd_nxt else tcp_acceptable_seq(sk)
    tcp_transmit.__tcp_transmit_skb(sk, SkBuff(seq, seq, ACK | flags), False, rcv_nxt)


# ---- FIN and RST


def tcp_send_fin(sk: TcpSock) -> None:
    """End the stream: the last unsent segment takes the FIN, or one of its own does, and all that may leave leaves."""
    tail = sk.sk_write_queue.tail
    last = tail
    if last is None and wmem.tcp_under_memory_pressure(sk):
        last = sk.tcp_rtx_queue.tail
    if last is None:
        skb = tcp_nondata_skb(sk.write_seq, ACK | FIN)
        skb.truesize = wmem.HEAD_TRUESIZE[sk.net.profile.skb_small_heads]
        wmem.sk_forced_mem_schedule(sk, skb.truesize)
        tcp_queue_skb(sk, skb)
    else:
        last.tcp_flags |= FIN
        last.end_seq += 1
        sk.write_seq += 1
        if tail is None:
            # It had been sent without: pretend that the FIN was in it, and leave the rest to retransmission.
            sk.snd_nxt += 1
            return
    tcp_output.__tcp_push_pending_frames(sk, tcp_mss.tcp_current_mss(sk), TCP_NAGLE_OFF)


def tcp_queue_skb(sk: TcpSock, skb: SkBuff) -> None:
    """Put a ready segment at the end of the send queue."""
    sk.write_seq = skb.end_seq
    tcp_sendmsg.tcp_add_write_queue_tail(sk, skb)
    sk.sk_wmem_queued += skb.truesize
    sk.sk_forward_alloc -= skb.truesize


def tcp_send_active_reset(sk: TcpSock, reason: str = "") -> None:
    """Break the connection off: unread data at close, linger 0, or nobody left to own it (RFC 2525 2.17)."""
    sk.net.mib.inc("OutRsts")
    skb = tcp_nondata_skb(tcp_acceptable_seq(sk), ACK | RST)
    tcp_mstamp_refresh(sk)
    if tcp_transmit.tcp_transmit_skb(sk, skb, False):
        sk.net.mib.inc("TCPAbortFailed")


# ---- SYN


def tcp_connect_init(sk: TcpSock) -> None:
    """Everything of a connection that is known before the SYN leaves."""
    net, dst = sk.net, route.sk_dst_get(sk)
    assert dst is not None  # tcp_connect looked
    sk.tcp_header_len = 20 + (tcp_transmit.TCPOLEN_TSTAMP_ALIGNED if net.sysctl.tcp_timestamps else 0)
    if sk.user_mss:
        sk.mss_clamp = sk.user_mss
    sk.max_window = 0
    tcp_mss.tcp_mtup_init(sk)
    tcp_mss.tcp_sync_mss(sk, route.dst_mtu(dst))
    sk.advmss = tcp_mss.tcp_mss_clamp(sk, route.dst_metric_advmss(dst))
    tcp_rmem.tcp_initialize_rcv_mss(sk)
    full_space = tcp_window.tcp_full_space(sk)
    if sk.sk_userlocks & SOCK_RCVBUF_LOCK and (sk.window_clamp > full_space or sk.window_clamp == 0):
        sk.window_clamp = full_space
    options = sk.tcp_header_len - 20 if sk.ts_recent_stamp else 0
    sk.rcv_wnd, sk.window_clamp, sk.rcv_wscale = tcp_window.tcp_select_initial_window(
        sk, full_space, sk.advmss - options, sk.window_clamp, net.sysctl.tcp_window_scaling
    )
    sk.rcv_ssthresh = sk.rcv_wnd
    sk.sk_err = 0
    sk.sk_done = False
    sk.snd_wnd = 0
    sk.snd_wl1 = 0
    tcp_write_queue_purge(sk)
    sk.snd_una = sk.snd_sml = sk.snd_up = sk.snd_nxt = sk.write_seq
    sk.rcv_nxt = sk.rcv_wup = sk.copied_seq = 0
    sk.rcv_mwnd_seq = sk.rcv_wnd
    sk.icsk_rto = min(net.profile.timeout_init_s * net.profile.hz, sk.icsk_rto_max)  # TCP_TIMEOUT_INIT
    sk.icsk_retransmits = 0
    tcp_fastretrans.tcp_clear_retrans(sk)


def tcp_connect_queue_skb(sk: TcpSock, skb: SkBuff) -> None:
    """Charge a SYN, or the data that go with it, and count it as in flight."""
    sk.sk_wmem_queued += skb.truesize
    sk.sk_forward_alloc -= skb.truesize
    sk.write_seq = skb.end_seq
    sk.packets_out += 1


def tcp_connect(sk: TcpSock) -> int:
    """Send a SYN, and repeat it until an answer comes. 0, or a negative errno."""
    if route.sk_dst_get(sk) is None:
        return -EHOSTUNREACH
    tcp_connect_init(sk)
    skb = wmem.tcp_stream_alloc_skb(sk, force_schedule=True)
    assert skb is not None  # forced
    skb.tcp_flags, skb.end_seq = SYN, skb.seq + 1
    tcp_mstamp_refresh(sk)
    sk.retrans_stamp = tcp_time_stamp_ts(sk)
    tcp_connect_queue_skb(sk, skb)
    tcp_ecn.tcp_ecn_send_syn(sk, skb)
    sk.tcp_rtx_queue.append(skb)
    fo = sk.tfo.fastopen_req
    if fo is not None:
        err = tcp_fastopen_active.tcp_send_syn_data(sk, skb, fo)
    else:
        err = tcp_transmit.tcp_transmit_skb(sk, skb, True)
    if err == -ECONNREFUSED:
        return err
    unsent = sk.sk_write_queue.head
    sk.snd_nxt = sk.pushed_seq = sk.write_seq if unsent is None else unsent.seq
    sk.net.mib.inc("ActiveOpens")
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, sk.icsk_rto, False)
    return 0


def tcp_send_synack(sk: TcpSock) -> int:
    """Answer the SYN that crossed ours: the queued SYN becomes a SYN-ACK. 0, or a negative errno."""
    skb = sk.tcp_rtx_queue.head
    if skb is None or not skb.tcp_flags & SYN:
        return -EFAULT
    if not skb.tcp_flags & ACK:
        skb.tcp_flags |= ACK
        tcp_ecn.tcp_ecn_send_synack(sk, skb)
    return tcp_transmit.tcp_transmit_skb(sk, skb, True)


def tcp_make_synack(  # noqa: PLR0917 (what the kernel's takes)
    sk: TcpSock,
    dst: Dst,
    req: RequestSock,
    synack_type: int,
    ts_val: int | None = None,
    foc: FastopenCookie | None = None,
) -> tuple[Tcp, int]:
    """The SYN-ACK for a request, and its length with the TCP header. ``ts_val``: a SYN cookie's timestamp.

    ``foc``: Fast Open's cookie.
    """
    net = sk.net
    mss = tcp_mss.tcp_mss_clamp(sk, route.dst_metric_advmss(dst))
    if not req.snt_synack:
        req.snt_synack = net.now_ns // 1000
    stamp = stamp_ecr = None
    if req.tstamp_ok:
        stamp = (net.now_ns // net.ts_tick_ns + req.ts_off) & _MASK if ts_val is None else ts_val
        if not req.snt_tsval_first:
            req.snt_tsval_first = stamp = stamp or _MASK
        req.snt_tsval_last = stamp
        stamp_ecr = req.ts_recent
    options = Options(mss, req.rcv_wscale if req.wscale_ok else None, req.sack_ok, stamp, stamp_ecr)
    if foc is not None and foc.value is not None:
        options = with_cookie(options, foc, tcp_transmit.MAX_TCP_OPTION_SPACE - tcp_transmit.tcp_options_size(options))
    # Perhaps it is ECN that keeps SYN-ACKs from arriving (include/net/tcp_ecn.h: tcp_ecn_make_synack).
    in_vain = synack_type == TCP_SYNACK_RETRANS and req.num_timeout and net.profile.synack_ecn_given_up
    if req.accecn_ok:
        flags = SYN | ACK | tcp_accecn.tcp_accecn_synack_flags(req, bool(in_vain))
        room = tcp_transmit.MAX_TCP_OPTION_SPACE - tcp_transmit.tcp_options_size(options)
        if net.sysctl.tcp_ecn_option and synack_type != TCP_SYNACK_RETRANS and room >= 2:
            options = with_accecn(options, tcp_accecn.synack_option(req, room))
    else:
        flags = tcp_ecn.tcp_ecn_make_synack(req.ecn_ok and not in_vain, SYN | ACK)
    net.mib.inc("OutSegs")
    window = min(req.rsk_rcv_wnd, 65535)
    segment = Tcp(req.ir_num, req.ir_rmt_port, req.snt_isn & _MASK, req.rcv_nxt & _MASK, flags, window, b"", options)
    return segment, 20 + tcp_transmit.tcp_options_size(options)


def tcp_write_queue_purge(sk: TcpSock) -> None:
    """Drop everything unsent and unacknowledged (net/ipv4/tcp.c)."""
    tcp_chrono_stop(sk, TCP_CHRONO_BUSY)
    for queue in (sk.sk_write_queue, sk.tcp_rtx_queue):
        while (skb := queue.pop()) is not None:
            wmem.tcp_wmem_free_skb(sk, skb)
    sk.highest_sack = None
    sk.tsorted_sent_queue = TsortedQueue()
    tcp_clear_all_retrans_hints(sk)
    sk.packets_out = 0
    sk.icsk_backoff = 0


# ---- window probes


def tcp_xmit_probe_skb(sk: TcpSock, urgent: int, mib: str) -> int:
    """An empty segment with an old sequence number, which the peer must answer."""
    seq = sk.snd_una - (not urgent)
    sk.net.mib.inc(mib)
    return tcp_transmit.tcp_transmit_skb(sk, SkBuff(seq, seq, ACK), False)


def tcp_send_window_probe(sk: TcpSock) -> None:
    """Ask for the window of a connection that was taken over (TCP_REPAIR)."""
    if sk.sk_state == TCP_ESTABLISHED:
        sk.snd_wl1 = sk.rcv_nxt - 1
        tcp_mstamp_refresh(sk)
        tcp_xmit_probe_skb(sk, 0, "TCPWinProbe")


def tcp_write_wakeup(sk: TcpSock, mib: str) -> int:
    """A keepalive or window probe: data as far as the window allows, else an empty old segment. 0, or an error."""
    if sk.sk_state == TCP_CLOSE:
        return -1
    skb = sk.sk_write_queue.head
    if skb is None or skb.seq >= tcp_wnd_end(sk):
        if sk.snd_una + 1 <= sk.snd_up <= sk.snd_una + 0xFFFF:
            tcp_xmit_probe_skb(sk, 1, mib)
        return tcp_xmit_probe_skb(sk, 0, mib)
    mss = tcp_mss.tcp_current_mss(sk)
    seg_size = tcp_wnd_end(sk) - skb.seq
    sk.pushed_seq = max(sk.pushed_seq, skb.end_seq)
    skb.tcp_flags |= PSH
    if seg_size < skb.end_seq - skb.seq or len(skb.data) > mss:
        # The sender itself held this back to avoid a silly window.
        if tcp_fragment(sk, TCP_FRAG_IN_WRITE_QUEUE, skb, min(seg_size, mss), mss):
            return -1
        skb.tcp_flags |= PSH
    elif not skb.tcp_gso_segs:
        skb.tcp_gso_segs = 1
    err = tcp_transmit.tcp_transmit_skb(sk, skb, True)
    if not err:
        tcp_output.tcp_event_new_data_sent(sk, skb)
    return err


def tcp_send_probe0(sk: TcpSock) -> None:
    """The probe timer fired: probe, and arm it again with back-off."""
    err = tcp_write_wakeup(sk, "TCPWinProbe")
    if sk.packets_out or sk.sk_write_queue.head is None:
        sk.icsk_probes_out = sk.icsk_backoff = sk.icsk_probes_tstamp = 0
        return
    sk.icsk_probes_out += 1
    if err <= 0:
        if sk.icsk_backoff < sk.net.sysctl.tcp_retries2:
            sk.icsk_backoff += 1
        timeout = tcp_timer.tcp_probe0_when(sk, sk.icsk_rto_max)
    else:
        timeout = sk.net.profile.hz // 2  # TCP_RESOURCE_PROBE_INTERVAL
    timeout = tcp_timer.tcp_clamp_probe0_to_user_timeout(sk, timeout)
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_PROBE0, timeout, True)
