"""ICMP and ICMPv6: errors that this host sends, and what it does about those that come (net/ipv4/icmp.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from netemu.packet.ip import IPPROTO_ICMP, IPPROTO_ICMPV6, Icmp, Packet, Tcp, Udp
from netemu.stack import ip_output, route, tcp_err, udp
from netemu.stack.icmp_ratelimit import icmp_global_allow, icmp_global_consume, inet_peer_xrlim_allow

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack

ICMP_ECHOREPLY, ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB = 0, 3, 8, 11, 12
ICMP_NET_UNREACH, ICMP_HOST_UNREACH, ICMP_PROT_UNREACH, ICMP_PORT_UNREACH, ICMP_FRAG_NEEDED = 0, 1, 2, 3, 4
ICMP_EXC_TTL, ICMP_EXC_FRAGTIME = 0, 1
ICMPV6_DEST_UNREACH, ICMPV6_PKT_TOOBIG, ICMPV6_TIME_EXCEED, ICMPV6_PARAMPROB = 1, 2, 3, 4
ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY, ICMPV6_NOROUTE = 128, 129, 0
_V6_ERRORS_BELOW = 128

# icmp_err_convert: errno, and whether it ends a connection (fatal)
ICMP_ERR_CONVERT = (
    (errno.ENETUNREACH, False), (errno.EHOSTUNREACH, False), (errno.ENOPROTOOPT, True), (errno.ECONNREFUSED, True),
    (errno.EMSGSIZE, False), (errno.EOPNOTSUPP, False), (errno.ENETUNREACH, True), (errno.EHOSTDOWN, True),
    (errno.ENONET, True), (errno.ENETUNREACH, True), (errno.EHOSTUNREACH, True), (errno.ENETUNREACH, False),
    (errno.EHOSTUNREACH, False), (errno.EHOSTUNREACH, True), (errno.EHOSTUNREACH, True), (errno.EHOSTUNREACH, True),
)  # fmt: skip
# icmpv6_err_convert's tab_unreach
_V6_UNREACH = (
    (errno.ENETUNREACH, False), (errno.EACCES, True), (errno.EHOSTUNREACH, False), (errno.EHOSTUNREACH, False),
    (errno.ECONNREFUSED, True), (errno.EACCES, True), (errno.EACCES, True),
)  # fmt: skip

_TO_V6 = {
    (ICMP_TIME_EXCEEDED, ICMP_EXC_TTL): (ICMPV6_TIME_EXCEED, 0),
    (ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME): (ICMPV6_TIME_EXCEED, 1),
    (ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED): (ICMPV6_PKT_TOOBIG, 0),
    (ICMP_DEST_UNREACH, ICMP_PORT_UNREACH): (ICMPV6_DEST_UNREACH, 4),
    (ICMP_DEST_UNREACH, ICMP_NET_UNREACH): (ICMPV6_DEST_UNREACH, 0),
    (ICMP_DEST_UNREACH, ICMP_HOST_UNREACH): (ICMPV6_DEST_UNREACH, 3),
    (ICMP_DEST_UNREACH, ICMP_PROT_UNREACH): (ICMPV6_PARAMPROB, 1),
}
_V4_NAMES = {ICMP_DEST_UNREACH: "DestUnreachs", ICMP_TIME_EXCEEDED: "TimeExcds", ICMP_PARAMETERPROB: "ParmProbs",
             ICMP_ECHO: "Echos", ICMP_ECHOREPLY: "EchoReps"}  # fmt: skip
_V6_NAMES = {
    ICMPV6_DEST_UNREACH: "DestUnreachs",
    ICMPV6_PKT_TOOBIG: "PktTooBigs",
    ICMPV6_TIME_EXCEED: "TimeExcds",
    ICMPV6_PARAMPROB: "ParmProblems",
    ICMPV6_ECHO_REQUEST: "Echos",
    ICMPV6_ECHO_REPLY: "EchoReplies",
}


def is_error(version: int, kind: int) -> bool:
    """Whether a message of this type speaks of another packet."""
    return kind < _V6_ERRORS_BELOW if version == 6 else kind in (3, 4, 5, 11, 12)


def icmp_send(net: LinuxStack, packet: Packet, kind: int, code: int, mtu: int = 0) -> None:
    """Tell the source of ``packet`` of an error, within the host's limits (icmp_send, icmp6_send).

    ``kind`` and ``code`` are IPv4's; IPv6 has its own for each. ``mtu``: of ICMP_FRAG_NEEDED.
    """
    body = packet.body
    if packet.fragment_offset or (isinstance(body, Icmp) and is_error(packet.version, body.type)):
        return
    dst = route.ip_route_output(net, packet.source)
    if dst is None:
        return
    v6 = packet.version == 6
    if v6:
        kind, code = _TO_V6[kind, code]
    if not _allowed(net, packet, dst, kind, code):
        return
    # A host answers with the address that was meant; a router with that of the interface it answers from.
    source = packet.destination if net.fib.is_local(packet.destination) else dst.saddr
    header, room = (48, 1280) if v6 else (28, min(576, route.dst_mtu(dst)))
    quoted_bytes = min(packet.length, room - header)
    quoted = _cut(packet, quoted_bytes)
    message = Icmp(kind, code, mtu, quoted)
    _count(net, v6, "Out", kind)
    tos = packet.tos & 0x1E | 0xC0 if not v6 else 0
    protocol = IPPROTO_ICMPV6 if v6 else IPPROTO_ICMP
    ip_output.ip_local_out(
        net, dst, source, protocol, message, length=header - (40 if v6 else 20) + quoted_bytes, tos=tos
    )


def _allowed(net: LinuxStack, packet: Packet, dst: route.Dst, kind: int, code: int) -> bool:
    """icmpv4_global_allow, icmpv4_xrlim_allow and IPv6's: what sysctls limit, path MTU messages of IPv4 never."""
    sysctl = net.sysctl
    if packet.version == 4:
        if kind == ICMP_DEST_UNREACH and code == ICMP_FRAG_NEEDED:
            return True
        if not sysctl.icmp_ratemask >> kind & 1:
            return True
        timeout_ms = sysctl.icmp_ratelimit
    else:
        if kind == ICMPV6_PKT_TOOBIG:
            return True
        timeout_ms = sysctl.icmpv6_ratelimit
    if not icmp_global_allow(net):
        net.mib.inc("IcmpOutRateLimitGlobal")
        return False
    if timeout_ms and dst.interface != route.LOOPBACK:
        timeout = timeout_ms * net.profile.hz // 1000
        if not inet_peer_xrlim_allow(net, dst.daddr, timeout):
            net.mib.inc("IcmpOutRateLimitHost" if packet.version == 4 else "Icmp6OutRateLimitHost")
            return False
    icmp_global_consume(net)
    return True


def _cut(packet: Packet, size: int) -> Packet:
    """``packet`` as an error quotes it: its payload to ``size`` bytes of the whole."""
    body = packet.body
    excess = packet.length - size
    if excess <= 0 or isinstance(body, Icmp):
        return packet
    if isinstance(body, bytes):
        return _with_body(packet, body[: max(0, len(body) - excess)])
    payload = body.payload[: max(0, len(body.payload) - excess)]
    if isinstance(body, Tcp):
        return _with_body(
            packet,
            Tcp(body.source_port, body.destination_port, body.seq, body.ack_seq, body.flags, body.window, payload,
                body.options, body.urgent),
        )  # fmt: skip
    return _with_body(packet, Udp(body.source_port, body.destination_port, payload))


def _with_body(packet: Packet, body: Tcp | Udp | bytes) -> Packet:
    return Packet(
        packet.version, packet.source, packet.destination, packet.protocol, packet.length, body, packet.ttl, packet.tos,
        packet.identification, packet.dont_fragment, packet.more_fragments, packet.fragment_offset,
    )  # fmt: skip


def _count(net: LinuxStack, v6: bool, direction: str, kind: int) -> None:
    group = "Icmp6" if v6 else "Icmp"
    net.mib.inc(f"{group}{direction}Msgs")
    name = (_V6_NAMES if v6 else _V4_NAMES).get(kind)
    if name is not None:
        net.mib.inc(f"{group}{direction}{name}")


def icmp_rcv(net: LinuxStack, interface: str, packet: Packet) -> None:
    """A message for this host: answer an echo, hand an error to the socket it is about."""
    message = packet.body
    v6 = packet.version == 6
    group = "Icmp6" if v6 else "Icmp"
    if not isinstance(message, Icmp):
        net.mib.inc(group + "InMsgs")
        net.mib.inc(group + "InErrors")
        return
    _count(net, v6, "In", message.type)
    if message.type == (ICMPV6_ECHO_REQUEST if v6 else ICMP_ECHO):
        _icmp_echo(net, packet, message)
    elif is_error(packet.version, message.type):
        if message.quoted is None:
            net.mib.inc(group + "InErrors")
        else:
            _icmp_socket_deliver(net, packet.version, message, message.quoted)


def _icmp_echo(net: LinuxStack, packet: Packet, message: Icmp) -> None:
    dst = route.ip_route_output(net, packet.source)
    if dst is None or not net.fib.is_local(packet.destination):
        return
    v6 = packet.version == 6
    kind = ICMPV6_ECHO_REPLY if v6 else ICMP_ECHOREPLY
    size = packet.length - (40 if v6 else 20)
    _count(net, v6, "Out", kind)
    reply = Icmp(kind, 0, message.mtu_bytes, None, message.data)
    protocol = IPPROTO_ICMPV6 if v6 else IPPROTO_ICMP
    ip_output.ip_local_out(net, dst, packet.destination, protocol, reply, length=size, tos=packet.tos)


def _icmp_socket_deliver(net: LinuxStack, version: int, message: Icmp, quoted: Packet) -> None:
    """icmp_unreach and icmp_socket_deliver; IPv6: icmpv6_notify."""
    if quoted.version != version or quoted.fragment_offset:
        return
    mtu = 0
    if version == 4 and (message.type, message.code) == (ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED):
        if net.sysctl.ip_no_pmtu_disc in (1, 2):
            return
        mtu = message.mtu_bytes
        if not mtu:
            return
    elif version == 6 and message.type == ICMPV6_PKT_TOOBIG:
        mtu = message.mtu_bytes
    code, hard = _error(version, message)
    if isinstance(quoted.body, Tcp):
        no_route = _no_route(version, message)
        ends = hard if version == 6 else no_route or message.type in (ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB)
        tcp_err.tcp_v4_err(net, quoted, quoted.body, code, no_route=no_route, ends_request=ends, mtu=mtu)
    elif isinstance(quoted.body, Udp):
        udp.udp_err(net, quoted, quoted.body, code, hard=hard, mtu=mtu)


def _no_route(version: int, message: Icmp) -> bool:
    """Whether a router has no way to the destination, which is told from a way that loses packets (RFC 6069)."""
    if version == 6:
        return (message.type, message.code) == (ICMPV6_DEST_UNREACH, ICMPV6_NOROUTE)
    return message.type == ICMP_DEST_UNREACH and message.code in (ICMP_NET_UNREACH, ICMP_HOST_UNREACH)


def _error(version: int, message: Icmp) -> tuple[int, bool]:
    """errno and whether it is hard."""
    kind, code = message.type, message.code
    if version == 4:
        if kind == ICMP_DEST_UNREACH:
            return ICMP_ERR_CONVERT[code] if code < len(ICMP_ERR_CONVERT) else (errno.EHOSTUNREACH, False)
        return (errno.EPROTO, True) if kind == ICMP_PARAMETERPROB else (errno.EHOSTUNREACH, False)
    if kind == ICMPV6_DEST_UNREACH:
        return _V6_UNREACH[code] if code < len(_V6_UNREACH) else (errno.EPROTO, False)
    if kind == ICMPV6_PKT_TOOBIG:
        return (errno.EMSGSIZE, False)
    return (errno.EPROTO, True) if kind == ICMPV6_PARAMPROB else (errno.EHOSTUNREACH, False)
