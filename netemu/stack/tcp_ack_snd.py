"""When an ACK is sent: at once, with the next data, after a while, or one for several (net/ipv4/tcp_input.c, 7.2).

A connection begins in quick-ACK mode, every segment answered; once data flows both ways (ping-pong) an ACK waits for
data to ride on. Out of order, from the fourth duplicate on, ACKs are compressed by a timer (4.18).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import jiffies, sock_wake, tcp_ecn, tcp_output, tcp_prequeue, tcp_rmem, tcp_send, tcp_sendmsg
from netemu.stack.sock import (
    ICSK_ACK_NOW,
    ICSK_ACK_PUSHED,
    ICSK_ACK_PUSHED2,
    ICSK_ACK_SCHED,
    ICSK_ACK_TIMER,
    RCV_SHUTDOWN,
    TCP_ACK_DEFERRED,
    TCP_CLOSE,
    TCP_DELACK_TIMER_DEFERRED,
    TCP_LISTEN,
    tcp_mstamp_refresh,
)
from netemu.stack.tcp_window import __tcp_select_window as select_window
from netemu.stack.tcp_window import tcp_receive_window

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

TCP_MAX_QUICKACKS = 16
TCP_FASTRETRANS_THRESH = 3


def tcp_ato_min(sk: TcpSock) -> int:
    """TCP_ATO_MIN and TCP_DELACK_MIN: 40 ms in jiffies, 4 jiffies where a tick is longer than 10 ms."""
    hz: int = sk.net.profile.hz
    return hz // 25 if hz >= 100 else 4


def tcp_delack_max_jiffies(sk: TcpSock) -> int:
    """TCP_DELACK_MAX: 200 ms, in jiffies."""
    hz: int = sk.net.profile.hz
    return hz // 5 if hz >= 100 else 4


def inet_csk_schedule_ack(sk: TcpSock) -> None:
    """An ACK is owed."""
    sk.ack_pending |= ICSK_ACK_SCHED


def inet_csk_in_pingpong_mode(sk: TcpSock) -> bool:
    """Whether data goes both ways, so that an ACK may wait for data."""
    return sk.ack_pingpong >= sk.net.sysctl.tcp_pingpong_thresh


def inet_csk_enter_pingpong_mode(sk: TcpSock) -> None:
    """Take the connection for interactive."""
    sk.ack_pingpong = sk.net.sysctl.tcp_pingpong_thresh


def inet_csk_exit_pingpong_mode(sk: TcpSock) -> None:
    """Take it for one-way."""
    sk.ack_pingpong = 0


def inet_csk_inc_pingpong_cnt(sk: TcpSock) -> None:
    """One more request was answered while an ACK was owed."""
    if sk.ack_pingpong < 255:
        sk.ack_pingpong += 1


def tcp_incr_quickack(sk: TcpSock, max_quickacks: int) -> None:
    """Allow as many quick ACKs as half the window has segments, at least 2, at most ``max_quickacks``."""
    quickacks = min(sk.rcv_wnd // (2 * sk.ack_rcv_mss) or 2, max_quickacks)
    sk.ack_quick = max(sk.ack_quick, quickacks)


def tcp_enter_quickack_mode(sk: TcpSock, max_quickacks: int) -> None:
    """Answer at once for a while."""
    tcp_incr_quickack(sk, max_quickacks)
    sk.ack_pingpong = 0
    sk.ack_ato = tcp_ato_min(sk)


def tcp_in_quickack_mode(sk: TcpSock) -> bool:
    """Whether each segment is answered at once."""
    return sk.ack_dst_quick_ack or (sk.ack_quick > 0 and sk.ack_pingpong < sk.net.sysctl.tcp_pingpong_thresh)


def tcp_dec_quickack_mode(sk: TcpSock) -> None:
    """An ACK was sent: one quick ACK less, if it answered data."""
    if sk.ack_quick:
        pkts = 1 if sk.ack_pending & ICSK_ACK_SCHED else 0
        if pkts >= sk.ack_quick:
            sk.ack_quick = 0
            sk.ack_ato = tcp_ato_min(sk)
        else:
            sk.ack_quick -= pkts


def tcp_event_data_recv(sk: TcpSock, skb: SkBuff) -> None:
    """Data came in order: an ACK is owed; learn the peer's segment size, its pace (``ato``) and open the window."""
    sk.ack_pending |= ICSK_ACK_SCHED
    tcp_rmem.tcp_measure_rcv_mss(sk, skb)
    if sk.rcv_nxt >= sk.rcv_rtt_seq or not sk.rcv_rtt_time:
        tcp_rmem.tcp_rcv_rtt_measure(sk)
    now = sk.net.jiffies
    ato_min = tcp_ato_min(sk)
    ato = sk.ack_ato
    if not ato:
        tcp_incr_quickack(sk, TCP_MAX_QUICKACKS)
        sk.ack_ato = ato_min
    else:
        gap = now - sk.ack_lrcvtime
        if gap <= ato_min // 2:
            sk.ack_ato = (ato >> 1) + ato_min // 2
        elif gap < ato:
            ato = (ato >> 1) + gap
            sk.ack_ato = min(ato, sk.icsk_rto)
            if sk.net.profile.ato_limited_by_delack_max:
                sk.ack_ato = min(sk.ack_ato, tcp_delack_max_jiffies(sk))
        elif gap > sk.icsk_rto:
            # The sender paused for so long that it should begin slowly again: help it with ACKs.
            tcp_incr_quickack(sk, TCP_MAX_QUICKACKS)
    sk.ack_lrcvtime = now
    if sk.ecn_flags:
        tcp_ecn.tcp_data_ecn_check(sk, skb)
    if sk.rcv_ssthresh < sk.window_clamp and len(skb.data) >= 128:
        tcp_rmem.tcp_grow_window(sk, skb)


def tcp_data_snd_check(sk: TcpSock) -> None:
    """After an ACK: send what it allows, wake a process that waits for room."""
    tcp_output.tcp_push_pending_frames(sk)
    tcp_sendmsg.tcp_check_space(sk)


def tcp_ack_snd_check(sk: TcpSock) -> None:
    """Send, delay or compress the ACK that is owed, unless data that was sent meanwhile carried it."""
    if sk.ack_pending & ICSK_ACK_SCHED:
        __tcp_ack_snd_check(sk, True)


def _ack_is_due(sk: TcpSock) -> bool:
    """More than a full segment is unacknowledged and the window moves along with it (or the reader waits for more), or
    quick-ACK mode, or an event that asks for an ACK at once."""
    if sk.rcv_nxt - sk.rcv_wup > sk.ack_rcv_mss and (
        sk.rcv_nxt - sk.copied_seq < sk.sk_rcvlowat or select_window(sk) >= sk.rcv_wnd
    ):
        return True
    return tcp_in_quickack_mode(sk) or sk.ack_pending & ICSK_ACK_NOW != 0


def __tcp_ack_snd_check(sk: TcpSock, ofo_possible: bool) -> None:
    """``ofo_possible``: not on the fast path, where nothing is out of order."""
    net = sk.net
    if _ack_is_due(sk):
        if sk.sk_owned and net.sysctl.tcp_backlog_ack_defer and net.profile.backlog_ack_deferred:
            sk.sk_tsq_flags |= TCP_ACK_DEFERRED
            return
        tcp_send.tcp_send_ack(sk)
    elif not ofo_possible or sk.out_of_order_queue.head is None:
        tcp_send_delayed_ack(sk)
    else:
        _compress_ack(sk)


def _compress_ack(sk: TcpSock) -> None:
    """Out of order: three duplicate ACKs at once, so that the peer notices a loss, then one per timer."""
    net = sk.net
    if not sk.sack_ok or sk.compressed_ack >= net.sysctl.tcp_comp_sack_nr or not net.profile.compressed_acks:
        tcp_send.tcp_send_ack(sk)
        return
    if sk.compressed_ack_rcv_nxt != sk.rcv_nxt:
        sk.compressed_ack_rcv_nxt = sk.rcv_nxt
        sk.dup_ack_counter = 0
    if sk.dup_ack_counter < TCP_FASTRETRANS_THRESH:
        sk.dup_ack_counter += 1
        tcp_send.tcp_send_ack(sk)
        return
    sk.compressed_ack += 1
    if sk.compressed_ack_timer.pending:
        return
    rtt = sk.rcv_rtt_us
    if sk.srtt_us and sk.srtt_us < rtt:
        rtt = sk.srtt_us
    if net.profile.comp_sack_rtt_percent:
        delay_ns = (rtt + (rtt >> 2)) * net.sysctl.tcp_comp_sack_rtt_percent
    else:
        delay_ns = rtt * 125 // 20  # a twentieth; rtt is in eighths of us
    delay_ns = min(delay_ns, net.sysctl.tcp_comp_sack_delay_ns)
    net.timers.start_hrtimer(sk.compressed_ack_timer, net.now_ns + delay_ns + net.sysctl.tcp_comp_sack_slack_ns)


def tcp_sack_compress_send_ack(sk: TcpSock) -> None:
    """Send the ACK for which others were held back, now."""
    if not sk.compressed_ack:
        return
    sk.net.timers.del_timer(sk.compressed_ack_timer)
    sk.net.mib.inc("TCPAckCompressed", sk.compressed_ack - 1)
    sk.compressed_ack = 0
    tcp_send.tcp_send_ack(sk)


def tcp_compressed_ack_kick(sk: TcpSock) -> None:
    """The timer of compressed ACKs has fired."""
    if sk.sk_owned:
        sk.sk_tsq_flags |= TCP_DELACK_TIMER_DEFERRED
    elif sk.compressed_ack:
        sk.compressed_ack -= 1  # the one that is sent was not spared
        if sk.net.profile.compressed_ack_reads_clock:
            tcp_mstamp_refresh(sk)
        tcp_send.tcp_send_ack(sk)


def tcp_send_delayed_ack(sk: TcpSock) -> None:
    """Let the ACK wait for ``ato``, bounded by the RTT (tcp_output.c)."""
    net = sk.net
    ato = sk.ack_ato
    delack_min = tcp_ato_min(sk)
    if ato > delack_min:
        delack_max = tcp_delack_max_jiffies(sk)
        max_ato = net.profile.hz // 2
        if inet_csk_in_pingpong_mode(sk) or sk.ack_pending & ICSK_ACK_PUSHED:
            max_ato = delack_max
        if sk.srtt_us:
            max_ato = min(max_ato, max(jiffies.usecs_to_jiffies(sk.srtt_us >> 3, net.profile.hz), delack_min))
        ato = min(ato, max_ato)
    ato = min(ato, sk.icsk_delack_max)
    now = net.jiffies
    timeout = now + ato
    if sk.ack_pending & ICSK_ACK_TIMER:
        if sk.ack_timeout <= now + (ato >> 2):
            tcp_send.tcp_send_ack(sk)
            return
        timeout = min(timeout, sk.ack_timeout)
    sk.ack_pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER
    sk.ack_timeout = timeout
    net.timers.mod_timer(sk.icsk_delack_timer, timeout)


def tcp_delack_timer_handler(sk: TcpSock) -> None:
    """The delayed-ACK timer has fired: the ACK waited in vain (tcp_timer.c)."""
    if sk.sk_state in (TCP_CLOSE, TCP_LISTEN):
        return
    if sk.compressed_ack and sk.net.profile.compressed_ack_deferred:
        tcp_mstamp_refresh(sk)
        tcp_sack_compress_send_ack(sk)
        return
    if not sk.ack_pending & ICSK_ACK_TIMER:
        return
    net = sk.net
    if sk.ack_timeout > net.jiffies:
        net.timers.mod_timer(sk.icsk_delack_timer, sk.ack_timeout)
        return
    sk.ack_pending &= ~ICSK_ACK_TIMER
    if sk.prequeue:
        net.mib.inc("TCPSchedulerFailed")
        tcp_prequeue.tcp_prequeue_flush(sk)
    if not sk.ack_pending & ICSK_ACK_SCHED:
        return
    if not inet_csk_in_pingpong_mode(sk):
        sk.ack_ato = min(sk.ack_ato << 1, sk.icsk_rto)
        if net.profile.ato_limited_by_delack_max:
            sk.ack_ato = min(sk.ack_ato, tcp_delack_max_jiffies(sk))
    else:
        sk.ack_pingpong = 0
        sk.ack_ato = tcp_ato_min(sk)
    tcp_mstamp_refresh(sk)
    tcp_send.tcp_send_ack(sk)
    net.mib.inc("DelayedACKs")


def tcp_cleanup_rbuf(sk: TcpSock, copied: int) -> None:
    """A process has read ``copied`` bytes: is an ACK due, or a window update (tcp.c)?

    The window is told when it at least doubles, and while more than a segment waits for its ACK.
    """
    time_to_ack = False
    pending = sk.ack_pending
    if pending & ICSK_ACK_SCHED:
        drained = copied > 0 and not sk.sk_rmem_alloc
        time_to_ack = sk.rcv_nxt - sk.rcv_wup > sk.ack_rcv_mss or (
            drained
            and (
                pending & ICSK_ACK_PUSHED2 != 0
                or (pending & ICSK_ACK_PUSHED != 0 and not inet_csk_in_pingpong_mode(sk))
            )
        )
    if copied > 0 and not time_to_ack and not sk.sk_shutdown & RCV_SHUTDOWN:
        rcv_window_now = tcp_receive_window(sk)
        if 2 * rcv_window_now <= sk.window_clamp:
            new_window = select_window(sk)
            time_to_ack = new_window > 0 and new_window >= 2 * rcv_window_now
    if time_to_ack:
        tcp_mstamp_refresh(sk)
        tcp_send.tcp_send_ack(sk)


def tcp_data_ready(sk: TcpSock) -> None:
    """Wake the reader if there is as much as it wants, or as much as there is room for."""
    if sk.sk_done or tcp_epollin_ready(sk, sk.sk_rcvlowat):
        sock_wake.sk_data_ready(sk)


def tcp_epollin_ready(sk: TcpSock, target: int) -> bool:
    """Whether a reader that waits for ``target`` bytes should look (include/net/tcp.h)."""
    avail = sk.rcv_nxt - sk.copied_seq
    if avail <= 0:
        return False
    if avail >= target:
        return True
    rmem_pressure = sk.net.tcp_memory_pressure or sk.sk_rmem_alloc > sk.sk_rcvbuf - (sk.sk_rcvbuf >> 3)
    return bool(rmem_pressure) or tcp_receive_window(sk) <= sk.ack_rcv_mss
