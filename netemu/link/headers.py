"""The few header fields a link decides by, read from an IP packet without ever raising on a bad one.

Ethernet is not looked at: a packet begins at its IP header. RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 792, RFC 4443.
"""

from __future__ import annotations

import struct

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
FIN, SYN, RST, ACK = 1, 2, 4, 16

_IPV4 = struct.Struct("!BBHHHBBH4s4s")
_IPV6 = struct.Struct("!IHBB16s16s")
_TCP = struct.Struct("!HHIIBBH")
_EXTENSIONS = (0, 43, 60)  # hop-by-hop, routing, destination options: length counted in 8 octets beyond the first
_FRAGMENT = 44
_ICMP_ERRORS = (3, 4, 5, 11, 12)  # unreachable, source quench, redirect, time exceeded, parameter problem


class Headers:
    """One IP packet: addresses as bytes; ports, ``seq``, ``ack``, ``flags``, ``window`` are -1 where there is none.

    ``protocol`` is the upper layer's number after IPv6 extension headers. ``payload_bytes`` is the TCP or UDP
    payload reckoned from the IP length. ``ecn`` is the field of the IP header.
    """

    __slots__ = (
        "ack",
        "destination",
        "destination_port",
        "ecn",
        "flags",
        "icmp_type",
        "ip_bytes",
        "payload_bytes",
        "protocol",
        "seq",
        "source",
        "source_port",
        "version",
        "window",
    )

    def __init__(self, version: int, ecn: int, ip_bytes: int, protocol: int, *addresses: bytes) -> None:
        self.version = version
        self.ecn = ecn
        self.ip_bytes = ip_bytes
        self.protocol = protocol
        self.source, self.destination = addresses
        self.source_port = self.destination_port = self.seq = self.ack = self.flags = self.window = -1
        self.icmp_type = -1
        self.payload_bytes = 0

    def flow(self) -> tuple[bytes, bytes, int, int]:
        """What names this direction of the connection: source, destination, and their ports."""
        return self.source, self.destination, self.source_port, self.destination_port

    def is_icmp_error(self) -> bool:
        """Whether this is an ICMP or ICMPv6 error message (RFC 1122 section 3.2.2; RFC 4443 section 2.1)."""
        if self.protocol == ICMP:
            return self.icmp_type in _ICMP_ERRORS
        return self.protocol == ICMPV6 and 0 <= self.icmp_type < 128


def parse_headers(packet: bytes, offset: int = 0) -> Headers | None:
    """The headers of the IP packet that starts at ``offset``; None when that is no IPv4 or IPv6 header.

    ``packet`` may be cut after the headers. A fragment other than the first has no ports.
    """
    version = packet[offset] >> 4 if len(packet) > offset else 0
    if version == 4:
        return _parse_ipv4(packet, offset)
    if version == 6:
        return _parse_ipv6(packet, offset)
    return None


def _parse_ipv4(packet: bytes, offset: int) -> Headers | None:
    if len(packet) < offset + 20:
        return None
    first, tos, total, _, fragment, _, protocol, _, source, destination = _IPV4.unpack_from(packet, offset)
    length = (first & 15) * 4
    headers = Headers(4, tos & 3, total, protocol, source, destination)
    if length >= 20 and not fragment & 0x1FFF:
        _read_upper(headers, packet, offset + length, total - length)
    return headers


def _parse_ipv6(packet: bytes, offset: int) -> Headers | None:
    if len(packet) < offset + 40:
        return None
    first, payload, protocol, _, source, destination = _IPV6.unpack_from(packet, offset)
    end = offset + 40 + payload
    position = offset + 40
    first_fragment = True
    while len(packet) >= position + 8 and (protocol in _EXTENSIONS or protocol == _FRAGMENT):
        if protocol == _FRAGMENT:
            first_fragment = first_fragment and not struct.unpack_from("!H", packet, position + 2)[0] & 0xFFF8
            protocol, position = packet[position], position + 8
        else:
            protocol, position = packet[position], position + (packet[position + 1] + 1) * 8
    headers = Headers(6, (first >> 20) & 3, 40 + payload, protocol, source, destination)
    if first_fragment:
        _read_upper(headers, packet, position, end - position)
    return headers


def _read_upper(headers: Headers, packet: bytes, position: int, length: int) -> None:
    protocol = headers.protocol
    if protocol == TCP and len(packet) >= position + 16:
        fields = _TCP.unpack_from(packet, position)
        headers.source_port, headers.destination_port, headers.seq, headers.ack = fields[:4]
        headers.flags, headers.window = fields[5], fields[6]
        headers.payload_bytes = max(0, length - (fields[4] >> 4) * 4)
    elif protocol == UDP and len(packet) >= position + 4:
        headers.source_port, headers.destination_port = struct.unpack_from("!HH", packet, position)
        headers.payload_bytes = max(0, length - 8)
    elif protocol in (ICMP, ICMPV6) and len(packet) > position:
        headers.icmp_type = packet[position]
