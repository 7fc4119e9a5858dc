"""What a segment costs in memory: struct sk_buff and its buffer, as kmalloc rounds it (net/core/skbuff.c, x86-64).

What arrives was built by whoever put it on the device. The judges' wires do that from user space, so a packet sits in
one buffer made for its own length (packet_snd and packet_alloc_skb, net/packet/af_packet.c): a full segment of a
1500-byte link is charged 2304 bytes. Measured with SO_MEMINFO on 7.2 and 6.12.
"""

from __future__ import annotations

PAGE_BYTES = 4096
SKB_STRUCT_BYTES = 256  # struct sk_buff, in whole lines of the cache
SKB_SHARED_BYTES = 320  # struct skb_shared_info
SKB_SMALL_HEAD_BYTES = 704  # skb_small_head_cache: what holds the largest header
SKB_MAX_ORDER_0 = PAGE_BYTES - SKB_SHARED_BYTES
ETH_HLEN = 14
PACKET_HEADROOM_BYTES = 16  # LL_RESERVED_SPACE of a veth; 2 of them are left in front of the frame


def kmalloc_size(size: int) -> int:
    """The slab object or the pages that hold ``size`` bytes (mm/slab_common.c): powers of two, and 96 and 192."""
    if 64 < size <= 96:
        return 96
    return 192 if 128 < size <= 192 else max(8, 1 << (size - 1).bit_length())


def _head_size(size: int) -> int:
    """Bytes that __alloc_skb gets for a buffer of ``size`` and its shared info (kmalloc_reserve)."""
    needed = (size + 63 & -64) + SKB_SHARED_BYTES
    return SKB_SMALL_HEAD_BYTES if needed <= SKB_SMALL_HEAD_BYTES else kmalloc_size(needed)


def skb_head_bytes(size: int) -> int:
    """Bytes that a buffer asked for ``size`` really has (skb_end_offset)."""
    return _head_size(size) - SKB_SHARED_BYTES


def skb_truesize(size: int) -> int:
    """What an skb with one plain buffer of ``size`` bytes is charged (SKB_TRUESIZE of what it really has)."""
    return _head_size(size) + SKB_STRUCT_BYTES


class _Received(dict[int, tuple[int, int]]):
    """Reckoned once for each length."""

    def __missing__(self, packet_bytes: int) -> tuple[int, int]:
        self[packet_bytes] = found = received(packet_bytes)
        return found


RECEIVED = _Received()
"""``RECEIVED[n]``: :func:`received` of ``n``."""


def received(packet_bytes: int) -> tuple[int, int]:
    """``(truesize, tailroom)`` of an IP packet of ``packet_bytes`` that has arrived."""
    frame = packet_bytes + ETH_HLEN
    asked = PACKET_HEADROOM_BYTES + frame
    if asked >= PAGE_BYTES:
        # Only the Ethernet header is in the buffer, the rest in pages, behind which nothing can be put.
        return skb_truesize(PACKET_HEADROOM_BYTES + ETH_HLEN) + (packet_bytes + PAGE_BYTES - 1 & -PAGE_BYTES), 0
    return skb_truesize(asked), skb_head_bytes(asked) - (PACKET_HEADROOM_BYTES - ETH_HLEN) - frame
