"""The rtnetlink messages a lab needs: build requests, read dumps (rtnetlink(7); include/uapi/linux/rtnetlink.h)."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass

from netemu.lab.netlink import (
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REPLACE,
    NetlinkSocket,
    Request,
    attribute,
    attribute_nested,
    attribute_text,
    attribute_u8,
    attribute_u32,
    parse_attributes,
)

_RTM_NEWLINK, _RTM_GETLINK = 16, 18
_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_RTM_NEWROUTE, _RTM_GETROUTE = 24, 26
_RTM_NEWNEIGH, _RTM_GETNEIGH = 28, 30
_RTM_GETQDISC = 38

_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_MASTER = 1, 3, 4, 10
_IFLA_LINKINFO, _IFLA_NET_NS_FD, _IFLA_GSO_MAX_SEGS = 18, 28, 40
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_IFLA_BR_FORWARD_DELAY, _IFLA_BR_STP_STATE, _IFLA_BR_MCAST_SNOOPING = 1, 5, 23
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS = 1, 2, 8
_IFA_F_NODAD, _IFA_F_PERMANENT = 0x02, 0x80
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_TABLE = 1, 4, 5, 15
_RT_TABLE_MAIN, _RTPROT_STATIC, _RTN_UNICAST = 254, 4, 1
_RT_SCOPE_UNIVERSE, _RT_SCOPE_LINK = 0, 253
_NDA_DST, _NDA_LLADDR = 1, 2
_NUD_NOARP, _NUD_PERMANENT = 0x40, 0x80
_NTF_MASTER = 0x04
_TCA_KIND = 1

IFF_UP = 0x1
LOOPBACK_INDEX = 1

_LINK = struct.Struct("=BxHiII")  # ifinfomsg
_ADDRESS = struct.Struct("=BBBBI")  # ifaddrmsg
_ROUTE = struct.Struct("=BBBBBBBBI")  # rtmsg
_NEIGHBOUR = struct.Struct("=BBHiHBB")  # ndmsg
_QDISC = struct.Struct("=BBHiIII")  # tcmsg

_CREATE = NLM_F_CREATE | NLM_F_EXCL


@dataclass(frozen=True, slots=True)
class VethEnd:
    """One end of a veth pair to be made: in the namespace held by ``namespace_fd``, with that index and name."""

    namespace_fd: int
    index: int
    name: str
    mac: str
    mtu_bytes: int
    gso_max_segs: int | None = None
    master_index: int | None = None


@dataclass(frozen=True, slots=True)
class LinkState:
    """An interface as the kernel has it (RTM_GETLINK)."""

    name: str
    index: int
    up: bool
    mac: str
    mtu_bytes: int
    gso_max_segs: int
    master_index: int | None


@dataclass(frozen=True, slots=True)
class RouteState:
    """A route as the kernel has it (RTM_GETROUTE): ``destination`` is a prefix, ``via`` None means on link."""

    destination: str
    via: str | None
    index: int


@dataclass(frozen=True, slots=True)
class NeighbourState:
    """A permanent neighbour entry as the kernel has it (RTM_GETNEIGH)."""

    address: str
    mac: str
    index: int


def mac_bytes(mac: str) -> bytes:
    """The six bytes of ``"02:00:00:00:00:01"``."""
    return bytes.fromhex(mac.replace(":", ""))


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _packed(address: str) -> bytes:
    return socket.inet_pton(_family(address), address)


def _end_attributes(end: VethEnd) -> bytes:
    data = attribute_text(_IFLA_IFNAME, end.name) + attribute(_IFLA_ADDRESS, mac_bytes(end.mac))
    data += attribute_u32(_IFLA_MTU, end.mtu_bytes) + attribute_u32(_IFLA_NET_NS_FD, end.namespace_fd)
    if end.gso_max_segs is not None:
        data += attribute_u32(_IFLA_GSO_MAX_SEGS, end.gso_max_segs)
    if end.master_index is not None:
        data += attribute_u32(_IFLA_MASTER, end.master_index)
    return data


def new_veth(end: VethEnd, peer: VethEnd) -> Request:
    """A veth pair, each end straight in its namespace; ``end`` alone may have a master, and comes up.

    ``peer`` stays down: the kernel configures it before the two are joined (veth_newlink, drivers/net/veth.c).
    """
    header = _LINK.pack(socket.AF_UNSPEC, 0, end.index, IFF_UP, IFF_UP)
    peer_body = _LINK.pack(socket.AF_UNSPEC, 0, peer.index, 0, 0) + _end_attributes(peer)
    data = attribute_nested(_IFLA_INFO_DATA, attribute(_VETH_INFO_PEER, peer_body))
    info = attribute_nested(_IFLA_LINKINFO, attribute_text(_IFLA_INFO_KIND, "veth"), data)
    return Request(_RTM_NEWLINK, _CREATE, header + _end_attributes(end) + info, f"interface {end.name}")


def move(name: str, namespace_fd: int, place: str) -> Request:
    """The interface ``name``, which must be down, into the namespace held by ``namespace_fd``; its name stays."""
    header = _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    body = header + attribute_text(_IFLA_IFNAME, name) + attribute_u32(_IFLA_NET_NS_FD, namespace_fd)
    return Request(_RTM_NEWLINK, 0, body, place)


def new_bridge(name: str, index: int, mac: str, place: str) -> Request:
    """A bridge that is up: no spanning tree, no forward delay, no multicast snooping."""
    header = _LINK.pack(socket.AF_UNSPEC, 0, index, IFF_UP, IFF_UP)
    data = attribute_nested(
        _IFLA_INFO_DATA,
        attribute_u32(_IFLA_BR_FORWARD_DELAY, 0),
        attribute_u32(_IFLA_BR_STP_STATE, 0),
        attribute_u8(_IFLA_BR_MCAST_SNOOPING, 0),
    )
    info = attribute_nested(_IFLA_LINKINFO, attribute_text(_IFLA_INFO_KIND, "bridge"), data)
    body = header + attribute_text(_IFLA_IFNAME, name) + attribute(_IFLA_ADDRESS, mac_bytes(mac)) + info
    return Request(_RTM_NEWLINK, _CREATE, body, place)


def set_up(index: int, place: str) -> Request:
    """The interface ``index`` up."""
    return Request(_RTM_NEWLINK, 0, _LINK.pack(socket.AF_UNSPEC, 0, index, IFF_UP, IFF_UP), place)


def new_address(address: str, index: int, place: str) -> Request:
    """``address`` (with its prefix, ``10.0.0.1/24``) on the interface; IPv6 without duplicate address detection."""
    interface = ipaddress.ip_interface(address)
    family = _family(address)
    flags = _IFA_F_PERMANENT | (_IFA_F_NODAD if family == socket.AF_INET6 else 0)
    body = _ADDRESS.pack(family, interface.network.prefixlen, flags, _RT_SCOPE_UNIVERSE, index)
    body += attribute(_IFA_LOCAL, interface.packed) + attribute(_IFA_ADDRESS, interface.packed)
    return Request(_RTM_NEWADDR, _CREATE, body + attribute_u32(_IFA_FLAGS, flags), place)


def new_route(destination: str, via: str | None, index: int, place: str) -> Request:
    """A unicast route of the main table."""
    network = ipaddress.ip_network(destination)
    family = _family(str(network))
    scope = _RT_SCOPE_LINK if via is None and family == socket.AF_INET else _RT_SCOPE_UNIVERSE
    body = _ROUTE.pack(family, network.prefixlen, 0, 0, _RT_TABLE_MAIN, _RTPROT_STATIC, scope, _RTN_UNICAST, 0)
    if network.prefixlen:
        body += attribute(_RTA_DST, network.network_address.packed)
    if via is not None:
        body += attribute(_RTA_GATEWAY, _packed(via))
    return Request(_RTM_NEWROUTE, _CREATE, body + attribute_u32(_RTA_OIF, index), place)


def new_neighbour(address: str, mac: str, index: int, place: str) -> Request:
    """A permanent neighbour entry, so that no ARP or neighbour discovery happens."""
    body = _NEIGHBOUR.pack(_family(address), 0, 0, index, _NUD_PERMANENT, 0, 0)
    body += attribute(_NDA_DST, _packed(address)) + attribute(_NDA_LLADDR, mac_bytes(mac))
    return Request(_RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body, place)


def new_forwarding(mac: str, port_index: int, place: str) -> Request:
    """A static entry of a bridge's forwarding table: ``mac`` is behind that port, so nothing is flooded to find it."""
    body = _NEIGHBOUR.pack(socket.AF_BRIDGE, 0, 0, port_index, _NUD_NOARP, _NTF_MASTER, 0)
    return Request(_RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body + attribute(_NDA_LLADDR, mac_bytes(mac)), place)


def _u32(data: bytes | None) -> int | None:
    return None if data is None else int(struct.unpack("=I", data)[0])


def links(netlink: NetlinkSocket, place: str) -> dict[str, LinkState]:
    """Every interface of the namespace, by name."""
    found: dict[str, LinkState] = {}
    for answer in netlink.dump(_RTM_GETLINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0), place):
        _, _, index, flags, _ = _LINK.unpack_from(answer)
        values = parse_attributes(answer, _LINK.size)
        name = values[_IFLA_IFNAME].rstrip(b"\0").decode()
        found[name] = LinkState(
            name=name,
            index=index,
            up=bool(flags & IFF_UP),
            mac=values.get(_IFLA_ADDRESS, b"").hex(":"),
            mtu_bytes=_u32(values[_IFLA_MTU]) or 0,
            gso_max_segs=_u32(values[_IFLA_GSO_MAX_SEGS]) or 0,
            master_index=_u32(values.get(_IFLA_MASTER)),
        )
    return found


def addresses(netlink: NetlinkSocket, place: str) -> dict[int, tuple[str, ...]]:
    """The addresses (``10.0.0.1/24``) of each interface index, IPv4 before IPv6."""
    found: dict[int, list[str]] = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        for answer in netlink.dump(_RTM_GETADDR, _ADDRESS.pack(family, 0, 0, 0, 0), place):
            _, prefix, _, _, index = _ADDRESS.unpack_from(answer)
            values = parse_attributes(answer, _ADDRESS.size)
            packed = values.get(_IFA_LOCAL, values.get(_IFA_ADDRESS, b""))
            found.setdefault(index, []).append(f"{socket.inet_ntop(family, packed)}/{prefix}")
    return {index: tuple(texts) for index, texts in found.items()}


def routes(netlink: NetlinkSocket, place: str) -> list[RouteState]:
    """The unicast routes of the main table, IPv4 and IPv6."""
    found = []
    for family in (socket.AF_INET, socket.AF_INET6):
        for answer in netlink.dump(_RTM_GETROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0), place):
            _, prefix, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(answer)
            values = parse_attributes(answer, _ROUTE.size)
            if (_u32(values.get(_RTA_TABLE)) or table) != _RT_TABLE_MAIN or kind != _RTN_UNICAST:
                continue
            empty = bytes(4 if family == socket.AF_INET else 16)
            via = values.get(_RTA_GATEWAY)
            found.append(
                RouteState(
                    destination=f"{socket.inet_ntop(family, values.get(_RTA_DST, empty))}/{prefix}",
                    via=None if via is None else socket.inet_ntop(family, via),
                    index=_u32(values.get(_RTA_OIF)) or 0,
                )
            )
    return found


def neighbours(netlink: NetlinkSocket, place: str) -> set[NeighbourState]:
    """The permanent neighbour entries, IPv4 and IPv6."""
    found = set()
    for family in (socket.AF_INET, socket.AF_INET6):
        for answer in netlink.dump(_RTM_GETNEIGH, _NEIGHBOUR.pack(family, 0, 0, 0, 0, 0, 0), place):
            _, _, _, index, state, _, _ = _NEIGHBOUR.unpack_from(answer)
            values = parse_attributes(answer, _NEIGHBOUR.size)
            if state & _NUD_PERMANENT:
                address = socket.inet_ntop(family, values[_NDA_DST])
                found.add(NeighbourState(address, values[_NDA_LLADDR].hex(":"), index))
    return found


def forwarding(netlink: NetlinkSocket, place: str) -> set[tuple[str, int]]:
    """The static entries ``(mac, port index)`` of the bridges' forwarding tables that are not a port's own address."""
    found = set()
    for answer in netlink.dump(_RTM_GETNEIGH, _NEIGHBOUR.pack(socket.AF_BRIDGE, 0, 0, 0, 0, 0, 0), place):
        _, _, _, index, state, _, _ = _NEIGHBOUR.unpack_from(answer)
        values = parse_attributes(answer, _NEIGHBOUR.size)
        if state & _NUD_NOARP and _NDA_LLADDR in values:
            found.add((values[_NDA_LLADDR].hex(":"), index))
    return found


def qdiscs(netlink: NetlinkSocket, place: str) -> dict[int, tuple[str, ...]]:
    """The names of the qdiscs of each interface index, in the kernel's order (``("noqueue",)`` for a bare veth)."""
    found: dict[int, list[str]] = {}
    for answer in netlink.dump(_RTM_GETQDISC, _QDISC.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0, 0), place):
        _, _, _, index, _, _, _ = _QDISC.unpack_from(answer)
        kind = parse_attributes(answer, _QDISC.size)[_TCA_KIND].rstrip(b"\0").decode()
        found.setdefault(index, []).append(kind)
    return {index: tuple(kinds) for index, kinds in found.items()}
