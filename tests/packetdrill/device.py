"""What a device without segmentation offload makes of a super-segment (tcp_gso_segment, net/ipv4/tcp_offload.c)."""

from __future__ import annotations

from msgspec.structs import replace

from netemu.packet.ip import Packet, Tcp
from netemu.packet.tcp import CWR, FIN, PSH


def segmented(packet: Packet) -> list[Packet]:
    """The segments that carry what ``packet`` does: FIN and PSH are the last one's, CWR the first one's."""
    body = packet.body
    if not isinstance(body, Tcp) or not body.gso_size:
        return [packet]
    headers, mss = packet.length - len(body.payload), body.gso_size
    found = []
    for begin in range(0, len(body.payload), mss):
        payload = body.payload[begin : begin + mss]
        flags = body.flags
        if begin:
            flags &= ~CWR
        if begin + mss < len(body.payload):
            flags &= ~(FIN | PSH)
        segment = replace(body, seq=(body.seq + begin) & 0xFFFFFFFF, payload=payload, flags=flags, gso_size=0)
        found.append(replace(packet, length=headers + len(payload), body=segment))
    return found
