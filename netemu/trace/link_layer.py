"""From a captured frame to its network layer: the link types of tcpdump.org/linktypes.html that carry IP."""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from netemu.trace.compiled import compiled
from netemu.trace.memory import be16, be32, le32

LINK_NULL, LINK_ETHERNET, LINK_LOOP, LINK_SLL, LINK_SLL2 = 0, 1, 108, 113, 276
LINK_IPV4, LINK_IPV6 = 228, 229
LINK_RAW = (12, 14, 101)
"""Raw IP: DLT_RAW of Linux and most, of OpenBSD, and the LINKTYPE value that files should hold."""
_FAMILIES_IPV6 = (10, 23, 24, 28, 30)
"""AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS; AF_INET is 2 everywhere."""

SUPPORTED_LINK_TYPES = frozenset(
    {LINK_NULL, LINK_ETHERNET, LINK_LOOP, LINK_SLL, LINK_SLL2, LINK_IPV4, LINK_IPV6, *LINK_RAW}
)

ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x0800, 0x86DD


@compiled
def after_tags(data: int, at: int, limit: int) -> int:
    """Where the payload of the EtherType at ``at`` starts, behind any VLAN tags; -1 when it is not IP or cut short.

    IEEE 802.1Q (0x8100), 802.1ad (0x88A8) and the older 0x9100 and 0x9200 may nest.
    """
    for _ in range(8):
        if at + 2 > limit:
            return -1
        kind = be16(data, at)
        if kind in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
            return at + 2
        if kind not in (0x8100, 0x88A8, 0x9100, 0x9200):
            return -1
        at += 4
    return -1


@compiled
def _null_layer(data: int, at: int, limit: int) -> int:
    """BSD loopback: a 32-bit address family in some host's order."""
    if at + 4 > limit:
        return -1
    little, big = le32(data, at), be32(data, at)
    family = min(little, big)
    return at + 4 if family == 2 or family in _FAMILIES_IPV6 else -1


@compiled
def network_layer(data: int, at: int, limit: int, link: int) -> int:
    """Where the IP header of the frame in ``data[at:limit]`` starts, or -1 when it holds none."""
    if link == LINK_ETHERNET:
        return after_tags(data, at + 12, limit)
    if link == LINK_SLL:
        return after_tags(data, at + 14, limit)
    if link == LINK_SLL2:
        start = after_tags(data, at, limit)
        return start + 18 if start == at + 2 else -1
    if link in (LINK_NULL, LINK_LOOP):
        return _null_layer(data, at, limit)
    if link in LINK_RAW or link in (LINK_IPV4, LINK_IPV6):
        return at
    return -1
