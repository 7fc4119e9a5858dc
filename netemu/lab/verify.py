"""Read back from the kernel everything that was set, before any traffic: a lab that is not as asked has no result.

Nothing here remembers what was sent to the kernel; what is asked comes from the plan, what is there from the kernel.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from netemu.errors import VoidRun
from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace
from netemu.lab.network import Network, WireSite
from netemu.lab.offloads import active_offloads
from netemu.lab.sysctls import RECORDED_SYSCTLS, lab_sysctls, present, read_sysctls
from netemu.recording.account import factored
from netemu.specs import NodeSpec, Plan
from netemu.topology.wiring import BRIDGE_INDEX, WIRE_INDEX, WIRE_MTU_BYTES, Port

BARE_VETH_QDISCS = ("noqueue",)


def expect(place: str, asked: object, found: object) -> None:
    """:class:`VoidRun` that names the place, what was asked and what the kernel has, unless both are equal."""
    if asked != found:
        raise VoidRun(f"{place}: asked for {asked!r}, the kernel has {found!r}")


def expect_all(place: str, asked: Iterable[object], found: Iterable[object]) -> None:
    """:class:`VoidRun` that names the first of ``asked`` that is not ``found``."""
    there = set(found)
    for one in asked:
        if one not in there:
            raise VoidRun(f"{place}: asked for {one!r}, the kernel does not have it")


@dataclass(slots=True)
class _Reading:
    """What one namespace holds, by interface index or name."""

    links: Mapping[str, rtnetlink.LinkState]
    addresses: Mapping[int, tuple[str, ...]]
    qdiscs: Mapping[int, tuple[str, ...]]
    record: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, namespace: Namespace) -> _Reading:
        netlink, place = namespace.netlink, namespace.label
        return cls(
            rtnetlink.links(netlink, place), rtnetlink.addresses(netlink, place), rtnetlink.qdiscs(netlink, place)
        )


def verify(network: Network, plan: Plan) -> dict[str, Any]:
    """Compare every setting of every namespace with the plan; the read-back, for the manifest.

    Returns
    -------
    dict
        ``interfaces`` by node and name, ``routes``, ``neighbours`` and ``forwarding`` (how many hold), ``wires`` by
        link, and ``sysctls``: ``common`` (what all hosts and routers share, the machine's global ones included) and
        ``nodes`` (where one differs from that).

    Raises
    ------
    VoidRun
        A setting is not as asked: names node, interface and setting, what was asked and what the kernel has.
    """
    routes = neighbours = forwarding = 0
    interfaces: dict[str, Any] = {}
    sysctls: dict[str, Mapping[str, str]] = {}
    for node in plan.nodes:
        namespace = network.namespaces[node.name]
        reading = _Reading.of(namespace)
        for port in network.wiring.ports[node.name]:
            _verify_port(port, namespace, reading)
        interfaces[node.name] = reading.record
        if node.role == "switch":
            forwarding += _verify_forwarding(network, node.name)
        else:
            expect(f"{node.name}: lo up", True, reading.links["lo"].up)
            routes += _verify_routes(network, plan, node.name)
            neighbours += _verify_neighbours(network, node.name)
        sysctls[node.name] = _verify_sysctls(network, node)
    return {
        "interfaces": interfaces,
        "routes": routes,
        "neighbours": neighbours,
        "forwarding": forwarding,
        "wires": {site.link.name: _verify_wire(site) for site in network.wire_sites},
        "sysctls": factored(sysctls),
    }


def _verify_port(port: Port, namespace: Namespace, reading: _Reading) -> None:
    place = f"{port.node}: {port.interface}"
    state = reading.links.get(port.interface)
    if state is None:
        raise VoidRun(f"{place}: asked for an interface, the kernel has none of that name")
    offloads = active_offloads(namespace.ioctl_socket, port.interface)
    expect(f"{place}: up", True, state.up)
    expect(f"{place}: index", port.index, state.index)
    expect(f"{place}: MAC", port.mac, state.mac)
    expect(f"{place}: MTU", port.mtu_bytes, state.mtu_bytes)
    expect(f"{place}: bridge", BRIDGE_INDEX if port.in_switch else None, state.master_index)
    if not port.offloads:
        expect(f"{place}: offloads", (), offloads)
        expect(f"{place}: gso_max_segs", 1, state.gso_max_segs)
    asked = tuple(str(ipaddress.ip_interface(address)) for address in port.addresses)
    addresses = reading.addresses.get(port.index, ())
    expect(f"{place}: addresses", asked, addresses)
    qdiscs = reading.qdiscs.get(port.index, ())
    expect(f"{place}: qdiscs", BARE_VETH_QDISCS, qdiscs)
    reading.record[port.interface] = {
        "mtu_bytes": state.mtu_bytes,
        "mac": state.mac,
        "addresses": addresses,
        "offloads": offloads,
        "gso_max_segs": state.gso_max_segs,
        "qdiscs": qdiscs,
    }


def _verify_routes(network: Network, plan: Plan, node: str) -> int:
    index_of = {port.interface: port.index for port in network.wiring.ports[node]}
    asked = [
        rtnetlink.RouteState(str(ipaddress.ip_network(route.destination)), route.via, index_of[route.interface])
        for route in plan.routes
        if route.node == node
    ]
    expect_all(f"{node}: route", asked, rtnetlink.routes(network.namespaces[node].netlink, node))
    return len(asked)


def _verify_neighbours(network: Network, node: str) -> int:
    asked = [
        rtnetlink.NeighbourState(near.address, near.mac, near.port.index) for near in network.wiring.neighbours[node]
    ]
    expect_all(f"{node}: neighbour", asked, rtnetlink.neighbours(network.namespaces[node].netlink, node))
    return len(asked)


def _verify_forwarding(network: Network, node: str) -> int:
    asked = network.wiring.forwarding[node]
    expect_all(f"{node}: forwarding entry", asked, rtnetlink.forwarding(network.namespaces[node].netlink, node))
    return len(asked)


def _verify_sysctls(network: Network, node: NodeSpec) -> Mapping[str, str]:
    ipv6 = network.has_ipv6(node.name)
    asked = dict(present(lab_sysctls(node.role, ipv6=ipv6), ipv6=ipv6)) | node.sysctls
    names = list(asked) if node.role == "switch" else [*RECORDED_SYSCTLS, *asked]
    found = read_sysctls(network.namespaces[node.name], names)
    for name, value in asked.items():
        expect(f"{node.name}: sysctl {name}", " ".join(value.split()), found.get(name))
    return found


def _verify_wire(site: WireSite) -> dict[str, Any]:
    """A wire's ends must be up, take every frame of the link, and hold no offload; its qdiscs are its backend's."""
    reading = _Reading.of(site.namespace)
    ends = {}
    for end, index in WIRE_INDEX.items():
        place = f"wire {site.link.name}: {end}"
        state = reading.links[end]
        offloads = active_offloads(site.namespace.ioctl_socket, end)
        expect(f"{place}: up", True, state.up)
        expect(f"{place}: MTU", WIRE_MTU_BYTES, state.mtu_bytes)
        expect(f"{place}: offloads", (), offloads)
        ends[end] = {
            "mtu_bytes": state.mtu_bytes,
            "qdiscs": reading.qdiscs.get(index, ()),
            "gso_max_segs": state.gso_max_segs,
        }
    site.namespace.close_sockets()
    return ends
