"""What a wire may change in a frame: the ECN mark and a flipped bit. Frames carry a virtio_net header in front.

A frame is ``struct virtio_net_hdr`` (10 bytes, include/uapi/linux/virtio_net.h), the Ethernet header, the packet.
"""

from __future__ import annotations

import struct

IP_OFFSET = 24  # virtio_net header and Ethernet header
_ETHERNET_OFFSET = 10
_NEEDS_CSUM = 1


def mark_congestion(frame: bytes) -> bytes:
    """``frame`` with CE in its IP header (RFC 3168 section 5), the IPv4 checksum updated by RFC 1624 equation 3."""
    changed = bytearray(frame)
    if frame[IP_OFFSET] >> 4 == 6:
        changed[IP_OFFSET + 1] |= 0x30
        return bytes(changed)
    old = struct.unpack_from("!H", frame, IP_OFFSET)[0]
    changed[IP_OFFSET + 1] |= 3
    new = struct.unpack_from("!H", changed, IP_OFFSET)[0]
    checksum = struct.unpack_from("!H", frame, IP_OFFSET + 10)[0]
    struct.pack_into("!H", changed, IP_OFFSET + 10, ~_fold((~checksum & 0xFFFF) + (~old & 0xFFFF) + new) & 0xFFFF)
    return bytes(changed)


def flip_bit(frame: bytes, bit: int) -> bytes:
    """``frame`` with bit ``bit`` of its IP packet flipped, after a checksum left to the device was filled in.

    Without that the receiver would trust the packet and never notice (``netem_enqueue`` does the same).
    """
    changed = bytearray(frame)
    if frame[0] & _NEEDS_CSUM:
        _fill_in_checksum(changed)
    changed[IP_OFFSET + bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def _fill_in_checksum(frame: bytearray) -> None:
    """``skb_checksum_help`` (net/core/dev.c): the field holds the pseudo header's sum already."""
    start, offset = struct.unpack_from("=HH", frame, 6)
    start += _ETHERNET_OFFSET
    covered = bytes(frame[start:]) + b"\0" * ((len(frame) - start) % 2)
    total = _fold(sum(struct.unpack(f"!{len(covered) // 2}H", covered)))
    struct.pack_into("!H", frame, start + offset, (~total & 0xFFFF) or 0xFFFF)
    frame[0] &= ~_NEEDS_CSUM


def _fold(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total
