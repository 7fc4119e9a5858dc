"""Interfaces, addresses and routes of a host, and what it knows of path MTUs (fib_semantics.c, route.c of IPv4, IPv6).

Answers are cached per destination: one :class:`Dst` for each, which every socket to it shares, so that an ICMP error
tells all of them (``struct rtable`` and its ``fib_nh_exception``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netemu.specs import RouteSpec
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack

IPV4_MIN_MTU, IPV6_MIN_MTU = 68, 1280
IP_MAX_MTU = 0xFFFF
IPV4_MAX_PMTU = 0xFFFF
IPV6_MAXPLEN = 65535
LOOPBACK = "lo"
LOOPBACK_MTU = 65536


@dataclass(frozen=True, slots=True)
class Interface:
    """A device of the host. ``addresses`` carry their prefix: ``10.0.0.1/24``, ``fd00::1/64``.

    ``gso_max_segs``: how many segments it takes as one packet; 1 where offloads are off.
    """

    name: str
    mtu: int = 1500
    addresses: tuple[str, ...] = ()
    gso_max_segs: int = 1


class Dst:
    """``struct dst_entry``: the way to ``daddr``. ``pmtu``: learned, until jiffy ``pmtu_expires``; 0: nothing learned.

    ``pmtu_locked``: the path's MTU is below ``min_pmtu``, so that packets to it are not sent with DF
    (``fnhe_mtu_locked``).
    """

    __slots__ = (
        "daddr",
        "family",
        "gso_max_segs",
        "interface",
        "mtu",
        "net",
        "pmtu",
        "pmtu_expires",
        "pmtu_locked",
        "saddr",
        "via",
    )

    def __init__(self, net: LinuxStack, daddr: str, saddr: str, interface: Interface, via: str | None) -> None:
        self.net, self.daddr, self.saddr, self.via = net, daddr, saddr, via
        self.interface = interface.name
        self.gso_max_segs = interface.gso_max_segs
        self.mtu = min(interface.mtu, IP_MAX_MTU)
        self.family = 6 if ":" in daddr else 4
        self.pmtu = self.pmtu_expires = 0
        self.pmtu_locked = False


class Fib:
    """Where packets go: a table of prefixes, longest first, and a cache of answers."""

    def __init__(self, net: LinuxStack) -> None:
        self._net = net
        self._cache: dict[str, Dst | None] = {}
        self._routes: list[tuple[IPv4Network | IPv6Network, Interface, str | None]] = []
        self.interfaces: dict[str, Interface] = {}
        self.local: dict[str, str] = {}
        self.add_interface(Interface(LOOPBACK, LOOPBACK_MTU, ("127.0.0.1/8", "::1/128")))

    def add_interface(self, interface: Interface) -> None:
        """Bring a device up with its addresses and the routes to their prefixes."""
        self.interfaces[interface.name] = interface
        for text in interface.addresses:
            address = ip_interface(text)
            self.local[str(address.ip)] = interface.name
            self.add_route(address.network, interface.name, None)

    def add_route(self, destination: IPv4Network | IPv6Network, interface: str, via: str | None) -> None:
        """``ip route add destination via .. dev interface``."""
        self._routes.append((destination, self.interfaces[interface], via))
        self._routes.sort(key=lambda route: -route[0].prefixlen)
        self._cache.clear()

    def add_route_specs(self, routes: Iterable[RouteSpec]) -> None:
        """The plan's routes of this host."""
        for route in routes:
            self.add_route(ip_network(route.destination), route.interface, route.via)

    def lookup(self, daddr: str) -> Dst | None:
        """The way to ``daddr``; None: there is none (ENETUNREACH)."""
        try:
            return self._cache[daddr]
        except KeyError:
            dst = self._cache[daddr] = self._resolve(daddr)
            return dst

    def is_local(self, address: str) -> bool:
        """Whether packets to ``address`` are for this host; all of 127.0.0.0/8 are."""
        return address in self.local or address.startswith("127.")

    def _resolve(self, daddr: str) -> Dst | None:
        if self.is_local(daddr):
            return Dst(self._net, daddr, daddr, self.interfaces[LOOPBACK], None)
        address = ip_address(daddr)
        for network, interface, via in self._routes:
            if address.version == network.version and address in network:
                saddr = _source_address(interface, ip_address(via) if via else address)
                return None if saddr is None else Dst(self._net, daddr, saddr, interface, via)
        return None


def _source_address(interface: Interface, hop: IPv4Address | IPv6Address) -> str | None:
    """The interface's address in the prefix of ``hop``, else its first of that family (inet_select_addr)."""
    candidates = [ip_interface(text) for text in interface.addresses]
    same = [one for one in candidates if one.version == hop.version]
    for one in same:
        if hop in one.network:
            return str(one.ip)
    return str(same[0].ip) if same else None


def ip_route_output(net: LinuxStack, daddr: str) -> Dst | None:
    """ip_route_output_key and ip6_dst_lookup: the way to ``daddr``; None: no route."""
    return net.fib.lookup(daddr)


def sk_dst_get(sk: TcpSock) -> Dst | None:
    """__sk_dst_get: the way to the socket's peer, as of its connect() or handshake."""
    dst: Dst | None = sk.sk_dst
    return dst


def sk_setup_caps(sk: TcpSock, dst: Dst) -> None:
    """Send by ``dst``, as its device can (net/core/sock.c)."""
    sk.sk_dst = dst
    sk.sk_gso_max_segs = dst.gso_max_segs


def dst_mtu(dst: Dst) -> int:
    """The path's MTU as known now: what was learned and has not expired, else the device's (ipv4_mtu, ip6_mtu)."""
    if dst.pmtu and dst.net.jiffies < dst.pmtu_expires:
        return dst.pmtu
    return dst.mtu


def dst_metric_advmss(dst: Dst) -> int:
    """The MSS to announce: MTU less 40 or 60 (ipv4_default_advmss, ip6_default_advmss)."""
    mtu = dst.mtu if dst.net.profile.advmss_of_device else dst_mtu(dst)
    if dst.family == 4:
        return min(max(mtu - 40, dst.net.sysctl.min_adv_mss), IPV4_MAX_PMTU - 40)
    mss = max(mtu - 60, IPV6_MIN_MTU - 60)
    return IPV6_MAXPLEN - 1 if mss > IPV6_MAXPLEN - 20 else mss  # 65535 has a meaning of its own (GSO_BY_FRAGS)


def ipv4_sk_update_pmtu(dst: Dst, mtu: int) -> None:
    """Note that packets to ``dst`` must not be longer than ``mtu`` (__ip_rt_update_pmtu; ip6: rt6_do_update_pmtu)."""
    net = dst.net
    if dst.family == 4:
        _ip_rt_update_pmtu(dst, mtu)
        return
    if mtu >= dst_mtu(dst):
        return
    dst.pmtu, dst.pmtu_expires = max(mtu, IPV6_MIN_MTU), net.jiffies + net.sysctl.ip6_mtu_expires * net.profile.hz


def _ip_rt_update_pmtu(dst: Dst, mtu: int) -> None:
    net = dst.net
    old_mtu = dst_mtu(dst)
    if old_mtu < mtu:
        return
    locked = False
    if mtu < net.sysctl.min_pmtu:
        locked = True
        mtu = min(old_mtu, net.sysctl.min_pmtu)
    hz = net.profile.hz
    expires = net.sysctl.mtu_expires * hz
    # An unchanged MTU is only written again when half of its time is over, to spare the cache line (route.c, 4.0+).
    if dst.pmtu == mtu and not dst.pmtu_locked and net.jiffies < dst.pmtu_expires - expires // 2:
        return
    dst.pmtu, dst.pmtu_locked, dst.pmtu_expires = mtu, locked, net.jiffies + expires


def dst_pmtu_locked(dst: Dst) -> bool:
    """dst_metric_locked(RTAX_MTU): packets leave without DF."""
    return dst.pmtu_locked and dst.net.jiffies < dst.pmtu_expires
