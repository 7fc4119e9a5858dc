"""What a segment costs in memory: struct sk_buff and its buffer, as kmalloc rounds it (net/core/skbuff.c, x86-64).

What arrives was built by whoever put it on the device. A wire in user space puts every packet in anew, in one buffer
made for its own length (packet_snd and packet_alloc_skb, net/packet/af_packet.c): a full segment of a 1500-byte link is
charged 2304 bytes (:func:`received`). A wire of the kernel hands over what the sender made (:func:`sent`): 2408 bytes,
and room behind the data for another segment. Measured with SO_MEMINFO on 7.2 and 6.12.
``small_heads``: whether there is skb_small_head_cache (since 6.3); before, heads came from kmalloc as all else does.
"""

from __future__ import annotations

PAGE_BYTES = 4096
SKB_STRUCT_BYTES = 256  # struct sk_buff, in whole lines of the cache
SKB_SHARED_BYTES = 320  # struct skb_shared_info
SKB_SMALL_HEAD_BYTES = 704  # skb_small_head_cache: what holds the largest header
SKB_MAX_ORDER_0 = PAGE_BYTES - SKB_SHARED_BYTES
ETH_HLEN = 14
PACKET_HEADROOM_BYTES = 16  # LL_RESERVED_SPACE of a veth; 2 of them are left in front of the frame
COSTLY_ORDER = 3  # PAGE_ALLOC_COSTLY_ORDER: the largest block of pages is 2**3


def kmalloc_size(size: int) -> int:
    """The slab object or the pages that hold ``size`` bytes (mm/slab_common.c): powers of two, and 96 and 192."""
    if 64 < size <= 96:
        return 96
    return 192 if 128 < size <= 192 else max(8, 1 << (size - 1).bit_length())


def _head_size(size: int, small_heads: bool) -> int:
    """Bytes that __alloc_skb gets for a buffer of ``size`` and its shared info (kmalloc_reserve)."""
    needed = (size + 63 & -64) + SKB_SHARED_BYTES
    return SKB_SMALL_HEAD_BYTES if small_heads and needed <= SKB_SMALL_HEAD_BYTES else kmalloc_size(needed)


def skb_head_bytes(size: int, small_heads: bool = True) -> int:
    """Bytes that a buffer asked for ``size`` really has (skb_end_offset)."""
    return _head_size(size, small_heads) - SKB_SHARED_BYTES


def skb_truesize(size: int, small_heads: bool = True) -> int:
    """What an skb with one plain buffer of ``size`` bytes is charged (SKB_TRUESIZE of what it really has)."""
    return _head_size(size, small_heads) + SKB_STRUCT_BYTES


MAX_TCP_HEADER_BYTES = 320
"""What a sender leaves free for headers (include/net/tcp.h)."""

_MORE_ROOM_BYTES = 128
"""What __pskb_pull_tail() asks for beyond need, net/core/skbuff.c."""


def sent(payload_bytes: int, small_heads: bool = True) -> tuple[int, int]:
    """``(truesize, tailroom)`` of a sender's own segment where the kernel carried it to the receiver.

    tcp_stream_alloc_skb() has a small head, and the payload in pages. A device without scatter/gather gets it in one
    buffer (skb_needs_linearize, net/core/dev.c), which the allocator makes larger than need be, and truesize stays what
    the sender was charged (pskb_expand_head).
    """
    head = skb_head_bytes(MAX_TCP_HEADER_BYTES, small_heads)
    beyond = MAX_TCP_HEADER_BYTES + payload_bytes - head
    area = skb_head_bytes(head + beyond + _MORE_ROOM_BYTES, small_heads) if beyond > 0 else head
    return skb_truesize(head, small_heads) + payload_bytes, area - MAX_TCP_HEADER_BYTES - payload_bytes


def condensed(payload_bytes: int, tailroom: int) -> int:
    """Truesize of a segment as :func:`sent` gives it once skb_condense() has charged its whole buffer."""
    return MAX_TCP_HEADER_BYTES + payload_bytes + tailroom + SKB_SHARED_BYTES + SKB_STRUCT_BYTES


def received(packet_bytes: int, small_heads: bool = True) -> tuple[int, int]:
    """``(truesize, tailroom)`` of an IP packet of ``packet_bytes`` that has arrived."""
    frame = packet_bytes + ETH_HLEN
    asked = PACKET_HEADROOM_BYTES + frame
    if asked >= PAGE_BYTES:
        # All but the Ethernet header is put into pages; a device without scatter/gather then gets it in one buffer,
        # and truesize stays that of the pages (__skb_linearize, pskb_expand_head).
        head = skb_head_bytes(PACKET_HEADROOM_BYTES + ETH_HLEN, small_heads)
        beyond = PACKET_HEADROOM_BYTES + packet_bytes - head
        area = skb_head_bytes(head + beyond + _MORE_ROOM_BYTES, small_heads)
        truesize = skb_truesize(PACKET_HEADROOM_BYTES + ETH_HLEN, small_heads) + _pages_bytes(packet_bytes)
        return truesize, area - PACKET_HEADROOM_BYTES - packet_bytes
    room = skb_head_bytes(asked, small_heads) - (PACKET_HEADROOM_BYTES - ETH_HLEN) - frame
    return skb_truesize(asked, small_heads), room


TUN_HEADROOM_BYTES = 64  # NET_SKB_PAD


def tun_received(packet_bytes: int, small_heads: bool = True) -> tuple[int, int]:
    """``(truesize, tailroom)`` of an IP packet that a process wrote to a tun device (tun_get_user, tun_alloc_skb of
    drivers/net/tun.c, 7.2): in one buffer up to a page, what is more in pages."""
    linear = packet_bytes
    if TUN_HEADROOM_BYTES + packet_bytes >= PAGE_BYTES:
        linear = SKB_MAX_ORDER_0 - TUN_HEADROOM_BYTES
    asked = TUN_HEADROOM_BYTES + linear
    truesize = skb_truesize(asked, small_heads) + _pages_bytes(packet_bytes - linear)
    return truesize, skb_head_bytes(asked, small_heads) - asked


def _pages_bytes(data_bytes: int) -> int:
    """Blocks of pages that hold ``data_bytes``: the largest first, none larger than need be (alloc_skb_with_frags)."""
    order, total = COSTLY_ORDER, 0
    while data_bytes > 0:
        aligned = data_bytes + PAGE_BYTES - 1 & -PAGE_BYTES
        while order and aligned < PAGE_BYTES << order:
            order -= 1
        total += PAGE_BYTES << order
        data_bytes -= PAGE_BYTES << order
    return total


def received_condensed(packet_bytes: int, tailroom: int) -> int:
    """Truesize of a packet as :func:`received` gives it once skb_condense() has charged its whole buffer."""
    return PACKET_HEADROOM_BYTES + packet_bytes + tailroom + SKB_SHARED_BYTES + SKB_STRUCT_BYTES
