"""When the receive buffer is full: copy segments together, then drop those behind gaps (net/ipv4/tcp_input.c, 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import FIN, SYN
from netemu.stack import tcp_data_queue, tcp_rcv_sack, tcp_rmem
from netemu.stack.skb_alloc import SKB_MAX_ORDER_0, skb_head_bytes, skb_truesize
from netemu.stack.skbuff import SkBuff
from netemu.stack.tcp_window import tcp_adjust_rcv_ssthresh, tcp_under_memory_pressure, tcp_win_from_space

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkbQueue
    from netemu.stack.sock import TcpSock


def tcp_prune_queue(sk: TcpSock, in_skb: SkBuff) -> bool:
    """Get the buffer within its limit again; False: there is no room for ``in_skb`` (the kernel returns -1)."""
    if not sk.sk_rmem_alloc:
        return False
    mib = sk.net.mib
    mib.inc("PruneCalled")
    if not tcp_rmem.tcp_can_ingest(sk):
        tcp_rmem.tcp_clamp_window(sk)
    elif tcp_under_memory_pressure(sk):
        tcp_adjust_rcv_ssthresh(sk)
    if tcp_rmem.tcp_can_ingest(sk):
        return True
    tcp_collapse_ofo_queue(sk)
    head = sk.sk_receive_queue.head
    if head is not None:
        tcp_collapse(sk, sk.sk_receive_queue, head, None, (sk.copied_seq, sk.rcv_nxt))
    if tcp_rmem.tcp_can_ingest(sk):
        return True
    tcp_prune_ofo_queue(sk, in_skb)
    if tcp_rmem.tcp_can_ingest(sk):
        return True
    mib.inc("RcvPruned")
    sk.pred_flags = 0
    return False


def tcp_prune_ofo_queue(sk: TcpSock, in_skb: SkBuff) -> bool:
    """Drop segments behind gaps, the furthest first, an eighth of the buffer at a time; whether any was.

    None that stands before ``in_skb`` is dropped, so that gaps can be filled (since 6.2).
    """
    queue = sk.out_of_order_queue
    pruned = False
    goal = sk.sk_rcvbuf >> 3
    keeps_before = sk.net.profile.prunes_only_behind
    while (skb := queue.tail) is not None and (in_skb.seq <= skb.seq or not keeps_before):
        pruned = True
        queue.unlink(skb)
        goal -= skb.truesize
        tcp_rmem.sock_rfree(sk, skb)
        tcp_data_queue.tcp_drop(sk, skb)
        if queue.tail is None or goal <= 0:
            if tcp_rmem.tcp_can_ingest(sk) and not tcp_under_memory_pressure(sk):
                break
            goal = sk.sk_rcvbuf >> 3
    if pruned:
        sk.net.mib.inc("OfoPruned")
        if sk.sack_ok:
            tcp_rcv_sack.tcp_sack_reset(sk)
    return pruned


def tcp_collapse_ofo_queue(sk: TcpSock) -> None:
    """Copy together each contiguous range behind gaps, unless ranges are tiny."""
    queue = sk.out_of_order_queue
    sum_tiny = 0
    head = queue.head
    while head is not None:
        start, end, range_truesize = head.seq, head.end_seq, head.truesize
        skb = head.next
        while skb is not None and skb.seq <= end and skb.end_seq >= start:
            range_truesize += skb.truesize
            start, end = min(start, skb.seq), max(end, skb.end_seq)
            skb = skb.next
        if range_truesize != head.truesize or end - start >= SKB_MAX_ORDER_0:
            tcp_collapse(sk, queue, head, skb, (start, end))
        else:
            sum_tiny += range_truesize
            if sum_tiny > sk.sk_rcvbuf >> 3:
                return
        head = skb


def tcp_collapse(sk: TcpSock, queue: SkbQueue, head: SkBuff, tail: SkBuff | None, between: tuple[int, int]) -> None:
    """Copy the data of ``head`` up to ``tail`` (None: the end of the queue) into buffers of a page.

    ``between``: the sequence numbers from which and up to which. Segments with SYN or FIN are left alone, and so is
    what would not save memory.
    """
    start, end = between
    skb, start = _first_to_collapse(sk, queue, head, tail, start)
    while skb is not None and start < end:
        room = min(SKB_MAX_ORDER_0, end - start)
        buffer_bytes = skb_head_bytes(room)
        new = SkBuff(start, start, skb.tcp_flags, b"", skb_truesize(room))
        new.ack_seq = skb.ack_seq
        queue.insert_after(skb.prev, new)
        tcp_rmem.skb_set_owner_r(new, sk)
        pieces: list[bytes] = []
        while room > 0:
            size = min(room, skb.end_seq - start)
            if size > 0:
                offset = start - skb.seq
                pieces.append(skb.data[offset : offset + size])
                start += size
                room -= size
            if start >= skb.end_seq:
                following = skb.next
                tcp_collapse_one(sk, queue, skb)
                skb = following
                if skb is None or skb is tail or skb.tcp_flags & (SYN | FIN):
                    skb = None
                    break
        new.end_seq = start
        new.data = b"".join(pieces)
        new.tailroom = buffer_bytes - len(new.data)


def _first_to_collapse(
    sk: TcpSock, queue: SkbQueue, head: SkBuff, tail: SkBuff | None, start: int
) -> tuple[SkBuff | None, int]:
    """Where copying begins to be of use, and the sequence number from which; None: nowhere."""
    skb: SkBuff | None = head
    while skb is not None and skb is not tail:
        following = skb.next
        if start >= skb.end_seq:
            tcp_collapse_one(sk, queue, skb)
            skb = following
            continue
        if not skb.tcp_flags & (SYN | FIN):
            if tcp_win_from_space(sk, skb.truesize) > len(skb.data) or skb.seq < start:
                return skb, start
            if following is not None and following is not tail and skb.end_seq != following.seq:
                return skb, start
        elif following is not None and following is not tail and skb.end_seq != following.seq:
            return None, start
        start = skb.end_seq
        skb = following
    return None, start


def tcp_collapse_one(sk: TcpSock, queue: SkbQueue, skb: SkBuff) -> None:
    """Take out a segment whose data was copied, or is not needed."""
    queue.unlink(skb)
    tcp_rmem.sock_rfree(sk, skb)
    sk.net.mib.inc("TCPRcvCollapsed")
