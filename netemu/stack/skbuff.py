"""``struct sk_buff`` as far as TCP looks at it, its memory, and the queues that hold it.

Sequence numbers inside the stack are unbounded: the wire's 32 bits are unwrapped on arrival, near ``rcv_nxt`` or
``snd_una``, so that ``<`` between two of them is right, and wrapped again when a segment leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS, TCPCB_LOST = 0x01, 0x02, 0x04
TCPCB_TAGBITS = 0x07
TCPCB_REPAIRED, TCPCB_EVER_RETRANS = 0x10, 0x80
TCPCB_RETRANS = TCPCB_SACKED_RETRANS | TCPCB_EVER_RETRANS | TCPCB_REPAIRED
"""Bits of ``sacked`` (include/net/tcp.h)."""


class SkBuff:
    """A segment in a queue: of the sender until it is acknowledged, of the receiver until it is read.

    ``data``: payload; ``seq`` and ``end_seq`` (SYN and FIN count); ``tcp_flags``; ``truesize``: bytes of memory charged
    for it; ``skb_mstamp_ns``: when it was last sent; ``tx_*``: state at that time, for rate samples (tcp_rate.c).
    ``gso_size``: what pcount was reckoned with; ``tcp_gso_segs``: packets it counts for.
    Received ones have the header's ``ack_seq``, ``window``, options and ECN field, and ``tailroom``: bytes free behind
    the data in their buffer.
    """

    __slots__ = (
        "ack_seq", "data", "end_seq", "eor", "gso_size", "next", "offset", "options", "owner", "packet", "prev",
        "sacked", "seq", "skb_mstamp_ns", "tailroom", "tcp_flags", "tcp_gso_segs", "tcp_tw_isn", "tos", "truesize",
        "tsorted_next", "tsorted_prev", "tx_delivered", "tx_delivered_ce", "tx_delivered_mstamp", "tx_first_tx_mstamp",
        "tx_in_flight", "tx_is_app_limited", "window",
    )  # fmt: skip

    def __init__(self, seq: int, end_seq: int, tcp_flags: int, data: bytes = b"", truesize: int = 0) -> None:
        self.seq, self.end_seq, self.tcp_flags, self.data, self.truesize = seq, end_seq, tcp_flags, data, truesize
        self.sacked = self.offset = self.skb_mstamp_ns = self.ack_seq = self.window = self.tos = 0
        self.tcp_gso_segs = 1
        self.tailroom = 0
        self.gso_size = self.tcp_tw_isn = 0
        self.eor = False
        self.tx_delivered = self.tx_delivered_ce = self.tx_delivered_mstamp = self.tx_first_tx_mstamp = 0
        self.tx_in_flight = 0
        self.tx_is_app_limited = False
        self.next = self.prev = self.tsorted_next = self.tsorted_prev = None  # type: SkBuff | None
        self.owner: SkbQueue | None = None
        self.options: Any = None
        self.packet: Any = None

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
        skb.prev, skb.next, skb.owner = tail, None, self
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
        skb.prev, skb.next, skb.owner = before, following, self
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
        if skb.prev is None:
            self.head = skb.next
        else:
            skb.prev.next = skb.next
        if skb.next is None:
            self.tail = skb.prev
        else:
            skb.next.prev = skb.prev
        skb.prev = skb.next = skb.owner = None
        self.qlen -= 1

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
