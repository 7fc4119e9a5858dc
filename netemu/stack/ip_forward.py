"""Packets that a router hands on (net/ipv4/ip_forward.c, net/ipv6/ip6_output.c ip6_forward)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import Packet
from netemu.stack import icmp, ip_output, route

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack


def ip_forward(stack: LinuxStack, packet: Packet) -> None:
    """Send on with a TTL one less; the source hears when that ends it, it has no route, or it is too long."""
    mib, v6 = stack.mib, packet.version == 6
    if v6 and packet.ttl <= 1:
        icmp.icmp_send(stack, packet, icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_TTL)
        mib.inc("Ip6InHdrErrors")
        return
    dst = route.ip_route_output(stack, packet.destination)
    if dst is None:
        mib.inc("Ip6InNoRoutes" if v6 else "IpExtInNoRoutes")
        mib.inc("Ip6InAddrErrors" if v6 else "IpInAddrErrors")
        icmp.icmp_send(stack, packet, icmp.ICMP_DEST_UNREACH, icmp.ICMP_NET_UNREACH)
        return
    if not v6 and packet.ttl <= 1:
        mib.inc("IpInHdrErrors")
        icmp.icmp_send(stack, packet, icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_TTL)
        return
    # A router believes its own device, not what ICMP told about the path (net.ipv4.ip_forward_use_pmtu 0).
    mtu = dst.mtu
    if packet.length > mtu and (packet.dont_fragment or v6):
        mib.inc("Ip6InTooBigErrors" if v6 else "IpFragFails")
        if v6:
            mib.inc("Ip6FragFails")
        icmp.icmp_send(stack, packet, icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, mtu)
        return
    mib.inc("Ip6OutForwDatagrams" if v6 else "IpForwDatagrams")
    mib.inc("Ip6OutTransmits" if v6 else "IpOutTransmits")
    mib.inc("Ip6OutOctets" if v6 else "IpExtOutOctets", packet.length)
    onward = Packet(
        packet.version, packet.source, packet.destination, packet.protocol, packet.length, packet.body, packet.ttl - 1,
        packet.tos, packet.identification, packet.dont_fragment, packet.more_fragments, packet.fragment_offset,
    )  # fmt: skip
    if packet.length <= mtu:
        ip_output.dev_queue_xmit(stack, dst.interface, onward)
    else:
        ip_output.ip_fragment(stack, dst, onward, mtu, forwarded=True)
