"""Packets as bytes and bytes as packets: :func:`to_bytes` and :func:`from_bytes`, in pure Python, checksums included.

Any bytes in, never an exception: what no host would take for an IP packet is None, and an upper layer whose header or
checksum is wrong stays as bytes in ``body``, for the receiver to count and drop. RFC 791, 8200, 9293, 768, 792, 4443.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from netemu.packet.ip import (
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_TCP,
    IPPROTO_UDP,
    Icmp,
    Packet,
    Tcp,
    Udp,
)
from netemu.packet.tcp_options import options_from, options_to

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_TCP = struct.Struct("!HHIIHHHH")
_UDP = struct.Struct("!HHHH")
_ICMP, _ICMP_PLAIN = struct.Struct("!BBHHH"), struct.Struct("!BBH")
_FRAGMENT_HEADER = struct.Struct("!BBHI")
_PSEUDO_V4, _PSEUDO_V6 = struct.Struct("!4s4sBBH"), struct.Struct("!16s16sIHBB")
_DF, _MF = 0x4000, 0x2000
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _DESTINATION = 0, 43, 44, 60
_EXTENSIONS = (_HOP_BY_HOP, _ROUTING, _DESTINATION)
_QUOTING_V4, _LAST_QUOTING_V6 = (3, 4, 5, 11, 12), 127
_FRAGMENTATION_NEEDED, _PACKET_TOO_BIG = (3, 4), 2
_TCP_BASE_BYTES, _QUOTED_TCP_BYTES = 20, 8

_Ends = tuple[bytes, bytes]


@lru_cache(maxsize=4096)
def packed(address: str) -> bytes:
    """An address's 4 or 16 bytes in network order."""
    return ip_address(address).packed


@lru_cache(maxsize=4096)
def _text(raw: bytes) -> str:
    return str(IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw))


def ones_sum(data: bytes) -> int:
    """The ones' complement sum of 16-bit words (RFC 1071), an odd last byte padded: the whole number modulo 2**16-1."""
    total = int.from_bytes(data, "big")
    return (total << 8 if len(data) & 1 else total) % 0xFFFF


_payload_sum = lru_cache(maxsize=4096)(ones_sum)  # each capture on its way asks for a packet's again


@lru_cache(maxsize=4096)
def _ends_of(source: str, destination: str) -> tuple[_Ends, int]:
    """Both addresses and their sum, which is a part of every checksum between them."""
    ends = packed(source), packed(destination)
    return ends, ones_sum(ends[0]) + ones_sum(ends[1])


def _checksum(*parts: bytes) -> int:
    """The checksum over ``parts``, all but the last of even length."""
    return 0xFFFF - sum(map(ones_sum, parts)) % 0xFFFF


def _is_summed(*parts: bytes) -> bool:
    """Whether the checksum that is in ``parts`` is right."""
    return sum(map(ones_sum, parts)) % 0xFFFF == 0


def _pseudo(ends: _Ends, protocol: int, length: int) -> bytes:
    """The pseudo header that upper layers' checksums begin with; ICMP over IPv4 has none."""
    if len(ends[0]) == 16:
        return _PSEUDO_V6.pack(*ends, length, 0, 0, protocol)
    return b"" if protocol == IPPROTO_ICMP else _PSEUDO_V4.pack(*ends, 0, protocol, length)


# ---- packets to bytes


def to_bytes(packet: Packet) -> bytes:
    """The packet as it is on the wire; as long as ``packet.length`` unless a quoted packet's payload was cut."""
    ends, ends_sum = _ends_of(packet.source, packet.destination)
    body = packet.body
    if isinstance(body, bytes):
        upper = body
    elif isinstance(body, Tcp):
        upper = _tcp_bytes(body, ends_sum)
    elif isinstance(body, Udp):
        upper = _udp_bytes(body, ends)
    else:
        upper = _icmp_bytes(body, packet, ends)
    if packet.version == 4:
        return _ipv4_header(packet, ends) + upper
    return _ipv6_header(packet, ends) + upper


def _ipv4_header(packet: Packet, ends: _Ends) -> bytes:
    fragment = packet.fragment_offset >> 3
    fragment |= (_DF if packet.dont_fragment else 0) | (_MF if packet.more_fragments else 0)
    fields = (packet.length, packet.identification, fragment, packet.ttl, packet.protocol)
    header = _IPV4.pack(0x45, packet.tos, *fields, 0, *ends)
    return _IPV4.pack(0x45, packet.tos, *fields, _checksum(header), *ends)


def _ipv6_header(packet: Packet, ends: _Ends) -> bytes:
    fragmented = packet.more_fragments or packet.fragment_offset
    first, payload = 6 << 28 | packet.tos << 20, packet.length - _IPV6.size
    header = _IPV6.pack(first, payload, _FRAGMENT if fragmented else packet.protocol, packet.ttl, *ends)
    if not fragmented:
        return header
    place = packet.fragment_offset & ~7 | packet.more_fragments
    return header + _FRAGMENT_HEADER.pack(packet.protocol, 0, place, packet.identification)


def _tcp_bytes(tcp: Tcp, ends_sum: int) -> bytes:
    options, payload = options_to(tcp.options), tcp.payload
    offset_flags = (_TCP_BASE_BYTES + len(options)) << 10 | tcp.flags & 0x1FF
    head = (tcp.source_port, tcp.destination_port, tcp.seq, tcp.ack_seq, offset_flags, tcp.window)
    summed = ends_sum + IPPROTO_TCP + _TCP_BASE_BYTES + len(options) + len(payload)
    summed += ones_sum(_TCP.pack(*head, 0, tcp.urgent) + options) + _payload_sum(payload)
    return _TCP.pack(*head, 0xFFFF - summed % 0xFFFF, tcp.urgent) + options + payload


def _udp_bytes(udp: Udp, ends: _Ends) -> bytes:
    head = (udp.source_port, udp.destination_port, _UDP.size + len(udp.payload))
    pseudo = _pseudo(ends, IPPROTO_UDP, head[2])
    check = _checksum(pseudo, _UDP.pack(*head, 0), udp.payload)
    return _UDP.pack(*head, check or 0xFFFF) + udp.payload


def _icmp_bytes(icmp: Icmp, packet: Packet, ends: _Ends) -> bytes:
    room = packet.length - (_IPV4.size if packet.version == 4 else _IPV6.size)
    pseudo = _pseudo(ends, packet.protocol, room)
    if icmp.quoted is None:
        rest = icmp.data[: max(0, room - _ICMP_PLAIN.size)]
        check = _checksum(pseudo, _ICMP_PLAIN.pack(icmp.type, icmp.code, 0), rest)
        return _ICMP_PLAIN.pack(icmp.type, icmp.code, check) + rest
    rest = to_bytes(icmp.quoted)[: max(0, room - _ICMP.size)]
    mtu = icmp.mtu_bytes >> 16, icmp.mtu_bytes & 0xFFFF
    check = _checksum(pseudo, _ICMP.pack(icmp.type, icmp.code, 0, *mtu), rest)
    return _ICMP.pack(icmp.type, icmp.code, check, *mtu) + rest


# ---- bytes to packets


def from_bytes(data: bytes) -> Packet | None:
    """The IP packet that ``data`` begins with; None where a host drops it for its IP header.

    That is: no version 4 or 6, a header that is not whole or lies about its length, a wrong IPv4 checksum.
    """
    return _read(data, quoted=False)


def _read(data: bytes, *, quoted: bool) -> Packet | None:
    """A ``quoted`` packet may be cut anywhere behind its IP header, and its checksums cannot be judged."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= _IPV4.size:
        return _read_ipv4(data, quoted)
    if version == 6 and len(data) >= _IPV6.size:
        return _read_ipv6(data, quoted)
    return None


def _read_ipv4(data: bytes, quoted: bool) -> Packet | None:
    first, tos, total, identification, fragment, ttl, protocol, _, source, destination = _IPV4.unpack_from(data)
    begin = (first & 15) * 4
    if begin < _IPV4.size or total < begin or len(data) < begin:
        return None
    if not quoted and (len(data) < total or not _is_summed(data[:begin])):
        return None
    offset, more = (fragment & 0x1FFF) << 3, bool(fragment & _MF)
    upper = data[begin:total]
    body: Tcp | Udp | Icmp | bytes = upper
    if not offset and not more:
        body = _read_upper(upper, protocol, (source, destination), quoted=quoted)
    return Packet(
        4, _text(source), _text(destination), protocol, total, body, ttl, tos, identification,
        bool(fragment & _DF), more, offset,
    )  # fmt: skip


def _read_ipv6(data: bytes, quoted: bool) -> Packet | None:
    first, payload, protocol, hops, source, destination = _IPV6.unpack_from(data)
    end = _IPV6.size + payload
    if not quoted and len(data) < end:
        return None
    data, at = data[:end], _IPV6.size
    place = identification = 0
    fragmented = False
    while protocol in _EXTENSIONS or (protocol == _FRAGMENT and not fragmented):
        if len(data) < at + 8:
            return None
        if protocol == _FRAGMENT:
            fragmented = True
            protocol, _, place, identification = _FRAGMENT_HEADER.unpack_from(data, at)
            at += _FRAGMENT_HEADER.size
            break
        protocol, at = data[at], at + (data[at + 1] + 1) * 8
    if at > end:
        return None
    body: Tcp | Udp | Icmp | bytes = data[at:]
    if not place & 0xFFF9:
        body = _read_upper(data[at:], protocol, (source, destination), quoted=quoted)
    return Packet(
        6, _text(source), _text(destination), protocol, end, body, hops, (first >> 20) & 0xFF, identification,
        True, bool(place & 1), place & 0xFFF8,
    )  # fmt: skip


def _read_upper(data: bytes, protocol: int, ends: _Ends, *, quoted: bool) -> Tcp | Udp | Icmp | bytes:
    """What the packet carries; bytes where header or checksum are wrong, or the protocol is another."""
    if protocol == IPPROTO_TCP:
        return _read_tcp(data, ends, quoted)
    if protocol == IPPROTO_UDP:
        return _read_udp(data, ends, quoted)
    if protocol == (IPPROTO_ICMP if len(ends[0]) == 4 else IPPROTO_ICMPV6):
        return _read_icmp(data, ends, quoted)
    return data


def _read_tcp(data: bytes, ends: _Ends, quoted: bool) -> Tcp | bytes:
    if quoted and _QUOTED_TCP_BYTES <= len(data) < _TCP_BASE_BYTES:
        ports_and_seq: tuple[int, int, int] = struct.unpack_from("!HHI", data)
        return Tcp(*ports_and_seq, ack_seq=0, flags=0, window=0)
    if len(data) < _TCP_BASE_BYTES:
        return data
    source, destination, seq, ack_seq, offset_flags, window, _, urgent = _TCP.unpack_from(data)
    begin = offset_flags >> 12 << 2
    if begin < _TCP_BASE_BYTES or (len(data) < begin and not quoted):
        return data
    if not quoted and not _is_summed(_pseudo(ends, IPPROTO_TCP, len(data)), data):
        return data
    options = options_from(data[_TCP_BASE_BYTES:begin])
    return Tcp(source, destination, seq, ack_seq, offset_flags & 0x1FF, window, data[begin:], options, urgent)


def _read_udp(data: bytes, ends: _Ends, quoted: bool) -> Udp | bytes:
    if len(data) < _UDP.size:
        return data
    source, destination, length, check = _UDP.unpack_from(data)
    if quoted:
        return Udp(source, destination, data[_UDP.size :])
    # A length of 0 or beyond the packet is refused (udp_rcv); a shorter one cuts the datagram.
    if not _UDP.size <= length <= len(data):
        return data
    # No checksum is a checksum of 0, which IPv6 does not allow (RFC 8200 section 8.1).
    unchecked = check == 0 and len(ends[0]) == 4
    if not unchecked and (check == 0 or not _is_summed(_pseudo(ends, IPPROTO_UDP, length), data[:length])):
        return data
    return Udp(source, destination, data[_UDP.size : length])


def _read_icmp(data: bytes, ends: _Ends, quoted: bool) -> Icmp | bytes:
    version4 = len(ends[0]) == 4
    pseudo = _pseudo(ends, IPPROTO_ICMP if version4 else IPPROTO_ICMPV6, len(data))
    if len(data) < _ICMP.size or (not quoted and not _is_summed(pseudo, data)):
        return data
    kind, code, _, high, low = _ICMP.unpack_from(data)
    inner = None
    if not quoted and (kind in _QUOTING_V4 if version4 else kind <= _LAST_QUOTING_V6):
        inner = _read(data[_ICMP.size :], quoted=True)
    if inner is None:
        return Icmp(kind, code, data=data[_ICMP_PLAIN.size :])
    mtu = low if version4 and (kind, code) == _FRAGMENTATION_NEEDED else 0
    if not version4 and kind == _PACKET_TOO_BIG:
        mtu = high << 16 | low
    return Icmp(kind, code, mtu, inner)
