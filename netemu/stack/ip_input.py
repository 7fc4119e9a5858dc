"""Packets that arrive: to a socket of this host, or on to another (net/ipv4/ip_input.c, net/ipv6/ip6_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.bytes import from_bytes, to_bytes
from netemu.packet.ip import IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, Packet
from netemu.stack import icmp, ip_forward, ip_fragment, tcp_ipv4, udp

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack

_ECN_COUNTERS = (
    ("IpExtInNoECTPkts", "IpExtInECT1Pkts", "IpExtInECT0Pkts", "IpExtInCEPkts"),
    ("Ip6InNoECTPkts", "Ip6InECT1Pkts", "Ip6InECT0Pkts", "Ip6InCEPkts"),
)


def ip_rcv(stack: LinuxStack, interface: str, packet: Packet) -> None:
    """A packet came in at ``interface``."""
    counts = stack.mib.counts
    v6 = packet.version == 6
    if v6:
        counts["Ip6InReceives"] += 1
        counts["Ip6InOctets"] += packet.length
    else:
        counts["IpInReceives"] += 1
        counts["IpExtInOctets"] += packet.length
    counts[_ECN_COUNTERS[v6][packet.tos & 3]] += 1
    destination = packet.destination
    if destination in stack.fib.local or stack.fib.is_local(destination):
        ip_local_deliver(stack, interface, packet)
    elif stack.sysctl.ipv6_forwarding if v6 else stack.sysctl.ip_forward:
        ip_forward.ip_forward(stack, packet)
    else:
        stack.mib.inc("Ip6InAddrErrors" if v6 else "IpInAddrErrors")


def ip_local_deliver(stack: LinuxStack, interface: str, packet: Packet) -> None:
    """A packet for this host; a fragment waits for the others."""
    if packet.more_fragments or packet.fragment_offset:
        whole = ip_fragment.ip_defrag(stack, interface, packet)
        if whole is None:
            return
        again = from_bytes(to_bytes(whole))
        if again is None:
            stack.mib.inc("Ip6InHdrErrors" if packet.version == 6 else "IpInHdrErrors")
            return
        packet = again
    protocol = packet.protocol
    stack.mib.counts["Ip6InDelivers" if packet.version == 6 else "IpInDelivers"] += 1
    if protocol == IPPROTO_TCP:
        tcp_ipv4.tcp_v4_rcv(stack, interface, packet)
    elif protocol == IPPROTO_UDP:
        udp.udp_rcv(stack, interface, packet)
    elif protocol == (IPPROTO_ICMPV6 if packet.version == 6 else IPPROTO_ICMP):
        icmp.icmp_rcv(stack, interface, packet)
    elif packet.version == 6:
        stack.mib.inc("Ip6InUnknownProtos")
    else:
        stack.mib.inc("IpInUnknownProtos")
        icmp.icmp_send(stack, packet, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PROT_UNREACH)
