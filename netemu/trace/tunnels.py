"""IP packets within IP packets: IPIP and 6in4 (RFC 2003, 4213, 2473), GRE (RFC 2784, 2890), VXLAN (RFC 7348)."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.link_layer import ETHERTYPE_IPV4, ETHERTYPE_IPV6, after_tags
from netemu.trace.memory import be16, byte

PROTOCOL_IPV4, PROTOCOL_UDP, PROTOCOL_IPV6, PROTOCOL_GRE = 4, 17, 41, 47
_VXLAN_PORTS = (4789, 8472)
"""IANA's, and the one that Linux uses unless told otherwise (drivers/net/vxlan)."""
_GRE_CHECKSUM, _GRE_ROUTING, _GRE_KEY, _GRE_SEQUENCE, _GRE_VERSION = 0x8000, 0x4000, 0x2000, 0x1000, 7
_TRANSPARENT_ETHERNET = 0x6558


@compiled
def _after_gre(data: int, at: int, limit: int) -> int:
    if at + 4 > limit:
        return -1
    flags, kind = be16(data, at), be16(data, at + 2)
    if flags & (_GRE_VERSION | _GRE_ROUTING):
        return -1
    at += 4
    for option in (_GRE_CHECKSUM, _GRE_KEY, _GRE_SEQUENCE):
        at += 4 if flags & option else 0
    if kind in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
        return at
    return after_tags(data, at + 12, limit) if kind == _TRANSPARENT_ETHERNET else -1


@compiled
def _after_vxlan(data: int, at: int, limit: int) -> int:
    if at + 16 > limit or be16(data, at + 2) not in _VXLAN_PORTS or not byte(data, at + 8) & 8:
        return -1
    return after_tags(data, at + 16 + 12, limit)


@compiled
def carried(data: int, limit: int, p: Any) -> int:
    """Where the IP packet starts that ``p``, dissected up to its transport layer, carries; -1 when it carries none."""
    if p.fragment:
        return -1
    if p.protocol in (PROTOCOL_IPV4, PROTOCOL_IPV6):
        return p.transport
    if p.protocol == PROTOCOL_GRE:
        return _after_gre(data, p.transport, limit)
    if p.protocol == PROTOCOL_UDP:
        return _after_vxlan(data, p.transport, limit)
    return -1
