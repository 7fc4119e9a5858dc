"""The receiver's memory: what a segment costs, how the buffer follows the sender, what happens when it is full.

Window and buffer grow together: ``rcv_ssthresh`` opens the window as segments prove to carry their weight
(tcp_grow_window), ``tcp_rcv_space_adjust`` enlarges ``sk_rcvbuf`` with what the reader took in an RTT (dynamic
right-sizing). Sources: net/ipv4/tcp_input.c, Linux 7.2. Collapsing and pruning are in tcp_prune.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import PSH
from netemu.stack import tcp_prune, wmem
from netemu.stack.skb_alloc import MAX_TCP_HEADER_BYTES, SKB_SHARED_BYTES, SKB_STRUCT_BYTES
from netemu.stack.sock import ICSK_ACK_PUSHED, ICSK_ACK_PUSHED2, SOCK_RCVBUF_LOCK, SOCK_SNDBUF_LOCK, tcp_mstamp_refresh
from netemu.stack.tcp_h import TCP_INIT_CWND
from netemu.stack.tcp_window import (
    TCP_RMEM_TO_WIN_SCALE,
    tcp_adjust_rcv_ssthresh,
    tcp_full_space,
    tcp_space,
    tcp_space_from_win,
    tcp_under_memory_pressure,
    tcp_win_from_space,
)

if TYPE_CHECKING:
    from netemu.packet.ip import Packet
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

TCP_MSS_DEFAULT, TCP_MIN_MSS = 536, 88
TCP_HEADER_BYTES = 20


def sk_mem_charge(sk: TcpSock, size: int) -> None:
    """Take ``size`` bytes of what was set aside for the socket."""
    sk.sk_forward_alloc -= size


def skb_set_owner_r(skb: SkBuff, sk: TcpSock) -> None:
    """Charge a segment to the receive buffer."""
    sk.sk_rmem_alloc += skb.truesize
    sk.sk_forward_alloc -= skb.truesize


def sock_rfree(sk: TcpSock, skb: SkBuff) -> None:
    """Give back what a segment was charged (net/core/sock.c)."""
    sk.sk_rmem_alloc -= skb.truesize
    wmem.sk_mem_uncharge(sk, skb.truesize)


def sk_rmem_schedule(sk: TcpSock, size: int) -> bool:
    """Whether ``size`` bytes may be charged, set aside from TCP's memory if need be (include/net/sock.h)."""
    delta = size - sk.sk_forward_alloc
    return delta <= 0 or wmem.__sk_mem_schedule(sk, delta, wmem.SK_MEM_RECV)


def sk_forced_mem_schedule(sk: TcpSock, size: int) -> None:
    """Charge ``size`` bytes whatever the limits say (tcp_output.c)."""
    delta = size - sk.sk_forward_alloc
    if delta > 0:
        wmem.sk_forced_mem_schedule(sk, size)


def tcp_can_ingest(sk: TcpSock) -> bool:
    """Whether the buffer is not over its limit yet: the segment that crosses it is still taken."""
    return sk.sk_rmem_alloc <= sk.sk_rcvbuf


def tcp_try_rmem_schedule(sk: TcpSock, skb: SkBuff, size: int) -> bool:
    """Find memory for a segment, tidying up and throwing away if there is none; False: drop it.

    The kernel's function returns 0 and -1.
    """
    if sk.sk_rmem_alloc <= sk.sk_rcvbuf and sk_rmem_schedule(sk, size):
        return True
    if not tcp_prune.tcp_prune_queue(sk, skb):
        return False
    while not sk_rmem_schedule(sk, size):
        if not tcp_prune.tcp_prune_ofo_queue(sk, skb):
            return False
    return True


def tcp_clamp_window(sk: TcpSock) -> None:
    """The buffer is overrun: let it be as large as what is in it, and offer little from now on."""
    sk.ack_quick = 0
    rmem2 = sk.net.sysctl.tcp_rmem[2]
    if (
        sk.sk_rcvbuf < rmem2
        and not sk.sk_userlocks & SOCK_RCVBUF_LOCK
        and not tcp_under_memory_pressure(sk)
        and wmem.sk_memory_allocated(sk) < sk.net.sysctl.tcp_mem[0]
    ):
        sk.sk_rcvbuf = min(sk.sk_rmem_alloc, rmem2)
    if sk.sk_rmem_alloc > sk.sk_rcvbuf:
        sk.rcv_ssthresh = min(sk.window_clamp, 2 * sk.advmss)


def tcp_init_buffer_space(sk: TcpSock) -> None:
    """Fit buffers and clamps to the connection as it was agreed, once, when it is established."""
    if not sk.sk_userlocks & SOCK_SNDBUF_LOCK:
        wmem.tcp_sndbuf_expand(sk)
    tcp_app_win = sk.net.sysctl.tcp_app_win
    advmss = sk.advmss
    tcp_mstamp_refresh(sk)
    sk.rcvq_space_time = sk.tcp_mstamp
    sk.rcvq_space_seq = sk.copied_seq
    maxwin = tcp_full_space(sk)
    if sk.window_clamp >= maxwin:
        sk.window_clamp = maxwin
        if tcp_app_win and maxwin > 4 * advmss:
            sk.window_clamp = max(maxwin - (maxwin >> tcp_app_win), 4 * advmss)
    # One segment stays in reserve.
    if tcp_app_win and sk.window_clamp > 2 * advmss and sk.window_clamp + advmss > maxwin:
        sk.window_clamp = max(2 * advmss, maxwin - advmss)
    sk.rcv_ssthresh = min(sk.rcv_ssthresh, sk.window_clamp)
    sk.snd_cwnd_stamp = sk.net.jiffies
    sk.rcvq_space_space = min(sk.rcv_ssthresh, sk.rcv_wnd, TCP_INIT_CWND * advmss)


def tcp_header_bytes(skb: SkBuff) -> int:
    """Length of a received segment's TCP header with its options (doff * 4)."""
    packet: Packet = skb.packet
    return packet.length - (20 if packet.version == 4 else 40) - len(packet.body.payload)  # type: ignore[union-attr]


def tcp_initialize_rcv_mss(sk: TcpSock) -> None:
    """A first guess at the peer's segment size, rather too small: that only means more ACKs."""
    hint = min(sk.advmss, sk.mss_cache, sk.rcv_wnd // 2, TCP_MSS_DEFAULT)
    sk.ack_rcv_mss = max(hint, TCP_MIN_MSS)


def tcp_measure_rcv_mss(sk: TcpSock, skb: SkBuff) -> None:
    """Follow the peer's segment size, which says when an ACK is due, and what share of memory is payload."""
    last_seg_size = sk.ack_last_seg_size
    sk.ack_last_seg_size = 0
    length = skb.gso_size or len(skb.data)
    if length >= sk.ack_rcv_mss:
        if length != sk.ack_rcv_mss and sk.net.profile.win_by_scaling_ratio:
            _measure_scaling_ratio(sk, len(skb.data), skb.truesize)
        sk.ack_rcv_mss = min(length, sk.advmss)
        if skb.tcp_flags & PSH and sk.net.profile.full_push_acked:
            sk.ack_pending |= ICSK_ACK_PUSHED
        return
    length += tcp_header_bytes(skb)
    if length >= TCP_MSS_DEFAULT + TCP_HEADER_BYTES or (
        length >= TCP_MIN_MSS + TCP_HEADER_BYTES and not skb.tcp_flags & TCP_REMNANT
    ):
        # With the options that are always there taken off again, what SACK blocks do to the length is left out.
        length -= sk.tcp_header_len
        sk.ack_last_seg_size = length
        if length == last_seg_size:
            sk.ack_rcv_mss = length
            return
    if sk.ack_pending & ICSK_ACK_PUSHED:
        sk.ack_pending |= ICSK_ACK_PUSHED2
    sk.ack_pending |= ICSK_ACK_PUSHED


TCP_REMNANT = 0x01 | 0x20 | 0x02 | 0x08
"""FIN, URG, SYN, PSH: flags with which a segment may be short."""


def _measure_scaling_ratio(sk: TcpSock, length: int, truesize: int) -> None:
    ratio = (length << TCP_RMEM_TO_WIN_SCALE) // truesize
    old = sk.scaling_ratio
    sk.scaling_ratio = ratio & 0xFF or 1  # the field has eight bits
    if old != sk.scaling_ratio:
        sk.window_clamp = tcp_win_from_space(sk, sk.sk_rcvbuf)
        sk.rcvq_space_space = min(sk.rcvq_space_space, sk.window_clamp)


def tcp_grow_window(sk: TcpSock, skb: SkBuff) -> None:
    """Open the window further if segments such as this one leave the memory for it."""
    room = min(sk.window_clamp, tcp_space(sk)) - sk.rcv_ssthresh
    if room <= 0:
        return
    if tcp_under_memory_pressure(sk):
        tcp_adjust_rcv_ssthresh(sk)
        return
    length = len(skb.data)
    if tcp_win_from_space(sk, skb.truesize) <= length:
        incr = 2 * sk.advmss
    else:
        incr = __tcp_grow_window(sk, length, skb.truesize)
    if incr:
        sk.rcv_ssthresh += min(room, max(incr, 2 * length))
        sk.ack_quick |= 1


def __tcp_grow_window(sk: TcpSock, length: int, skbtruesize: int) -> int:
    """How far a segment heavier than the buffer's ratio may open the window: only while that is small."""
    truesize = tcp_win_from_space(sk, skbtruesize) >> 1
    window = tcp_win_from_space(sk, sk.net.sysctl.tcp_rmem[2]) >> 1
    while sk.rcv_ssthresh <= window:
        if truesize <= length:
            return 2 * sk.ack_rcv_mss
        truesize >>= 1
        window >>= 1
    return 0


def tcp_rcv_rtt_update(sk: TcpSock, sample: int, win_dep: bool) -> None:
    """Take in an RTT as the receiver sees it, us. ``win_dep``: measured by a window's worth, of which only a minimum
    means anything."""
    m = sample << 3
    old = sk.rcv_rtt_us
    if old == 0 or (m < old and (win_dep or sk.net.profile.rcv_rtt_falls_at_once)):
        sk.rcv_rtt_us = m
        return
    if win_dep:
        return
    if sk.net.profile.rcv_rtt_when_drained and sk.rcv_nxt != sk.copied_seq:
        return
    sk.rcv_rtt_us = old - (old >> 3) + sample


def tcp_rcv_rtt_measure(sk: TcpSock) -> None:
    """Without timestamps: the time in which a whole window arrives."""
    if sk.rcv_rtt_time:
        if sk.rcv_nxt < sk.rcv_rtt_seq:
            return
        tcp_rcv_rtt_update(sk, max(sk.tcp_mstamp - sk.rcv_rtt_time, 1), True)
    sk.rcv_rtt_seq = sk.rcv_nxt + sk.rcv_wnd
    sk.rcv_rtt_time = sk.tcp_mstamp


def tcp_rtt_tsopt_us(sk: TcpSock, min_delta: int) -> int:
    """RTT by the timestamp that came back, us, in steps of the timestamp clock; -1: none."""
    tick_us = sk.net.ts_tick_us
    delta = (sk.tcp_mstamp // tick_us - sk.rcv_tsecr) & 0xFFFFFFFF
    if delta >= 0x7FFFFFFF // tick_us:
        return -1
    return (delta or min_delta) * tick_us


def tcp_rcv_rtt_measure_ts(sk: TcpSock, skb: SkBuff) -> None:
    """With timestamps: once per value echoed, by a full segment."""
    if sk.rcv_tsecr == sk.rcv_rtt_last_tsecr:
        return
    sk.rcv_rtt_last_tsecr = sk.rcv_tsecr
    if skb.end_seq - skb.seq >= sk.ack_rcv_mss:
        delta_us = tcp_rtt_tsopt_us(sk, 0 if sk.net.profile.rcv_rtt_no_minimum else 1)
        if delta_us > 0:
            tcp_rcv_rtt_update(sk, delta_us, False)


def tcp_rcvbuf_grow(sk: TcpSock, newval: int) -> None:
    """Size the buffer for a reader that took ``newval`` bytes in an RTT, with room for the sender to speed up."""
    oldval = sk.rcvq_space_space
    sk.rcvq_space_space = newval
    net = sk.net
    if not net.sysctl.tcp_moderate_rcvbuf or sk.sk_userlocks & SOCK_RCVBUF_LOCK:
        return
    rcvwin = newval << 1
    rtt_us = sk.rcv_rtt_us >> 3
    if rtt_us < net.sysctl.tcp_rcvbuf_low_rtt:
        rcvwin += rcvwin * rtt_us // net.sysctl.tcp_rcvbuf_low_rtt
    else:
        rcvwin += (rcvwin << 1) * (newval - oldval) // oldval
    last = sk.out_of_order_queue.tail
    if last is not None:
        rcvwin += last.end_seq - sk.rcv_nxt
    _enlarge_rcvbuf(sk, rcvwin)


def _enlarge_rcvbuf(sk: TcpSock, rcvwin: int) -> None:
    by_ratio = sk.net.profile.win_by_scaling_ratio
    space = tcp_space_from_win(sk, rcvwin) if by_ratio else _space_of_segments(sk, rcvwin)
    rcvbuf = min(space, sk.net.sysctl.tcp_rmem[2])
    if rcvbuf > sk.sk_rcvbuf:
        sk.sk_rcvbuf = rcvbuf
        sk.window_clamp = tcp_win_from_space(sk, rcvbuf)


def tcp_rcv_space_adjust(sk: TcpSock) -> None:
    """Called whenever a process has copied data: once an RTT, see how much that was."""
    profile = sk.net.profile
    if not profile.rcvbuf_grow_by_rtt:
        tcp_mstamp_refresh(sk)
    if not sk.rcv_rtt_us or sk.tcp_mstamp - sk.rcvq_space_time < sk.rcv_rtt_us >> 3:
        return
    copied = sk.copied_seq - sk.rcvq_space_seq
    if profile.rcv_space_less_queue:
        copied -= sk.rcv_nxt - sk.copied_seq
    if copied > sk.rcvq_space_space:
        if profile.rcvbuf_grow_by_rtt:
            tcp_rcvbuf_grow(sk, copied)
        else:
            _grow_before_6_18(sk, copied)
    sk.rcvq_space_seq = sk.copied_seq
    sk.rcvq_space_time = sk.tcp_mstamp


def _grow_before_6_18(sk: TcpSock, copied: int) -> None:
    """The same with a cushion of 16 segments, the growth counted twice, and no regard for the RTT."""
    if sk.net.sysctl.tcp_moderate_rcvbuf and not sk.sk_userlocks & SOCK_RCVBUF_LOCK:
        rcvwin = (copied << 1) + 16 * sk.advmss
        grow = rcvwin * (copied - sk.rcvq_space_space) // sk.rcvq_space_space
        _enlarge_rcvbuf(sk, rcvwin + (grow << 1))
    sk.rcvq_space_space = copied


def _space_of_segments(sk: TcpSock, rcvwin: int) -> int:
    """Before 6.6: the memory of as many full segments as make ``rcvwin``, each with as much room as makes it window."""
    advmss = sk.advmss
    rcvmem = advmss + MAX_TCP_HEADER_BYTES + SKB_SHARED_BYTES + SKB_STRUCT_BYTES
    while tcp_win_from_space(sk, rcvmem) < advmss:
        rcvmem += 128
    return rcvwin // advmss * rcvmem
