"""Arriving segments of a connection: tcp_rcv_established and what belongs to it (net/ipv4/tcp_input.c, Linux 7.2).

::

    tcp_v4_do_rcv --> tcp_rcv_established     fast path: the next data, or an ACK, and nothing else is new
                  |     tcp_validate_incoming --> tcp_ack --> tcp_urg --> tcp_data_queue --> send, ACK
                  \\-> tcp_rcv_state_process   every other state (tcp_rcv_state.py), the same steps

Header prediction is kept although it saves nothing here, since the paths differ: on the fast one nothing is out of
order, and timestamps are noted by another rule.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from netemu.packet.tcp import ACK, PSH, RST, SYN, URG
from netemu.stack import (
    sock_wake,
    tcp_accecn,
    tcp_ack,
    tcp_ack_snd,
    tcp_close,
    tcp_cong,
    tcp_data_queue,
    tcp_keepalive,
    tcp_metrics_init,
    tcp_minisocks,
    tcp_mss,
    tcp_rcv_sack,
    tcp_rcv_state,
    tcp_rmem,
    tcp_send,
    tcp_state,
    tcp_trace,
    tcp_urg,
    tcp_validate,
)
from netemu.stack.jiffies import msecs_to_jiffies
from netemu.stack.sock import (
    ICSK_ACK_SCHED,
    RCV_SHUTDOWN,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_TIME_WAIT,
)
from netemu.stack.tcp_accecn_h import TCP_ECN_MODE_ACCECN
from netemu.stack.tcp_h import FLAG_DATA, FLAG_SLOWPATH, FLAG_TS_PROGRESS, FLAG_UPDATE_TS_RECENT

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

TSTAMP_HEADER_BYTES = 32  # a TCP header with nothing but timestamps
CHALLENGE_UNLIMITED = 0x7FFFFFFF


def tcp_rcv_state_process(sk: TcpSock, skb: SkBuff) -> bool:
    """See :func:`netemu.stack.tcp_rcv_state.tcp_rcv_state_process`."""
    return tcp_rcv_state.tcp_rcv_state_process(sk, skb)


def tcp_rcv_established(sk: TcpSock, skb: SkBuff) -> None:
    """A segment for an established connection."""
    net = sk.net
    if net.tracing:
        tcp_trace.trace_tcp_probe(sk, skb)
    now_ns = net.now_ns
    sk.tcp_clock_cache = now_ns
    sk.tcp_mstamp = now_ns // 1000
    sk.saw_tstamp = False
    if (
        sk.pred_flags
        and (skb.tcp_flags & ~PSH) == ACK
        and sk.pred_flags == skb.window + 1
        and skb.seq == sk.rcv_nxt
        and sk.snd_una <= skb.ack_seq <= sk.snd_nxt
        and _header_as_predicted(sk, skb)
    ):
        if not skb.data:
            _predicted_ack(sk, skb)
            return
        past_window = skb.end_seq > sk.rcv_wup + sk.rcv_wnd and net.profile.end_seq_checked
        if not past_window and skb.truesize <= sk.sk_forward_alloc:
            _predicted_data(sk, skb)
            return
        if not past_window:
            _established_step5(sk, skb)
            return
    if not skb.tcp_flags & (ACK | RST | SYN):
        sk.sk_drops += 1
        return
    if tcp_validate.tcp_validate_incoming(sk, skb, True):
        _established_step5(sk, skb)


def _established_step5(sk: TcpSock, skb: SkBuff) -> None:
    """The ACK field, then urgent data, text, and what is to be sent (RFC 9293 section 3.10.7.4, fifth and on)."""
    if sk.ecn_flags & TCP_ECN_MODE_ACCECN:
        tcp_accecn.tcp_ecn_received_counters(sk, skb)
    if tcp_ack.tcp_ack(sk, skb, FLAG_SLOWPATH | FLAG_UPDATE_TS_RECENT) < 0:
        sk.sk_drops += 1
        return
    if sk.rcv_tsecr != sk.rcv_rtt_last_tsecr:
        tcp_rmem.tcp_rcv_rtt_measure_ts(sk, skb)
    if skb.tcp_flags & URG or sk.urg_data:
        tcp_urg.tcp_urg(sk, skb, skb.packet.body.urgent)
    if skb.seq != skb.end_seq:
        tcp_data_queue.tcp_data_queue(sk, skb)
    tcp_ack_snd.tcp_data_snd_check(sk)
    if sk.ack_pending & ICSK_ACK_SCHED:
        tcp_ack_snd.__tcp_ack_snd_check(sk, True)


def _header_as_predicted(sk: TcpSock, skb: SkBuff) -> bool:
    """Whether the options are timestamps that do not go back, or none where none were agreed on; notes them."""
    options = skb.options
    if options.sack or options.mss is not None or options.other or sk.ecn_flags & TCP_ECN_MODE_ACCECN:
        return False  # each ACK counts in Accurate ECN, and its option is no part of what is expected
    if sk.tcp_header_len != TSTAMP_HEADER_BYTES:
        return options.ts_val is None
    if options.ts_val is None:
        return False
    sk.saw_tstamp = True
    sk.rcv_tsval = options.ts_val
    sk.rcv_tsecr = (options.ts_ecr - sk.tsoffset) & 0xFFFFFFFF if options.ts_ecr else 0
    return (sk.rcv_tsval - sk.ts_recent) & 0x80000000 == 0


def _predicted_ts_recent(sk: TcpSock) -> int:
    """Note the timestamp if nothing is unacknowledged (RFC 7323 section 4.3)."""
    if sk.tcp_header_len == TSTAMP_HEADER_BYTES and sk.rcv_nxt == sk.rcv_wup:
        return __tcp_replace_ts_recent(sk)
    return 0


def _predicted_ack(sk: TcpSock, skb: SkBuff) -> None:
    """Fast path of a sender: an ACK of what was sent."""
    tcp_ack.tcp_ack(sk, skb, _predicted_ts_recent(sk))
    tcp_ack_snd.tcp_data_snd_check(sk)
    sk.rcv_rtt_last_tsecr = sk.rcv_tsecr


def _predicted_data(sk: TcpSock, skb: SkBuff) -> None:
    """Fast path of a receiver: the next data."""
    flag = _predicted_ts_recent(sk)
    if sk.rcv_tsecr != sk.rcv_rtt_last_tsecr:
        tcp_rmem.tcp_rcv_rtt_measure_ts(sk, skb)
    sk.net.mib.inc("TCPHPHits")
    tcp_data_queue.tcp_queue_rcv(sk, skb)
    tcp_ack_snd.tcp_event_data_recv(sk, skb)
    if skb.ack_seq != sk.snd_una:
        tcp_ack.tcp_ack(sk, skb, flag | FLAG_DATA)
        tcp_ack_snd.tcp_data_snd_check(sk)
        if not sk.ack_pending & ICSK_ACK_SCHED:
            tcp_ack_snd.tcp_data_ready(sk)
            return
    else:
        sk.snd_wl1 = skb.seq
    tcp_ack_snd.__tcp_ack_snd_check(sk, False)
    tcp_ack_snd.tcp_data_ready(sk)


def tcp_fast_path_on(sk: TcpSock) -> None:
    """Expect the window that was announced last."""
    sk.pred_flags = (sk.snd_wnd >> sk.snd_wscale) + 1


def tcp_fast_path_check(sk: TcpSock) -> None:
    """Header prediction on, if nothing waits behind a gap, for a window, for memory or for an urgent byte."""
    if sk.out_of_order_queue.head is None and sk.rcv_wnd and sk.sk_rmem_alloc < sk.sk_rcvbuf and not sk.urg_data:
        sk.pred_flags = (sk.snd_wnd >> sk.snd_wscale) + 1


def tcp_fast_parse_options(sk: TcpSock, skb: SkBuff) -> None:
    """Note the timestamps of a segment, if the connection uses them."""
    options = skb.options
    if options.ts_val is None or not sk.tstamp_ok:
        sk.saw_tstamp = False
        return
    sk.saw_tstamp = True
    sk.rcv_tsval = options.ts_val
    sk.rcv_tsecr = (options.ts_ecr - sk.tsoffset) & 0xFFFFFFFF if options.ts_ecr else 0


def oow_rate_limited(sk: TcpSock, counter: str) -> bool:
    """Whether this socket has answered something unacceptable just now (__tcp_oow_rate_limited)."""
    net = sk.net
    now = net.jiffies
    last = sk.last_oow_ack_time
    if last and now - last < msecs_to_jiffies(net.sysctl.tcp_invalid_ratelimit_ms, net.profile.hz):
        net.mib.inc(counter)
        return True
    sk.last_oow_ack_time = now
    return False


def tcp_oow_rate_limited(sk: TcpSock, skb: SkBuff, counter: str) -> bool:
    """The same, but a segment with data and no SYN is always answered."""
    if skb.seq != skb.end_seq and not skb.tcp_flags & SYN:
        return False
    return oow_rate_limited(sk, counter)


def tcp_challenge_ack_allowed(sk: TcpSock) -> bool:
    """One of the host's challenge ACKs for this second (RFC 5961 section 7); without a limit since 6.0."""
    net = sk.net
    limit = net.sysctl.tcp_challenge_ack_limit
    if limit == CHALLENGE_UNLIMITED:
        return True
    now_s = net.now_ns // 1_000_000_000
    if now_s != net.tcp_challenge_timestamp:
        half = (limit + 1) >> 1
        net.tcp_challenge_timestamp = now_s
        net.tcp_challenge_count = half + net.random.below(limit)
    if net.tcp_challenge_count > 0:
        net.tcp_challenge_count -= 1
        return True
    return False


def tcp_send_challenge_ack(sk: TcpSock, accecn_reflector: bool = False) -> None:
    """Ask the peer whether it meant what would break the connection: an ACK, rarely enough."""
    if oow_rate_limited(sk, "TCPACKSkippedChallenge"):
        return
    if tcp_challenge_ack_allowed(sk):
        sk.net.mib.inc("TCPChallengeACK")
        if accecn_reflector:
            tcp_accecn.tcp_send_ack_reflect_ect(sk)
        else:
            tcp_send.tcp_send_ack(sk)


def tcp_store_ts_recent(sk: TcpSock) -> None:
    """The timestamp just parsed is the one to echo."""
    sk.ts_recent = sk.rcv_tsval
    sk.ts_recent_stamp = sk.net.now_ns // 1_000_000_000


def __tcp_replace_ts_recent(sk: TcpSock) -> int:
    delta = (sk.rcv_tsval - sk.ts_recent) & 0xFFFFFFFF
    tcp_store_ts_recent(sk)
    return FLAG_TS_PROGRESS if 0 < delta < 0x80000000 else 0


def tcp_replace_ts_recent(sk: TcpSock, seq: int) -> int:
    """Note the timestamp of a segment at ``seq`` if it covers the last ACK sent; FLAG_TS_PROGRESS if it is newer."""
    if sk.saw_tstamp and seq <= sk.rcv_wup and tcp_validate.tcp_paws_check(sk, 0):
        return __tcp_replace_ts_recent(sk)
    return 0


def tcp_init_transfer(sk: TcpSock) -> None:
    """The connection is there: congestion control, buffers and windows begin."""
    tcp_mss.tcp_mtup_init(sk)
    tcp_metrics_init.tcp_init_metrics(sk)
    if sk.total_retrans > 1 and sk.undo_marker:
        sk.snd_cwnd = 1  # more than one SYN was lost (RFC 5681 section 3.1)
    else:
        sk.snd_cwnd = tcp_metrics_init.tcp_init_cwnd(sk)
    sk.snd_cwnd_stamp = sk.net.jiffies
    if not sk.icsk_ca_initialized:
        tcp_cong.tcp_init_congestion_control(sk)
    tcp_rmem.tcp_init_buffer_space(sk)


def tcp_finish_connect(sk: TcpSock) -> None:
    """The SYN-ACK has come."""
    tcp_state.tcp_set_state(sk, TCP_ESTABLISHED)
    sk.ack_lrcvtime = sk.net.jiffies
    tcp_init_transfer(sk)
    sk.lsndtime = sk.net.jiffies
    if sk.sk_keepopen:
        tcp_keepalive.inet_csk_reset_keepalive_timer(sk, tcp_keepalive.keepalive_time_when(sk))
    sk.pred_flags = 0 if sk.snd_wscale else sk.snd_wnd + 1


def tcp_reset(sk: TcpSock) -> None:
    """A valid RST has come: the connection is gone, with the error that BSD gives."""
    if sk.sk_state == TCP_CLOSE:
        return
    if sk.sk_state == TCP_SYN_SENT:
        error = errno.ECONNREFUSED
    else:
        error = errno.EPIPE if sk.sk_state == TCP_CLOSE_WAIT else errno.ECONNRESET
    tcp_close.tcp_done_with_error(sk, error)


def tcp_fin(sk: TcpSock) -> None:
    """A FIN has come in order (RFC 9293 section 3.10.7.4, eighth)."""
    sk.ack_pending |= ICSK_ACK_SCHED
    sk.sk_shutdown |= RCV_SHUTDOWN
    sk.sk_done = True
    state = sk.sk_state
    if state in (TCP_SYN_RECV, TCP_ESTABLISHED):
        tcp_state.tcp_set_state(sk, TCP_CLOSE_WAIT)
        tcp_ack_snd.inet_csk_enter_pingpong_mode(sk)
    elif state == TCP_FIN_WAIT1:
        tcp_send.tcp_send_ack(sk)
        tcp_state.tcp_set_state(sk, TCP_CLOSING)
    elif state == TCP_FIN_WAIT2:
        tcp_send.tcp_send_ack(sk)
        tcp_minisocks.tcp_time_wait(sk, TCP_TIME_WAIT, 0)
    tcp_data_queue.skb_purge_ofo(sk)
    if sk.sack_ok:
        tcp_rcv_sack.tcp_sack_reset(sk)
    if not sk.sk_dead:
        sock_wake.sk_state_change(sk)
