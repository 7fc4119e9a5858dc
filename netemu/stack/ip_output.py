"""Packets that this host sends: their IP header, and fragments where they must be (net/ipv4/ip_output.c, net/ipv6).

Length and lies: ``length`` is always what the transport header and payload take on the wire.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from netemu.packet.bytes import to_bytes
from netemu.packet.ip import IPPROTO_TCP, Icmp, Packet, Tcp, Udp
from netemu.stack import icmp, ip_input, route
from netemu.stack.ip_h import (
    IP_PMTUDISC_DO,
    IP_PMTUDISC_PROBE,
    IP_PMTUDISC_WANT,
    IPV4_HEADER,
    IPV6_FRAGMENT_HEADER,
    IPV6_HEADER,
    IPV6_HOP_LIMIT,
)
from netemu.stack.route import LOOPBACK

if TYPE_CHECKING:
    from netemu.stack.route import Dst
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack


def ip_dont_fragment(pmtudisc: int, dst: Dst) -> bool:
    """Whether a socket's packets carry DF (include/net/ip.h)."""
    return pmtudisc == IP_PMTUDISC_DO or (
        pmtudisc == IP_PMTUDISC_WANT and not (dst.pmtu and route.dst_pmtu_locked(dst))
    )


def ip_queue_xmit(sk: TcpSock, segment: Tcp, length: int) -> int:
    """Send a segment of a connection; 0, or a negative errno. ``length``: of its header with options, and payload."""
    dst = sk.sk_dst
    net = sk.net
    if dst is None:
        dst = route.ip_route_output(net, sk.inet_daddr)
        if dst is None:
            net.mib.inc("IpOutNoRoutes")
            return -errno.EHOSTUNREACH
        route.sk_setup_caps(sk, dst)
    if dst.family == 4:
        ident = sk.inet_id
        sk.inet_id = (ident + 1) & 0xFFFF
        ttl = sk.ttl if sk.ttl >= 0 else net.sysctl.ip_default_ttl
        length += IPV4_HEADER
        dont_fragment = ip_dont_fragment(sk.pmtudisc, dst)
        packet = Packet(
            4, sk.inet_saddr, sk.inet_daddr, IPPROTO_TCP, length, segment, ttl, sk.tos, ident, dont_fragment,
        )  # fmt: skip
    else:
        ttl = sk.ttl if sk.ttl >= 0 else IPV6_HOP_LIMIT
        length += IPV6_HEADER
        packet = Packet(6, sk.inet_saddr, sk.inet_daddr, IPPROTO_TCP, length, segment, ttl, sk.tos)
    mtu = dst.mtu if not dst.pmtu or sk.pmtudisc >= IP_PMTUDISC_PROBE else route.dst_mtu(dst)
    return ip_output(net, dst, packet, mtu)


def ip_local_out(
    net: LinuxStack, dst: Dst, saddr: str, protocol: int, body: Tcp | Udp | Icmp,
    *, length: int, tos: int = 0, ttl: int = -1, dont_fragment: bool = False, ident: int = 0, mtu: int = 0,
) -> int:  # fmt: skip
    """Send what belongs to no connection; 0, or a negative errno. ``ttl`` -1: the default; ``mtu`` 0: the path's."""
    if dst.family == 4:
        if ttl < 0:
            ttl = net.sysctl.ip_default_ttl
        length += IPV4_HEADER
    else:
        if ttl < 0:
            ttl = IPV6_HOP_LIMIT
        length += IPV6_HEADER
    packet = Packet(dst.family, saddr, dst.daddr, protocol, length, body, ttl, tos, ident, dont_fragment)
    return ip_output(net, dst, packet, mtu or route.dst_mtu(dst))


def ip_output(net: LinuxStack, dst: Dst, packet: Packet, mtu: int) -> int:
    """ip_finish_output: to the device if it fits in ``mtu``, else in fragments; 0, or a negative errno."""
    counts = net.mib.counts
    if packet.version == 4:
        counts["IpOutRequests"] += 1
        counts["IpOutTransmits"] += 1
        counts["IpExtOutOctets"] += packet.length
    else:
        counts["Ip6OutRequests"] += 1
        counts["Ip6OutTransmits"] += 1
        counts["Ip6OutOctets"] += packet.length
    if packet.length <= mtu or _gso_fits(packet, mtu):
        dev_queue_xmit(net, dst.interface, packet)
        return 0
    return ip_fragment(net, dst, packet, mtu)


def _gso_fits(packet: Packet, mtu: int) -> bool:
    """Whether the segments that the device will make of it fit (skb_gso_validate_network_len, net/core/gso.c)."""
    body = packet.body
    if not isinstance(body, Tcp) or not body.gso_size:
        return False
    return packet.length - len(body.payload) + body.gso_size <= mtu


def dev_queue_xmit(net: LinuxStack, interface: str, packet: Packet) -> None:
    """To the device; what goes to this host itself comes back when the present work is done."""
    if interface == LOOPBACK:
        net.loopback.append(packet)
    elif net.qdisc is not None:
        net.qdisc.enqueue(interface, packet)
    else:
        net.transmit(interface, packet)


def run_loopback(net: LinuxStack) -> None:
    """net_rx_action for the loopback device."""
    while net.loopback:
        ip_input.ip_rcv(net, LOOPBACK, net.loopback.popleft())


def ip_fragment(net: LinuxStack, dst: Dst, packet: Packet, mtu: int, *, forwarded: bool = False) -> int:
    """Send ``packet`` as fragments of at most ``mtu`` bytes, or tell its source that it is too long (ip_fragment,
    ip6_fragment: only the source of an IPv6 packet fragments it)."""
    group = "Ip" if packet.version == 4 else "Ip6"
    if packet.dont_fragment or (packet.version == 6 and (forwarded or isinstance(packet.body, Tcp))):
        net.mib.inc(group + "FragFails")
        icmp.icmp_send(net, packet, icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, mtu)
        return -errno.EMSGSIZE
    header = IPV4_HEADER if packet.version == 4 else IPV6_HEADER
    payload = to_bytes(packet)[header:]
    overhead = header if packet.version == 4 else header + IPV6_FRAGMENT_HEADER
    step = (mtu - overhead) & ~7
    if packet.version == 6 and not packet.identification:
        packet = _with_ident(packet, net.random.u32() or 1)
    at = 0
    while at < len(payload):
        part = payload[at : at + step]
        at += len(part)
        more = at < len(payload) or packet.more_fragments
        fragment = Packet(
            packet.version, packet.source, packet.destination, packet.protocol, overhead + len(part), part, packet.ttl,
            packet.tos, packet.identification, False, more, packet.fragment_offset + at - len(part),
        )  # fmt: skip
        net.mib.inc(group + "FragCreates")
        dev_queue_xmit(net, dst.interface, fragment)
    net.mib.inc(group + "FragOKs")
    return 0


def _with_ident(packet: Packet, ident: int) -> Packet:
    return Packet(
        packet.version, packet.source, packet.destination, packet.protocol, packet.length, packet.body, packet.ttl,
        packet.tos, ident,
    )  # fmt: skip
