"""What a segment costs in memory: struct sk_buff and its buffer, as kmalloc rounds it (net/core/skbuff.c, x86-64).

A packet received over a wire between guests sits in one plain buffer as long as the device's largest frame
(prep_skb, arch/um/drivers/vector_kern.c): a full segment of a 1500-byte link is charged 2304 bytes.
"""

from __future__ import annotations

PAGE_BYTES = 4096
SKB_STRUCT_BYTES = 256  # struct sk_buff, in whole lines of the cache
SKB_SHARED_BYTES = 320  # struct skb_shared_info
SKB_SMALL_HEAD_BYTES = 704  # skb_small_head_cache: what holds the largest header
SKB_MAX_ORDER_0 = PAGE_BYTES - SKB_SHARED_BYTES
ETH_HLEN = 14
VECTOR_HEADROOM_BYTES = 2
VECTOR_SAFETY_BYTES = 32


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


def received(mtu_bytes: int, packet_bytes: int) -> tuple[int, int]:
    """``(truesize, tailroom)`` of an IP packet of ``packet_bytes`` that came through a device of ``mtu_bytes``."""
    buffer = mtu_bytes + ETH_HLEN + VECTOR_HEADROOM_BYTES + VECTOR_SAFETY_BYTES
    tailroom = skb_head_bytes(buffer) - VECTOR_HEADROOM_BYTES - ETH_HLEN - packet_bytes
    return skb_truesize(buffer), tailroom
