"""Arriving data: in order to the reader, out of order to wait, what is old or too far ahead dropped and answered.

Sources: tcp_data_queue, tcp_data_queue_ofo, tcp_ofo_queue and the functions of SACK blocks around them in
net/ipv4/tcp_input.c, Linux 7.2. The out-of-order queue is a list by sequence number here, a red-black tree there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import FIN
from netemu.stack import skb_alloc, sock_wake, tcp_ack_snd, tcp_ecn, tcp_input, tcp_prequeue, tcp_rcv_sack, tcp_rmem
from netemu.stack.sock import ICSK_ACK_NOMEM, ICSK_ACK_NOW, ICSK_ACK_SCHED
from netemu.stack.tcp_window import tcp_receive_window

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock


def tcp_rcv_nxt_update(sk: TcpSock, seq: int) -> None:
    """Everything before ``seq`` has arrived."""
    sk.bytes_received += seq - sk.rcv_nxt
    sk.rcv_nxt = seq


def tcp_drop(sk: TcpSock, skb: SkBuff) -> None:
    """A segment of this socket is thrown away."""
    sk.sk_drops += max(1, skb.tcp_gso_segs)


def tcp_try_coalesce(sk: TcpSock, to: SkBuff, skb: SkBuff) -> bool:
    """Append a segment to the one before it, if the buffer that one sits in has room behind its data.

    skb_try_coalesce (net/core/skbuff.c) would also take over pages; what a driver puts into one plain buffer has none.
    """
    length = len(skb.data)
    if skb.seq != to.end_seq or length > to.tailroom:
        return False
    to.tailroom -= length
    to.data += skb.data
    sk.net.mib.inc("TCPRcvCoalesce")
    to.end_seq = skb.end_seq
    to.ack_seq = skb.ack_seq
    to.tcp_flags |= skb.tcp_flags
    return True


def tcp_queue_rcv(sk: TcpSock, skb: SkBuff) -> bool:
    """Data in order goes to the reader's queue; whether it was merged into the last segment there."""
    if sk.ucopy is not None and tcp_prequeue.tcp_copy_to_iovec(sk, skb):
        sk.bytes_received += skb.end_seq - sk.rcv_nxt
        sk.rcv_nxt = skb.end_seq
        return True
    tail = sk.sk_receive_queue.tail
    eaten = tail is not None and tcp_try_coalesce(sk, tail, skb)
    sk.bytes_received += skb.end_seq - sk.rcv_nxt
    sk.rcv_nxt = skb.end_seq
    if not eaten:
        sk.sk_receive_queue.append(skb)
        sk.sk_rmem_alloc += skb.truesize
        sk.sk_forward_alloc -= skb.truesize
    return eaten


def tcp_data_queue(sk: TcpSock, skb: SkBuff) -> None:
    """Step 7 of RFC 9293 section 3.10.7.4: the segment's text."""
    if skb.seq == skb.end_seq:
        return
    sk.duplicate_sack = None
    mib = sk.net.mib
    rcv_nxt = sk.rcv_nxt
    if skb.seq == rcv_nxt:
        # A bare FIN costs nothing, and some peers repeat it against a closed window for ever.
        if tcp_receive_window(sk) == 0 and not (
            not skb.data and skb.tcp_flags & FIN and sk.net.profile.bare_fin_in_zero_window
        ):
            mib.inc("TCPZeroWindowDrop")
            _out_of_window(sk, skb)
        else:
            _queue_and_out(sk, skb)
    elif skb.end_seq <= rcv_nxt:
        mib.inc("DelayedACKLost")
        tcp_rcv_sack.tcp_dsack_set(sk, skb.seq, skb.end_seq)
        _out_of_window(sk, skb)
    elif skb.seq >= rcv_nxt + tcp_receive_window(sk):
        mib.inc("BeyondWindow")
        _out_of_window(sk, skb)
    elif skb.seq < rcv_nxt:
        tcp_rcv_sack.tcp_dsack_set(sk, skb.seq, rcv_nxt)
        if tcp_receive_window(sk) == 0:
            mib.inc("TCPZeroWindowDrop")
            _out_of_window(sk, skb)
        else:
            _queue_and_out(sk, skb)
    else:
        tcp_data_queue_ofo(sk, skb)


def _out_of_window(sk: TcpSock, skb: SkBuff) -> None:
    """Dropped, and answered at once."""
    tcp_ack_snd.tcp_enter_quickack_mode(sk, tcp_ack_snd.TCP_MAX_QUICKACKS)
    sk.ack_pending |= ICSK_ACK_SCHED
    tcp_drop(sk, skb)


def _queue_and_out(sk: TcpSock, skb: SkBuff) -> None:
    """In order and in the window: queue it, then what waited behind it."""
    if not sk.net.profile.zero_window_without_memory:
        if not _room_before_6_6(sk, skb):
            return
    elif not tcp_rmem.tcp_try_rmem_schedule(sk, skb, skb.truesize):
        sk.ack_pending |= ICSK_ACK_NOMEM | ICSK_ACK_NOW | ICSK_ACK_SCHED
        sock_wake.sk_data_ready(sk)
        if sk.sk_receive_queue.head is not None and (skb.data or not sk.net.profile.bare_fin_in_zero_window):
            sk.net.mib.inc("TCPRcvQDrop")
            tcp_drop(sk, skb)
            return
        tcp_rmem.sk_forced_mem_schedule(sk, skb.truesize)
    data = skb.data
    tcp_queue_rcv(sk, skb)
    if data:
        tcp_ack_snd.tcp_event_data_recv(sk, skb)
    if skb.tcp_flags & FIN:
        tcp_input.tcp_fin(sk)
    if sk.out_of_order_queue.qlen:
        tcp_ofo_queue(sk)
        if not sk.out_of_order_queue.qlen:
            sk.ack_pending |= ICSK_ACK_NOW  # the gap is filled (RFC 5681 section 4.2)
    if sk.selective_acks:
        tcp_rcv_sack.tcp_sack_remove(sk)
    tcp_input.tcp_fast_path_check(sk)
    if not sk.sk_dead:
        tcp_ack_snd.tcp_data_ready(sk)


def _room_before_6_6(sk: TcpSock, skb: SkBuff) -> bool:
    """The first segment of an empty queue is taken whatever it costs; another needs room, or is dropped unanswered."""
    if sk.sk_receive_queue.head is None:
        tcp_rmem.sk_forced_mem_schedule(sk, skb.truesize)
    elif not tcp_rmem.tcp_try_rmem_schedule(sk, skb, skb.truesize):
        sk.net.mib.inc("TCPRcvQDrop")
        sock_wake.sk_data_ready(sk)
        tcp_drop(sk, skb)
        return False
    return True


def tcp_ofo_queue(sk: TcpSock) -> None:
    """Move what has become contiguous from the out-of-order queue to the reader's."""
    queue = sk.out_of_order_queue
    dsack_high = sk.rcv_nxt
    while (skb := queue.head) is not None and skb.seq <= sk.rcv_nxt:
        if skb.seq < dsack_high:
            high = dsack_high
            if sk.net.profile.ofo_dsack_to_end:
                high = min(high, skb.end_seq)
            else:
                dsack_high = min(high, skb.end_seq)
            tcp_rcv_sack.tcp_dsack_extend(sk, skb.seq, high)
        queue.unlink(skb)
        if skb.end_seq <= sk.rcv_nxt:
            tcp_rmem.sock_rfree(sk, skb)
            tcp_drop(sk, skb)
            continue
        tail = sk.sk_receive_queue.tail
        fin = skb.tcp_flags & FIN
        eaten = tail is not None and tcp_try_coalesce(sk, tail, skb)
        tcp_rcv_nxt_update(sk, skb.end_seq)
        if eaten:
            tcp_rmem.sock_rfree(sk, skb)
        else:
            sk.sk_receive_queue.append(skb)
        if fin:
            tcp_input.tcp_fin(sk)
            break  # it has emptied the queue


def skb_purge_ofo(sk: TcpSock) -> None:
    """Throw the out-of-order queue away (skb_rbtree_purge)."""
    while (skb := sk.out_of_order_queue.pop()) is not None:
        tcp_rmem.sock_rfree(sk, skb)


def tcp_data_queue_ofo(sk: TcpSock, skb: SkBuff) -> None:
    """Data behind a gap: put in its place, overlaps merged, told of by SACK."""
    mib = sk.net.mib
    tcp_ecn.tcp_data_ecn_check(sk, skb)
    if not tcp_rmem.tcp_try_rmem_schedule(sk, skb, skb.truesize):
        mib.inc("TCPOFODrop")
        sock_wake.sk_data_ready(sk)
        tcp_drop(sk, skb)
        return
    if sk.net.profile.rcv_mss_by_ofo:
        tcp_rmem.tcp_measure_rcv_mss(sk, skb)
    sk.pred_flags = 0
    sk.ack_pending |= ICSK_ACK_SCHED
    sk.rcv_ooopack += max(1, skb.tcp_gso_segs)
    mib.inc("TCPOFOQueue")
    if sk.out_of_order_queue.head is None:
        sk.selective_acks.clear()
    place = _insert_ofo(sk, skb)
    if place == _MERGED and sk.sack_ok:
        tcp_rmem.tcp_grow_window(sk, skb)
    if sk.sack_ok:
        tcp_rcv_sack.tcp_sack_new_ofo_skb(sk, skb.seq, skb.end_seq)
    if place == _QUEUED:
        # Without SACK the window must not move: a duplicate ACK with another window is none.
        if sk.sack_ok:
            tcp_rmem.tcp_grow_window(sk, skb)
        if sk.net.carried_by_kernel:
            skb.truesize = skb_alloc.condensed(len(skb.data), skb.tailroom)
        elif not sk.net.behind_tun:  # there it is charged its whole buffer from the beginning
            skb.truesize = skb_alloc.received_condensed(skb.packet.length, skb.tailroom)
        tcp_rmem.skb_set_owner_r(skb, sk)
    if sk.net.profile.rcvbuf_grow_by_rtt and sk.fd >= 0:
        tcp_rmem.tcp_rcvbuf_grow(sk, sk.rcvq_space_space)


_QUEUED, _MERGED, _DROPPED = "queued", "merged", "dropped"


def _insert_ofo(sk: TcpSock, skb: SkBuff) -> str:
    """Find the place of a segment behind a gap; tell of what came twice by D-SACK."""
    queue = sk.out_of_order_queue
    before = queue.tail
    if before is None:
        queue.append(skb)
        return _QUEUED
    if tcp_try_coalesce(sk, before, skb):
        return _MERGED
    seq, end_seq = skb.seq, skb.end_seq
    while before is not None and seq < before.seq:
        before = before.prev
    if before is None or seq >= before.end_seq:
        if before is not None and tcp_try_coalesce(sk, before, skb):
            return _MERGED
        queue.insert_after(before, skb)
    elif end_seq <= before.end_seq:
        sk.net.mib.inc("TCPOFOMerge")
        tcp_drop(sk, skb)
        tcp_rcv_sack.tcp_dsack_set(sk, seq, end_seq)
        return _DROPPED
    elif seq > before.seq:
        tcp_rcv_sack.tcp_dsack_set(sk, seq, before.end_seq)
        queue.insert_after(before, skb)
    else:
        queue.insert_after(before, skb)
        tcp_rcv_sack.tcp_dsack_extend(sk, before.seq, before.end_seq)
        _drop_ofo(sk, before)
    _merge_right(sk, skb)
    return _QUEUED


def _merge_right(sk: TcpSock, skb: SkBuff) -> None:
    """Drop the segments behind a new one that it covers."""
    end_seq = skb.end_seq
    while (right := skb.next) is not None and right.seq < end_seq:
        if end_seq < right.end_seq:
            tcp_rcv_sack.tcp_dsack_extend(sk, right.seq, end_seq)
            return
        tcp_rcv_sack.tcp_dsack_extend(sk, right.seq, right.end_seq)
        _drop_ofo(sk, right)


def _drop_ofo(sk: TcpSock, skb: SkBuff) -> None:
    sk.out_of_order_queue.unlink(skb)
    tcp_rmem.sock_rfree(sk, skb)
    sk.net.mib.inc("TCPOFOMerge")
    tcp_drop(sk, skb)
