"""What a link decides by, taken from a packet as it is, without going through bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.link import Headers
from netemu.packet.bytes import packed
from netemu.packet.ip import Icmp, Tcp, Udp

if TYPE_CHECKING:
    from netemu.packet.ip import Packet


def headers_of(packet: Packet) -> Headers:
    """The :class:`~netemu.link.Headers` that ``parse_headers`` reads from the packet's bytes."""
    ends = packed(packet.source), packed(packet.destination)
    headers = Headers(packet.version, packet.tos & 3, packet.length, packet.protocol, *ends)
    body = packet.body
    if isinstance(body, Tcp):
        headers.source_port, headers.destination_port = body.source_port, body.destination_port
        headers.seq, headers.ack = body.seq, body.ack_seq
        headers.flags, headers.window = body.flags & 0xFF, body.window
        headers.payload_bytes = len(body.payload)
    elif isinstance(body, Udp):
        headers.source_port, headers.destination_port = body.source_port, body.destination_port
        headers.payload_bytes = len(body.payload)
    elif isinstance(body, Icmp):
        headers.icmp_type = body.type
    return headers
