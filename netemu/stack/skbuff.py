"""``struct sk_buff`` as far as TCP looks at it, its memory, and the queues that hold it.

Sequence numbers inside the stack are unbounded: the wire's 32 bits are unwrapped on arrival, near ``rcv_nxt`` or
``snd_una``, so that ``<`` between two of them is right, and wrapped again when a segment leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mypy_extensions import mypyc_attr

TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS, TCPCB_LOST = 0x01, 0x02, 0x04
TCPCB_TAGBITS = 0x07
TCPCB_REPAIRED, TCPCB_EVER_RETRANS = 0x10, 0x80
TCPCB_RETRANS = TCPCB_SACKED_RETRANS | TCPCB_EVER_RETRANS | TCPCB_REPAIRED
"""Bits of ``sacked`` (include/net/tcp.h)."""


@mypyc_attr(acyclic=True)
class SkBuff:
    """A segment in a queue: of the sender until it is acknowledged, of the receiver until it is read.

    ``data``: payload; ``seq`` and ``end_seq`` (SYN and FIN count); ``tcp_flags``; ``truesize``: bytes of memory charged
    for it; ``skb_mstamp_ns``: when it was last sent; ``tx_*``: state at that time, for rate samples (tcp_rate.c).
    ``gso_size``: what pcount was reckoned with; ``tcp_gso_segs``: packets it counts for.
    Received ones have the header's ``ack_seq``, ``window``, options and ECN field, and ``tailroom``: bytes free behind
    the data in their buffer.
    """

    # One is made for every segment at either end. Compiled, the collector need not look at it (acyclic), since its
    # links end when it leaves its queues.
    sacked: int = 0
    offset: int = 0
    skb_mstamp_ns: int = 0
    ack_seq: int = 0
    window: int = 0
    tos: int = 0
    tcp_gso_segs: int = 1
    gso_size: int = 0
    tailroom: int = 0
    tcp_tw_isn: int = 0
    eor: bool = False
    tx_delivered: int = 0
    tx_delivered_ce: int = 0
    tx_delivered_mstamp: int = 0
    tx_first_tx_mstamp: int = 0
    tx_in_flight: int = 0
    tx_is_app_limited: bool = False
    next: SkBuff | None = None
    prev: SkBuff | None = None
    tsorted_next: SkBuff | None = None
    tsorted_prev: SkBuff | None = None
    options: Any = None
    packet: Any = None

    def __init__(self, seq: int, end_seq: int, tcp_flags: int, data: bytes = b"", truesize: int = 0) -> None:
        self.seq, self.end_seq, self.tcp_flags = seq, end_seq, tcp_flags
        self.data, self.truesize = data, truesize

    @property
    def len(self) -> int:
        """Payload bytes."""
        return len(self.data)


class SkbQueue:
    """A doubly linked list of segments in order: ``sk_write_queue``, ``tcp_rtx_queue``, ``sk_receive_queue``,
    ``out_of_order_queue``. A segment is in one of them at most."""

    __slots__ = ("head", "qlen", "tail")

    def __init__(self) -> None:
        self.head: SkBuff | None = None
        self.tail: SkBuff | None = None
        self.qlen = 0

    def __iter__(self) -> Iterator[SkBuff]:
        """From head to tail; the segment just yielded may be unlinked meanwhile."""
        skb = self.head
        while skb is not None:
            following = skb.next
            yield skb
            skb = following

    def __bool__(self) -> bool:
        return self.head is not None

    def append(self, skb: SkBuff) -> None:
        """Put at the end."""
        tail = self.tail
        skb.prev, skb.next = tail, None
        if tail is None:
            self.head = skb
        else:
            tail.next = skb
        self.tail = skb
        self.qlen += 1

    def prepend(self, skb: SkBuff) -> None:
        """Put at the beginning."""
        self.insert_after(None, skb)

    def insert_after(self, before: SkBuff | None, skb: SkBuff) -> None:
        """Put behind ``before``; None: at the beginning."""
        following = self.head if before is None else before.next
        skb.prev, skb.next = before, following
        if before is None:
            self.head = skb
        else:
            before.next = skb
        if following is None:
            self.tail = skb
        else:
            following.prev = skb
        self.qlen += 1

    def unlink(self, skb: SkBuff) -> None:
        """Take out; its links end."""
        before, following = skb.prev, skb.next
        if before is None:
            self.head = following
        else:
            before.next = following
        if following is None:
            self.tail = before
        else:
            following.prev = before
        skb.prev = skb.next = None
        self.qlen -= 1

    def shift_to(self, other: SkbQueue) -> None:
        """Move the first segment to the end of ``other``."""
        skb = self.head
        if skb is None:
            raise IndexError("shift_to: the queue is empty")
        following = self.head = skb.next
        if following is None:
            self.tail = None
        else:
            following.prev = None
        self.qlen -= 1
        other.append(skb)

    def pop(self) -> SkBuff | None:
        """Take the first; None when there is none."""
        skb = self.head
        if skb is not None:
            self.unlink(skb)
        return skb


class TsortedQueue:
    """``tcp_tsorted_sent_queue``: segments in flight in the order in which each was sent last, for RACK."""

    __slots__ = ("head", "tail")

    def __init__(self) -> None:
        self.head: SkBuff | None = None
        self.tail: SkBuff | None = None

    def __iter__(self) -> Iterator[SkBuff]:
        skb = self.head
        while skb is not None:
            following = skb.tsorted_next
            yield skb
            skb = following

    def __contains__(self, skb: SkBuff) -> bool:
        return skb.tsorted_prev is not None or self.head is skb

    def append(self, skb: SkBuff) -> None:
        """Put at the end, as sent last; taken from its place before if it had one."""
        if skb.tsorted_prev is not None or self.head is skb:
            self.unlink(skb)
        tail = self.tail
        skb.tsorted_prev = tail
        if tail is None:
            self.head = skb
        else:
            tail.tsorted_next = skb
        self.tail = skb

    def insert_after(self, before: SkBuff | None, skb: SkBuff) -> None:
        """Put behind ``before``, when a segment in flight is split; None: at the beginning."""
        following = self.head if before is None else before.tsorted_next
        skb.tsorted_prev, skb.tsorted_next = before, following
        if before is None:
            self.head = skb
        else:
            before.tsorted_next = skb
        if following is None:
            self.tail = skb
        else:
            following.tsorted_prev = skb

    def unlink(self, skb: SkBuff) -> None:
        """Take out if it is in."""
        if skb not in self:
            return
        if skb.tsorted_prev is None:
            self.head = skb.tsorted_next
        else:
            skb.tsorted_prev.tsorted_next = skb.tsorted_next
        if skb.tsorted_next is None:
            self.tail = skb.tsorted_prev
        else:
            skb.tsorted_next.tsorted_prev = skb.tsorted_prev
        skb.tsorted_prev = skb.tsorted_next = None
