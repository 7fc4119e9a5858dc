"""IP packets as models and simulator hand them on: already dissected, never changed.

One :class:`Packet` is one IP packet on the wire. What it carries is a :class:`Tcp`, :class:`Udp` or :class:`Icmp`, or
plain bytes where it is a fragment or something else. Sequence numbers are those of the wire, 32 bits.
:mod:`netemu.packet.bytes` writes packets as bytes and reads bytes as packets.
"""

from __future__ import annotations

import msgspec

IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6 = 1, 6, 17, 58

NOT_ECT, ECT_1, ECT_0, CE = 0, 1, 2, 3
"""The ECN field of the IP header (RFC 3168 section 5)."""


class Options(msgspec.Struct, frozen=True, gc=False):
    """TCP options that the kernel acts on; absent ones are None, False or empty. Values are as sent, never scaled.

    ``other``: options of any other kind, as (kind, bytes after kind and length), in order. ``accecn``: the same of the
    option of Accurate ECN, of either kind.
    """

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    ts_val: int | None = None
    ts_ecr: int | None = None
    sack: tuple[tuple[int, int], ...] = ()
    other: tuple[tuple[int, bytes], ...] = ()
    accecn: tuple[int, bytes] | None = None


NO_OPTIONS = Options()


class Tcp(msgspec.Struct, frozen=True, gc=False):
    """A TCP segment. ``flags``: bits of :mod:`netemu.packet.tcp`; ``window``: the header's field.

    ``truesize`` is no part of the segment: bytes of memory that a model charged its sender, where that is not what its
    length tells; else 0. Wires inside a kernel hand a sender's memory on. ``gso_size``: of a packet that a device will
    cut into segments, their payload; else 0.
    """

    source_port: int
    destination_port: int
    seq: int
    ack_seq: int
    flags: int
    window: int
    payload: bytes = b""
    options: Options = NO_OPTIONS
    urgent: int = 0
    truesize: int = 0
    gso_size: int = 0


class Udp(msgspec.Struct, frozen=True, gc=False):
    """A UDP datagram."""

    source_port: int
    destination_port: int
    payload: bytes = b""


class Icmp(msgspec.Struct, frozen=True, gc=False):
    """An ICMP or ICMPv6 message. ``mtu_bytes``: of fragmentation needed and packet too big, else 0.

    ``quoted``: the packet an error speaks of, as much of it as the message holds; its payload may be cut.
    ``data``: what follows the header of a message that is no error (echo).
    """

    type: int
    code: int
    mtu_bytes: int = 0
    quoted: Packet | None = None
    data: bytes = b""


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One IP packet. ``length`` is the whole packet's by its header, in bytes; addresses are text.

    ``fragment_offset`` in bytes. A fragment (offset > 0, or more to come) carries bytes.
    """

    version: int
    source: str
    destination: str
    protocol: int
    length: int
    body: Tcp | Udp | Icmp | bytes
    ttl: int = 64
    tos: int = 0
    identification: int = 0
    dont_fragment: bool = False
    more_fragments: bool = False
    fragment_offset: int = 0
