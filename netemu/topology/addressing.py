"""Addresses by position: the same graph has the same addresses, whichever file or builder it came from.

IPv4 subnets are taken from 10.0.0.0/8 in the order of the segments, a /24 each or as much more as a segment needs;
the IPv6 subnet has the IPv4 subnet's number (10.0.3.0/24 goes with fd00:0:0:3::/64), and an interface has the same
number in both. MAC addresses are locally administered: 02:00, number of the node, number of the interface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from netemu.errors import BadInput
from netemu.topology.edges import Parsed
from netemu.topology.segments import Segment

_IPV4_BASE = int(IPv4Address("10.0.0.0"))
_IPV4_END = int(IPv4Address("11.0.0.0"))
_IPV6_BASE = int(IPv6Address("fd00::"))
_IPV6_BITS = 64
_MOST_NODES = 65535


@dataclass(frozen=True, slots=True)
class Subnet:
    """The prefixes of a segment (``ipv6`` None where it has none) and each interface's number in them."""

    ipv4: IPv4Network
    ipv6: IPv6Network | None
    numbers: dict[str, int]

    def prefix(self, family: int) -> IPv4Network | IPv6Network:
        """The prefix of a family that the segment has."""
        prefix = self.ipv4 if family == 4 else self.ipv6
        if prefix is None:
            raise ValueError(f"{self.ipv4} has no IPv{family} beside it")
        return prefix

    def address(self, interface: str, family: int) -> IPv4Address | IPv6Address:
        """The address of an interface on the segment, in a family that the segment has."""
        return self.prefix(family).network_address + self.numbers[interface]

    def with_length(self, interface: str, family: int) -> str | None:
        """``10.0.0.1/24``; None where the segment does not have the family."""
        if family == 6 and self.ipv6 is None:
            return None
        return f"{self.address(interface, family)}/{self.prefix(family).prefixlen}"


def assign_subnets(segments: Sequence[Segment]) -> tuple[Subnet | None, ...]:
    """The subnet of each segment; None for one that joins switches only."""
    subnets: list[Subnet | None] = []
    position = _IPV4_BASE
    for segment in segments:
        if not segment.stations:
            subnets.append(None)
            continue
        host_bits = max(8, (len(segment.stations) + 1).bit_length())  # network and broadcast address are not used
        size = 1 << host_bits
        position = (position + size - 1) // size * size
        if position + size > _IPV4_END:
            raise BadInput(f"topology: {len(segments)} segments do not fit into 10.0.0.0/8; use a smaller graph")
        numbers = {interface: number for number, (_, interface) in enumerate(segment.stations, 1)}
        ipv6 = None
        if segment.ipv6:
            number = (position - _IPV4_BASE) >> 8
            ipv6 = IPv6Network((_IPV6_BASE + (number << _IPV6_BITS), _IPV6_BITS))
        subnets.append(Subnet(IPv4Network((position, 32 - host_bits)), ipv6, numbers))
        position += size
    return tuple(subnets)


def assign_macs(parsed: Parsed) -> dict[str, str]:
    """Interface -> MAC address, for switches' ports too."""
    if len(parsed.nodes) > _MOST_NODES:
        raise BadInput(f"topology: {len(parsed.nodes)} nodes are more than the {_MOST_NODES} that can be numbered")
    numbers = {node.name: number for number, node in enumerate(parsed.nodes, 1)}
    macs = {}
    for edge in parsed.edges:
        for node, interface in ((edge.a, edge.a_interface), (edge.b, edge.b_interface)):
            octets = numbers[node].to_bytes(2, "big") + int(interface.rpartition("-eth")[2]).to_bytes(2, "big")
            macs[interface] = f"02:00:{octets.hex(':')}"
    return macs
