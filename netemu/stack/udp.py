"""UDP: ports, datagrams out and in, errors (net/ipv4/udp.c, net/ipv6/udp.c)."""

from __future__ import annotations

import errno
from collections.abc import Generator
from typing import TYPE_CHECKING

from netemu.packet.ip import IPPROTO_UDP, Packet, Udp
from netemu.stack import icmp, inet_connection_sock, ip_output, route, skb_alloc, sock_wake
from netemu.stack import task as tasks
from netemu.stack.inet_bind import inet_rcv_saddr_equal
from netemu.stack.inet_hashtables import AF_INET, AF_INET6, reuseport_index
from netemu.stack.ip_h import IP_PMTUDISC_DO, IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE
from netemu.stack.sock import RCV_SHUTDOWN, SEND_SHUTDOWN, TCP_ESTABLISHED
from netemu.stack.task import KernelError
from netemu.stack.udp_memory import next_datagram, take_datagram, udp_destroy_memory, udp_enqueue_schedule
from netemu.stack.udp_sock import Datagram, UdpSock

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack

MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT = 0x2, 0x20, 0x40
_HEADER = 8


def udp_init_sock(net: LinuxStack, family: int) -> UdpSock:
    """``socket(family, SOCK_DGRAM)``."""
    sysctl = net.sysctl
    net.sockets_created += 1
    sk = UdpSock(net, family)
    sk.sk_cookie = net.sockets_created
    sk.sk_sndbuf, sk.sk_rcvbuf = sysctl.core_wmem_default, sysctl.core_rmem_default
    sk.pmtudisc = 0 if sysctl.ip_no_pmtu_disc else 1
    sk.ipv6only = sysctl.ipv6_bindv6only and family == AF_INET6
    return sk


def _group(v6: bool) -> str:
    return "Udp6" if v6 else "Udp"


# ---- ports


def udp_get_port(sk: UdpSock, snum: int) -> None:
    """Take port ``snum``, or for 0 one that is free (udp_lib_get_port).

    :raises KernelError: EADDRINUSE.
    """
    net = sk.net
    if snum:
        if not _fits(sk, snum):
            raise KernelError(errno.EADDRINUSE)
        port = snum
    else:
        low, high = net.sysctl.ip_local_port_range
        count = high + 1 - low
        first = net.random.below(count)
        free = (low + (first + step) % count for step in range(count))
        found = next((port for port in free if _fits(sk, port)), None)
        if found is None:
            raise KernelError(errno.EADDRINUSE)
        port = found
    sk.inet_sport = port
    net.udp_table.setdefault(port, []).append(sk)


def _fits(sk: UdpSock, port: int) -> bool:
    return not any(
        inet_rcv_saddr_equal(sk, other)
        and not (sk.sk_reuse and other.sk_reuse)
        and not (sk.sk_reuseport and other.sk_reuseport)
        for other in sk.net.udp_table.get(port, ())
        if other is not sk
    )


def udp_bind(sk: UdpSock, address: str, port: int) -> None:
    """bind().

    :raises KernelError: EINVAL, EADDRNOTAVAIL, EADDRINUSE, EAFNOSUPPORT.
    """
    inner = inet_connection_sock.inner_address(sk, address)
    if inner and not sk.net.fib.is_local(inner):
        raise KernelError(errno.EADDRNOTAVAIL)
    if sk.inet_sport:
        raise KernelError(errno.EINVAL)
    sk.inet_saddr, sk.inet_bound_addr = inner, bool(inner)
    try:
        udp_get_port(sk, port)
    except KernelError:
        sk.inet_saddr, sk.inet_bound_addr = "", False
        raise


def udp_connect(sk: UdpSock, address: str, port: int) -> None:
    """connect(): fix the peer; nothing is sent.

    :raises KernelError: ENETUNREACH, EAFNOSUPPORT, EADDRINUSE.
    """
    inner = _destination(sk, address)
    dst = route.ip_route_output(sk.net, inner)
    if dst is None:
        raise KernelError(errno.ENETUNREACH)
    if not sk.inet_sport:
        udp_get_port(sk, 0)
    sk.sk_dst = dst
    sk.inet_saddr = sk.inet_saddr or dst.saddr
    sk.inet_daddr, sk.inet_dport = inner, port
    sk.inet_id = sk.net.random.u32() & 0xFFFF
    sk.sk_state = TCP_ESTABLISHED


def _destination(sk: UdpSock, address: str) -> str:
    return inet_connection_sock.inner_address(sk, address) or ("::1" if sk.sk_family == AF_INET6 else "127.0.0.1")


def udp_shutdown(sk: UdpSock, how: int) -> None:
    """shutdown().

    :raises KernelError: EINVAL, ENOTCONN (which has its effect nevertheless).
    """
    if how not in (0, 1, 2):
        raise KernelError(errno.EINVAL)
    sk.sk_shutdown |= how + 1
    sock_wake.sk_state_change(sk)
    if sk.sk_state != TCP_ESTABLISHED:
        raise KernelError(errno.ENOTCONN)


def udp_close(sk: UdpSock) -> None:
    """close()."""
    owners = sk.net.udp_table.get(sk.inet_sport, [])
    if sk in owners:
        owners.remove(sk)
        if not owners:
            del sk.net.udp_table[sk.inet_sport]
    udp_destroy_memory(sk)


# ---- out


def udp_sendmsg(sk: UdpSock, data: bytes, to: tuple[str, int] | None) -> int:
    """send() and sendto(): one datagram.

    :raises KernelError: EMSGSIZE, EDESTADDRREQ, ENETUNREACH, EPIPE, or an error that ICMP told of.
    """
    net = sk.net
    if len(data) > 0xFFFF:
        raise KernelError(errno.EMSGSIZE)
    if to is None:
        if sk.sk_state != TCP_ESTABLISHED:
            raise KernelError(errno.EDESTADDRREQ)
        daddr, dport, dst = sk.inet_daddr, sk.inet_dport, sk.sk_dst
    else:
        daddr, dport = _destination(sk, to[0]), to[1]
        if not dport:
            raise KernelError(errno.EINVAL)
        dst = route.ip_route_output(net, daddr)
    if dst is None:
        net.mib.inc("Ip6OutNoRoutes" if ":" in daddr else "IpOutNoRoutes")
        raise KernelError(errno.ENETUNREACH)
    if not sk.inet_sport:
        udp_get_port(sk, 0)
    _send_datagram(sk, dst, data, dport)
    return len(data)


def _send_datagram(sk: UdpSock, dst: route.Dst, data: bytes, dport: int) -> None:
    """ip_make_skb and udp_send_skb: fragments where the datagram is too long, unless the socket forbids them."""
    net, v6 = sk.net, dst.family == 6
    length = len(data) + _HEADER
    header = 40 if v6 else 20
    mtu = route.dst_mtu(dst) if sk.pmtudisc < IP_PMTUDISC_PROBE else dst.mtu
    if length + (0 if v6 else header) > 0xFFFF:
        raise KernelError(errno.EMSGSIZE)
    too_long = length + header > mtu
    if too_long and sk.pmtudisc in (IP_PMTUDISC_DO, IP_PMTUDISC_PROBE):
        raise KernelError(errno.EMSGSIZE)
    if sk.sk_err:  # looked at when memory is asked for, so not by a datagram that is too long (sock_alloc_send_pskb)
        err, sk.sk_err = sk.sk_err, 0
        raise KernelError(err)
    if sk.sk_shutdown & SEND_SHUTDOWN:
        raise KernelError(errno.EPIPE)
    # __ip_make_skb: IP_PMTUDISC_PROBE sets DF too, which it does not for a segment of TCP (ip_queue_xmit).
    dont_fragment = sk.pmtudisc == IP_PMTUDISC_PROBE or (not too_long and ip_output.ip_dont_fragment(sk.pmtudisc, dst))
    ident = 0
    if not v6:
        ident = _next_ident(sk, dont_fragment=dont_fragment)
    saddr = sk.inet_saddr or dst.saddr
    err = ip_output.ip_local_out(
        net, dst, saddr, IPPROTO_UDP, Udp(sk.inet_sport, dport, data), length=length, tos=sk.tos, ttl=sk.ttl,
        dont_fragment=dont_fragment, ident=ident, mtu=mtu,
    )  # fmt: skip
    if err:
        raise KernelError(-err)
    net.mib.inc(_group(v6) + "OutDatagrams")


def _next_ident(sk: UdpSock, *, dont_fragment: bool) -> int:
    """A connected socket counts; others draw one where it is needed, 0 with DF (ip_select_ident)."""
    if sk.inet_daddr:
        ident, sk.inet_id = sk.inet_id, (sk.inet_id + 1) & 0xFFFF
        return ident
    return 0 if dont_fragment else sk.net.random.u32() & 0xFFFF


# ---- in


def udp_lookup(net: LinuxStack, daddr: str, dport: int, peer: tuple[str, int], interface: str | None) -> UdpSock | None:
    """Who gets a datagram: the socket that fits most closely, the last one bound among equals (udp4_lib_lookup2)."""
    best: list[UdpSock] = []
    best_score = 0
    for sk in net.udp_table.get(dport, ()):
        score = _compute_score(sk, daddr, peer[0], peer[1], interface)
        if score > best_score:
            best, best_score = [sk], score
        elif score and score == best_score:
            best.append(sk)
    sharing = [sk for sk in best if sk.sk_reuseport and not sk.inet_daddr]
    if len(sharing) > 1 and best[-1].sk_reuseport:
        return sharing[reuseport_index(net, (daddr, dport), peer, len(sharing))]
    return best[-1] if best else None


def _compute_score(sk: UdpSock, daddr: str, saddr: str, sport: int, interface: str | None) -> int:
    v6 = ":" in daddr
    if v6 != (sk.sk_family == AF_INET6) and (v6 or sk.ipv6only):
        return 0
    if (sk.inet_saddr and sk.inet_saddr != daddr) or (sk.inet_daddr and sk.inet_daddr != saddr):
        return 0
    if sk.inet_dport and sk.inet_dport != sport:
        return 0
    if sk.sk_bound_if and interface is not None and sk.sk_bound_if != interface:
        return 0
    exact = 4 * (bool(sk.inet_daddr) + bool(sk.inet_dport) + bool(sk.sk_bound_if))
    return 32 * bool(sk.inet_saddr) + exact + (sk.sk_family == AF_INET) + 1


def udp_rcv(net: LinuxStack, interface: str, packet: Packet) -> None:
    """A datagram for this host; nobody's is answered by ICMP."""
    body, v6 = packet.body, packet.version == 6
    group = _group(v6)
    if not isinstance(body, Udp):
        net.mib.inc(group + "InErrors")
        return
    sk = udp_lookup(net, packet.destination, body.destination_port, (packet.source, body.source_port), interface)
    if sk is None:
        net.mib.inc(group + "NoPorts")
        icmp.icmp_send(net, packet, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH)
        return
    truesize = skb_alloc.received(packet.length, sk.net.profile.skb_small_heads)[0]
    failed = udp_enqueue_schedule(sk, Datagram(body.payload, packet.source, body.source_port, truesize))
    if failed is not None:
        net.mib.inc(group + failed)
        net.mib.inc(group + "InErrors")
        return
    sock_wake.sk_data_ready(sk)


def udp_err(net: LinuxStack, quoted: Packet, udp: Udp, code: int, *, hard: bool, mtu: int) -> None:
    """ICMP speaks of a datagram that this host sent: an error of its socket if that is connected, or wants it."""
    sk = udp_lookup(net, quoted.source, udp.source_port, (quoted.destination, udp.destination_port), None)
    if sk is None:
        net.mib.inc("Icmp6InErrors" if quoted.version == 6 else "IcmpInErrors")
        return
    if mtu:
        dst = route.ip_route_output(net, quoted.destination)
        if dst is not None:
            route.ipv4_sk_update_pmtu(dst, mtu)
        if sk.pmtudisc == IP_PMTUDISC_DONT:
            return
        code, hard = errno.EMSGSIZE, quoted.version == 4 or sk.pmtudisc == IP_PMTUDISC_DO
    if not sk.recverr and (not hard or sk.sk_state != TCP_ESTABLISHED):
        return
    sk.sk_err = code
    sock_wake.sk_error_report(sk)


def udp_recvmsg(
    sk: UdpSock, length: int, flags: int, nonblock: bool
) -> Generator[None, None, tuple[bytes, tuple[str, int]]]:
    """recv() and recvfrom(): one datagram, cut to ``length``, and who sent it.

    :raises KernelError: EAGAIN, EINTR, or an error that ICMP told of.
    """
    net = sk.net
    timeo = 0 if nonblock or flags & MSG_DONTWAIT else sk.sk_rcvtimeo
    while (datagram := next_datagram(sk)) is None:
        if sk.sk_err:
            err, sk.sk_err = sk.sk_err, 0
            raise KernelError(err)
        if sk.sk_shutdown & RCV_SHUTDOWN:
            return b"", ("", 0)
        if not timeo:
            raise KernelError(errno.EAGAIN)
        if net.current.interrupted:
            raise KernelError(errno.EINTR)
        timeo = yield from tasks.schedule_timeout(net, [sk.sk_wq], timeo)
    if not flags & MSG_PEEK:
        take_datagram(sk)
        net.mib.inc(_group(":" in datagram.source) + "InDatagrams")
    return datagram.payload[:length], (datagram.source, datagram.source_port)
