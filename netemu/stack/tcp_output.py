"""What of the send queue may leave now: tcp_write_xmit with its tests, in the kernel's order (net/ipv4/tcp_output.c).

For the segment at the head of the queue: pacing, congestion window, (growing it to a full segment), send window,
Nagle or TSO deferral, (cutting it to size), TCP small queues; then it is sent and moves to the retransmission queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import FIN
from netemu.stack import (
    tcp_cwnd,
    tcp_mss,
    tcp_retransmit,
    tcp_sendmsg,
    tcp_timer,
    tcp_tlp,
    tcp_transmit,
)
from netemu.stack.sock import (
    ICSK_TIME_LOSS_PROBE,
    ICSK_TIME_PROBE0,
    TCP_CA_CWR,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_LAST_ACK,
    TCP_NAGLE_CORK,
    TCP_NAGLE_PUSH,
    TCP_TSQ_DEFERRED,
    TCP_CA_Recovery,
    tcp_mstamp_refresh,
)
from netemu.stack.tcp_chrono import TCP_CHRONO_RWND_LIMITED, tcp_chrono_start, tcp_chrono_stop
from netemu.stack.tcp_fragment import tcp_grow_skb, tcp_set_skb_tso_segs, tso_fragment
from netemu.stack.tcp_h import tcp_packets_in_flight

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

NSEC_PER_MSEC = 1_000_000


# ---- the tests


def tcp_cwnd_test(sk: TcpSock) -> int:
    """How many segments the congestion window allows now; more than half of it never at once."""
    in_flight = sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out
    cwnd = sk.snd_cwnd
    if in_flight >= cwnd:
        return 0
    half = cwnd >> 1 or 1
    left = cwnd - in_flight
    return half if half < left else left


def tcp_snd_wnd_test(sk: TcpSock, skb: SkBuff, cur_mss: int) -> bool:
    """Whether the first segment of ``skb`` fits into the peer's window."""
    end_seq = skb.end_seq if len(skb.data) <= cur_mss else skb.seq + cur_mss
    return end_seq <= sk.snd_una + sk.snd_wnd


def tcp_minshall_check(sk: TcpSock) -> bool:
    """Whether a small segment is still unacknowledged (Minshall's rule looks at small ones only)."""
    return sk.snd_una < sk.snd_sml <= sk.snd_nxt


def tcp_minshall_update(sk: TcpSock, mss_now: int, skb: SkBuff) -> None:
    """Remember the end of a segment that was not full."""
    if len(skb.data) < skb.tcp_gso_segs * mss_now:
        sk.snd_sml = skb.end_seq


def tcp_nagle_check(partial: bool, sk: TcpSock, nonagle: int) -> bool:
    """Whether a segment must wait for more data: it is not full, and corked, or Nagle's turn."""
    return partial and bool(
        nonagle & TCP_NAGLE_CORK or (not nonagle and sk.packets_out and sk.snd_una < sk.snd_sml <= sk.snd_nxt)
    )


def tcp_nagle_test(sk: TcpSock, skb: SkBuff, cur_mss: int, nonagle: int) -> bool:
    """Whether Nagle (RFC 1122 4.2.3.4, with Minshall's change) lets ``skb`` go; urgent data and FIN always go."""
    if nonagle & TCP_NAGLE_PUSH or skb.tcp_flags & FIN or sk.snd_una != sk.snd_up or sk.frto_counter == 2:
        return True
    return not tcp_nagle_check(len(skb.data) < cur_mss, sk, nonagle)


def tcp_tso_autosize(sk: TcpSock, mss_now: int, min_tso_segs: int) -> int:
    """Segments for one transmission: a millisecond's worth by the pacing rate, more to a near peer."""
    size = sk.sk_pacing_rate >> sk.sk_pacing_shift
    shift = sk.rtt_min_us >> sk.net.sysctl.tcp_tso_rtt_log
    if shift < 32:
        size += sk.sk_gso_max_size >> shift
    return max(min(size, sk.sk_gso_max_size) // mss_now, min_tso_segs)


def tcp_tso_segs(sk: TcpSock, mss_now: int) -> int:
    """Segments wanted in one transmission; the device's gso_max_segs bounds them."""
    if sk.sk_gso_max_segs == 1:
        return 1
    wanted = sk.icsk_ca_ops.min_tso_segs(sk) or sk.net.sysctl.tcp_min_tso_segs
    return min(tcp_tso_autosize(sk, mss_now, wanted), sk.sk_gso_max_segs)


def tcp_mss_split_point(sk: TcpSock, skb: SkBuff, mss_now: int, max_segs: int, nonagle: int) -> int:
    """How many bytes of a long segment may leave at once."""
    window = sk.snd_una + sk.snd_wnd - skb.seq
    max_len = mss_now * max_segs
    if max_len <= window and skb is not sk.sk_write_queue.tail:
        return max_len
    needed = min(len(skb.data), window)
    if max_len <= needed:
        return max_len
    partial = needed % mss_now
    # A last piece that Nagle would hold back does not ride along.
    return needed - partial if tcp_nagle_check(partial != 0, sk, nonagle) else needed


def tcp_tso_should_defer(sk: TcpSock, skb: SkBuff, max_segs: int, xmit: Xmit) -> bool:
    """Whether to wait until more may be sent at once; notes in ``xmit`` which window is why."""
    if sk.icsk_ca_state >= TCP_CA_Recovery or sk.tcp_clock_cache - sk.tcp_wstamp_ns > NSEC_PER_MSEC:
        return False
    in_flight = sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out
    send_win = sk.snd_una + sk.snd_wnd - skb.seq
    cong_win = (sk.snd_cwnd - in_flight) * sk.mss_cache
    if _enough_for_tso(sk, skb, min(send_win, cong_win), max_segs) or _ack_is_far(sk):
        return False
    if cong_win < send_win:
        if cong_win <= len(skb.data):
            xmit.is_cwnd_limited = True
            return True
    elif send_win <= len(skb.data):
        xmit.is_rwnd_limited = True
        return True
    return not (skb.tcp_flags & FIN or skb.eor)


def _enough_for_tso(sk: TcpSock, skb: SkBuff, limit: int, max_segs: int) -> bool:
    """Whether ``limit`` bytes of window are worth a transmission: all wanted, or a good part of the window."""
    mss = sk.mss_cache
    if limit >= max_segs * mss or (skb is not sk.sk_write_queue.tail and limit >= len(skb.data)):
        return True
    divisor = sk.net.sysctl.tcp_tso_win_divisor
    if divisor:
        return limit >= min(sk.snd_wnd, sk.snd_cwnd * mss) // divisor
    return limit > 3 * mss  # tcp_max_tso_deferred_mss


def _ack_is_far(sk: TcpSock) -> bool:
    """Whether the next ACK is not expected within half an RTT or a millisecond."""
    head = sk.tcp_rtx_queue.head
    if head is None:
        return True
    srtt_ns = sk.srtt_us * 125
    return head.skb_mstamp_ns + srtt_ns - sk.tcp_clock_cache > min(srtt_ns >> 1, NSEC_PER_MSEC)


# ---- sending


def tcp_event_new_data_sent(sk: TcpSock, skb: SkBuff) -> None:
    """``skb`` was sent for the first time: it now waits for its acknowledgement."""
    prior_packets = sk.packets_out
    sk.snd_nxt = skb.end_seq
    if sk.frto_counter == 2:
        sk.frto_counter = 3
    sk.sk_write_queue.shift_to(sk.tcp_rtx_queue)
    if sk.highest_sack is None:
        sk.highest_sack = skb
    sk.packets_out = prior_packets + skb.tcp_gso_segs
    if not prior_packets or sk.icsk_pending == ICSK_TIME_LOSS_PROBE:
        tcp_timer.tcp_rearm_rto(sk)
    sk.net.mib.counts["TCPOrigDataSent"] += skb.tcp_gso_segs
    if sk.sk_nospace:
        tcp_sendmsg.tcp_check_space(sk)


class Xmit:
    """One run of tcp_write_xmit: how it was called, and which window stopped it."""

    __slots__ = ("is_cwnd_limited", "is_rwnd_limited", "max_segs", "mss_now", "nonagle", "push_one")

    def __init__(self, mss_now: int, nonagle: int, push_one: int) -> None:
        self.mss_now, self.nonagle, self.push_one = mss_now, nonagle, push_one
        self.max_segs = 1
        self.is_cwnd_limited = self.is_rwnd_limited = False


def tcp_write_xmit(sk: TcpSock, mss_now: int, nonagle: int, push_one: int) -> bool:
    """Send what may be sent.

    ``push_one`` 1: one segment at most; 2: one, whatever the congestion window says (a loss probe).
    True when nothing is in flight and yet something waits that cannot leave: the window probe's case.
    """
    sent = 0
    tcp_mstamp_refresh(sk)
    if not push_one and sk.mtup_enabled:
        probed = tcp_mss.tcp_mtu_probe(sk)
        if not probed:
            return False
        sent = 1 if probed > 0 else 0
    xmit = Xmit(mss_now, nonagle, push_one)
    if sk.sk_gso_max_segs != 1:
        xmit.max_segs = tcp_tso_segs(sk, mss_now)
    queue = sk.sk_write_queue
    while (skb := queue.head) is not None:
        if not _ready(sk, skb, xmit) or tcp_transmit.tcp_transmit_skb(sk, skb, True):
            break
        tcp_event_new_data_sent(sk, skb)
        if len(skb.data) < skb.tcp_gso_segs * mss_now:
            sk.snd_sml = skb.end_seq
        sent += skb.tcp_gso_segs
        if push_one:
            break
    return _after_xmit(sk, sent, xmit)


def _ready(sk: TcpSock, skb: SkBuff, xmit: Xmit) -> bool:
    """Whether ``skb`` may leave; it has been given its size then."""
    quota = 0 if sk.sk_pacing_needed and tcp_pacing_check(sk) else _cwnd_quota(sk, xmit)
    if not quota:
        return False
    mss_now = xmit.mss_now
    length = len(skb.data)
    if length < quota * mss_now and skb.next is not None and sk.net.profile.grows_first_skb:
        tcp_grow_skb(sk, skb, quota * mss_now - length)
        length = len(skb.data)
    if length <= mss_now:
        skb.gso_size, skb.tcp_gso_segs = 0, 1
        if skb.end_seq > sk.snd_una + sk.snd_wnd:
            xmit.is_rwnd_limited = True
            return False
        if length < mss_now and skb.next is None and not tcp_nagle_test(sk, skb, mss_now, xmit.nonagle):
            return False
    elif not _cut(sk, skb, quota, xmit):
        return False
    if sk.sk_wmem_alloc and tcp_small_queue_check(sk, skb, 0):
        return False
    # An empty segment belongs to a call that sleeps for memory.
    return skb.end_seq != skb.seq


def _cwnd_quota(sk: TcpSock, xmit: Xmit) -> int:
    """Segments that the congestion window and the device allow now; a loss probe is always allowed one."""
    if xmit.max_segs == 1:
        room = sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out < sk.snd_cwnd
        return 1 if room or xmit.push_one == 2 or _is_free_fin(sk) else 0
    if _is_free_fin(sk):
        return 1
    quota = tcp_cwnd_test(sk)
    if not quota:
        return 1 if xmit.push_one == 2 else 0
    return quota if quota < xmit.max_segs else xmit.max_segs


def _is_free_fin(sk: TcpSock) -> bool:
    """Before 6.x: whether the next segment is the last, which the congestion window does not hold back."""
    skb = sk.sk_write_queue.head
    if skb is None or not sk.net.profile.fin_ignores_cwnd:
        return False
    return bool(skb.tcp_flags & FIN) and len(skb.data) <= sk.mss_cache


def _cut(sk: TcpSock, skb: SkBuff, quota: int, xmit: Xmit) -> bool:
    """Cut a segment longer than the MSS to what may leave at once; False: wait until more may."""
    mss_now = xmit.mss_now
    tcp_set_skb_tso_segs(skb, mss_now)
    if skb.seq + mss_now > sk.snd_una + sk.snd_wnd:
        xmit.is_rwnd_limited = True
        return False
    if not xmit.push_one and tcp_tso_should_defer(sk, skb, xmit.max_segs, xmit):
        return False
    limit = mss_now
    if sk.snd_una == sk.snd_up:
        limit = tcp_mss_split_point(sk, skb, mss_now, quota, xmit.nonagle)
    if len(skb.data) > limit:
        tso_fragment(sk, skb, limit, mss_now)
    return True


def _after_xmit(sk: TcpSock, sent: int, xmit: Xmit) -> bool:
    """The end of tcp_write_xmit: who was limited by what, and the loss probe."""
    if xmit.is_rwnd_limited:
        tcp_chrono_start(sk, TCP_CHRONO_RWND_LIMITED)
    elif sk.chrono_type == TCP_CHRONO_RWND_LIMITED:
        tcp_chrono_stop(sk, TCP_CHRONO_RWND_LIMITED)
    is_cwnd_limited = xmit.is_cwnd_limited or (
        sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out >= sk.snd_cwnd
    )
    if sent or is_cwnd_limited:
        tcp_cwnd.tcp_cwnd_validate(sk, is_cwnd_limited)
    if sent:
        if sk.icsk_ca_state in (TCP_CA_CWR, TCP_CA_Recovery):
            sk.prr_out += sent
        if xmit.push_one != 2:
            tcp_tlp.tcp_schedule_loss_probe(sk, False)
        return False
    return not sk.packets_out and sk.sk_write_queue.head is not None


def __tcp_push_pending_frames(sk: TcpSock, cur_mss: int, nonagle: int) -> None:
    """Send what may be sent, and probe the window when nothing could leave."""
    if sk.sk_state != TCP_CLOSE and tcp_write_xmit(sk, cur_mss, nonagle, 0):
        tcp_check_probe_timer(sk)


def tcp_push_pending_frames(sk: TcpSock) -> None:
    """The same with the socket's own Nagle setting, if anything waits (include/net/tcp.h)."""
    if sk.sk_write_queue.head is not None:
        __tcp_push_pending_frames(sk, tcp_mss.tcp_current_mss(sk), sk.nonagle)


def tcp_push_one(sk: TcpSock, mss_now: int) -> None:
    """Send one full segment from the head of the queue while its writer still fills the next."""
    tcp_write_xmit(sk, mss_now, TCP_NAGLE_PUSH, 1)


def tcp_check_probe_timer(sk: TcpSock) -> None:
    """Arm the window probe when nothing else would ever wake the sender (include/net/tcp.h)."""
    if not sk.packets_out and not sk.icsk_pending:
        tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_PROBE0, tcp_timer.tcp_probe0_base(sk), True)


# ---- not too much at once into the device, and not too soon
#
# A device takes what a process sends at once, so that sk_wmem_alloc is 0 again: the softirq runs at the end of
# dev_queue_xmit. What a softirq sends waits until that softirq is over, as with the virtual devices of a real kernel.


def tcp_pacing_check(sk: TcpSock) -> bool:
    """Whether pacing holds the next segment back; its timer is armed then."""
    if not sk.sk_pacing_needed or sk.tcp_wstamp_ns <= sk.tcp_clock_cache:
        return False
    if sk.pacing_timer.expires is None:
        sk.net.timers.start_hrtimer(sk.pacing_timer, sk.tcp_wstamp_ns)
    return True


def tcp_small_queue_check(sk: TcpSock, skb: SkBuff, factor: int) -> bool:
    """Whether enough of this socket is in the device: two segments, or a millisecond; retransmissions twice that."""
    limit = min(max(2 * skb.truesize, sk.sk_pacing_rate >> sk.sk_pacing_shift), sk.net.sysctl.tcp_limit_output_bytes)
    if sk.sk_wmem_alloc < limit << factor or sk.tcp_rtx_queue.qlen <= 1:
        return False
    sk.tsq_throttled = True
    return True


def tcp_wfree(sk: TcpSock, truesize: int) -> None:
    """The device is done with ``truesize`` bytes: a sender that it held back goes on."""
    sk.sk_wmem_alloc -= truesize
    if sk.tsq_throttled:
        sk.tsq_throttled = False
        tcp_tsq_handler(sk)


def tcp_pace_kick(sk: TcpSock) -> None:
    """The pacing timer fired."""
    tcp_tsq_handler(sk)


def tcp_tsq_handler(sk: TcpSock) -> None:
    """Go on sending, or leave it to the process that holds the socket."""
    if sk.sk_owned:
        sk.sk_tsq_flags |= TCP_TSQ_DEFERRED
    else:
        tcp_tsq_write(sk)


def tcp_tsq_write(sk: TcpSock) -> None:
    """Retransmit, then send what may be sent."""
    if sk.sk_state not in (TCP_ESTABLISHED, TCP_FIN_WAIT1, TCP_CLOSING, TCP_CLOSE_WAIT, TCP_LAST_ACK):
        return
    if sk.lost_out > sk.retrans_out and sk.snd_cwnd > tcp_packets_in_flight(sk):
        tcp_mstamp_refresh(sk)
        tcp_retransmit.tcp_xmit_retransmit_queue(sk)
    tcp_write_xmit(sk, tcp_mss.tcp_current_mss(sk), sk.nonagle, 0)
