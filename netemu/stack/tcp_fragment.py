"""Cutting and joining segments in the queues without losing a byte of sequence or memory (net/ipv4/tcp_output.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import FIN, PSH
from netemu.stack import wmem
from netemu.stack.skbuff import TCPCB_LOST, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS, SkBuff

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_FRAG_IN_WRITE_QUEUE, TCP_FRAG_IN_RTX_QUEUE = 0, 1
"""enum tcp_queue: where the segment that is cut stands."""

ENOMEM = 12
_FRAGMENT_ALLOWANCE = 2 * (65536 + 640)
"""2 * SKB_TRUESIZE(GSO_LEGACY_MAX_SIZE): how far cutting may overdraw the send buffer."""


def tcp_set_skb_tso_segs(skb: SkBuff, mss_now: int) -> int:
    """Reckon how many segments of ``mss_now`` the segment counts for; that number."""
    length = len(skb.data)
    if length <= mss_now:
        skb.gso_size = 0
        skb.tcp_gso_segs = 1
        return 1
    skb.gso_size = mss_now
    skb.tcp_gso_segs = count = -(-length // mss_now)
    return count


def tcp_adjust_pcount(sk: TcpSock, skb: SkBuff, decr: int) -> None:
    """``skb`` counts for ``decr`` segments less than before: so do the socket's counts that it is part of."""
    sk.packets_out -= decr
    if skb.sacked & TCPCB_SACKED_ACKED:
        sk.sacked_out -= decr
    if skb.sacked & TCPCB_SACKED_RETRANS:
        sk.retrans_out -= decr
    if skb.sacked & TCPCB_LOST:
        sk.lost_out -= decr
    if not sk.sack_ok and decr > 0:
        sk.sacked_out -= min(sk.sacked_out, decr)


def _split(sk: TcpSock, skb: SkBuff, length: int, mss_now: int) -> SkBuff:
    """Leave ``length`` bytes in ``skb``; the segment with the rest, in no queue yet."""
    buff = wmem.tcp_stream_alloc_skb(sk, force_schedule=True)
    assert buff is not None  # forced
    sk.sk_wmem_queued += buff.truesize
    sk.sk_forward_alloc -= buff.truesize
    rest = len(skb.data) - length
    buff.truesize += rest
    skb.truesize -= rest
    buff.seq, buff.end_seq = skb.seq + length, skb.end_seq
    skb.end_seq = buff.seq
    buff.tcp_flags = skb.tcp_flags
    # PSH and FIN belong to the second half.
    skb.tcp_flags &= ~(FIN | PSH)
    buff.eor, skb.eor = skb.eor, False
    buff.data = skb.data[length:]
    skb.data = skb.data[:length]
    tcp_set_skb_tso_segs(skb, mss_now)
    tcp_set_skb_tso_segs(buff, mss_now)
    return buff


def tso_fragment(sk: TcpSock, skb: SkBuff, length: int, mss_now: int) -> int:
    """Cut a segment of the send queue that was never sent. 0, always: the model's allocations do not fail."""
    sk.sk_write_queue.insert_after(skb, _split(sk, skb, length, mss_now))
    return 0


def tcp_fragment(sk: TcpSock, tcp_queue: int, skb: SkBuff, length: int, mss_now: int) -> int:
    """Cut a segment that may have been sent, so that ``length`` bytes stay in it. 0, or -ENOMEM: queue too big."""
    rtx = sk.tcp_rtx_queue
    limit = sk.sk_sndbuf + _FRAGMENT_ALLOWANCE
    if sk.sk_wmem_queued >> 1 > limit and tcp_queue != TCP_FRAG_IN_WRITE_QUEUE and skb not in (rtx.head, rtx.tail):
        # CVE-2019-11478: a peer's SACKs must not make the queue fall to pieces.
        sk.net.mib.inc("TCPWqueueTooBig")
        return -ENOMEM
    old_factor = skb.tcp_gso_segs
    sacked = skb.sacked
    buff = _split(sk, skb, length, mss_now)
    buff.sacked = sacked
    buff.skb_mstamp_ns = skb.skb_mstamp_ns
    buff.tx_delivered, buff.tx_delivered_ce = skb.tx_delivered, skb.tx_delivered_ce
    buff.tx_delivered_mstamp, buff.tx_first_tx_mstamp = skb.tx_delivered_mstamp, skb.tx_first_tx_mstamp
    buff.tx_in_flight, buff.tx_is_app_limited = skb.tx_in_flight, skb.tx_is_app_limited
    if sk.snd_nxt >= buff.end_seq:
        diff = old_factor - skb.tcp_gso_segs - buff.tcp_gso_segs
        if diff:
            tcp_adjust_pcount(sk, skb, diff)
    if tcp_queue == TCP_FRAG_IN_WRITE_QUEUE:
        sk.sk_write_queue.insert_after(skb, buff)
    else:
        rtx.insert_after(skb, buff)
        if skb in sk.tsorted_sent_queue:
            sk.tsorted_sent_queue.insert_after(skb, buff)
    return 0


def tcp_trim_head(sk: TcpSock, skb: SkBuff, length: int) -> int:
    """Forget the first ``length`` bytes of a segment: they were acknowledged. 0."""
    skb.data = skb.data[length:]
    skb.seq += length
    skb.truesize -= length
    sk.sk_wmem_queued -= length
    wmem.sk_mem_uncharge(sk, length)
    if skb.tcp_gso_segs > 1:
        tcp_set_skb_tso_segs(skb, skb.gso_size)
    return 0


def tcp_eat_one_skb(sk: TcpSock, dst: SkBuff, src: SkBuff) -> None:
    """All payload of ``src`` has moved to ``dst``: its flags follow, and it goes."""
    dst.tcp_flags |= src.tcp_flags
    dst.eor = src.eor
    sk.sk_write_queue.unlink(src)
    wmem.tcp_wmem_free_skb(sk, src)


def tcp_grow_skb(sk: TcpSock, skb: SkBuff, amount: int) -> None:
    """Fill the first segment of the send queue up from the second, by ``amount`` bytes at most (since 6.10)."""
    following = skb.next
    if following is None or skb.eor:
        return
    length = min(amount, len(following.data))
    if not length:
        return
    skb.data += following.data[:length]
    following.data = following.data[length:]
    skb.truesize += length
    following.truesize -= length
    skb.end_seq += length
    following.seq += length
    if not following.data:
        skb.end_seq = following.end_seq  # a FIN counts
        tcp_eat_one_skb(sk, skb, following)
