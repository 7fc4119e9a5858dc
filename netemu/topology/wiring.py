"""What a Plan means for each interface: index, neighbours, a switch's forwarding table. Pure decisions, no effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from netemu.errors import BadInput
from netemu.specs import LinkSpec, Plan

FIRST_INDEX = 2
BRIDGE_INDEX = 1000
BRIDGE_NAME = "br0"
WIRE_MTU_BYTES = 65535
WIRE_INDEX = {"a": 2, "b": 3}


@dataclass(frozen=True, slots=True)
class Port:
    """One end of a link at a node: what its interface is to be. ``index`` is its ifindex in the node's namespace."""

    node: str
    interface: str
    index: int
    link: str
    end: Literal["a", "b"]
    mac: str
    ipv4: str | None
    ipv6: str | None
    mtu_bytes: int
    offloads: bool
    in_switch: bool

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses with their prefixes, IPv4 before IPv6."""
        return tuple(address for address in (self.ipv4, self.ipv6) if address is not None)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """On ``port``, packets to ``address`` (no prefix) go to ``mac``."""

    port: Port
    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class Wiring:
    """A plan's interfaces: ``ports`` by node, ``neighbours`` by node, ``forwarding`` (mac, port index) by switch."""

    ports: Mapping[str, tuple[Port, ...]]
    neighbours: Mapping[str, tuple[Neighbour, ...]]
    forwarding: Mapping[str, tuple[tuple[str, int], ...]]

    def port(self, link: LinkSpec, end: Literal["a", "b"]) -> Port:
        """The port at one end of ``link``."""
        endpoint = link.a if end == "a" else link.b
        return next(port for port in self.ports[endpoint.node] if port.link == link.name)


def derive_wiring(plan: Plan) -> Wiring:
    """Derive the :class:`Wiring` of ``plan``.

    Raises
    ------
    BadInput
        A link's node is unknown, switches form a loop (without spanning tree a broadcast would never end), or one link
        has two MTUs and the plan does not accept the black hole by name.
    """
    switches = frozenset(node.name for node in plan.nodes if node.role == "switch")
    ports: dict[str, list[Port]] = {node.name: [] for node in plan.nodes}
    for link in plan.links:
        _refuse_two_mtus(link, plan)
        for end, endpoint, mtu in (("a", link.a, link.a_to_b.mtu_bytes), ("b", link.b, link.b_to_a.mtu_bytes)):
            if endpoint.node not in ports:
                raise BadInput(f"link {link.name}: node {endpoint.node!r} is not in the plan")
            ports[endpoint.node].append(
                Port(
                    node=endpoint.node,
                    interface=endpoint.interface,
                    index=FIRST_INDEX + len(ports[endpoint.node]),
                    link=link.name,
                    end="a" if end == "a" else "b",
                    mac=endpoint.mac.lower(),
                    ipv4=endpoint.ipv4,
                    ipv6=endpoint.ipv6,
                    mtu_bytes=mtu,
                    offloads=link.offloads,
                    in_switch=endpoint.node in switches,
                )
            )
    behind = _Reach(ports, switches)
    return Wiring(
        ports={node: tuple(found) for node, found in ports.items()},
        neighbours={
            node: tuple(entry for port in found for entry in _neighbours(port, behind))
            for node, found in ports.items()
            if node not in switches
        },
        forwarding={
            switch: tuple((far.mac, port.index) for port in ports[switch] for far in behind.reach(port))
            for switch in sorted(switches)
        },
    )


def _refuse_two_mtus(link: LinkSpec, plan: Plan) -> None:
    if link.a_to_b.mtu_bytes == link.b_to_a.mtu_bytes or f"mtu_black_hole:{link.name}" in plan.accept:
        return
    raise BadInput(
        f"link {link.name}: MTU {link.a_to_b.mtu_bytes} from a to b and {link.b_to_a.mtu_bytes} from b to a: an"
        " interface drops what is larger than its own MTU, so the larger direction is a black hole; give both one"
        f" MTU, or put 'mtu_black_hole:{link.name}' into the plan's accept"
    )


def _neighbours(port: Port, behind: _Reach) -> list[Neighbour]:
    found = []
    for far in behind.reach(port):
        for own, address in ((port.ipv4, far.ipv4), (port.ipv6, far.ipv6)):
            if own is not None and address is not None:
                found.append(Neighbour(port, address.partition("/")[0], far.mac))
    return found


class _Reach:
    """Which hosts' and routers' ports can be heard on a port, through any number of switches."""

    def __init__(self, ports: Mapping[str, Sequence[Port]], switches: frozenset[str]) -> None:
        self._ports = ports
        self._switches = switches
        self._peer: dict[tuple[str, str], Port] = {}
        ends: dict[str, list[Port]] = {}
        for found in ports.values():
            for port in found:
                ends.setdefault(port.link, []).append(port)
        for first, second in ends.values():
            self._peer[first.link, first.end] = second
            self._peer[second.link, second.end] = first
        self._known: dict[tuple[str, str], tuple[Port, ...]] = {}

    def reach(self, port: Port) -> tuple[Port, ...]:
        """The ports of hosts and routers on the far side of ``port``'s link, nearest switch first."""
        key = (port.link, port.end)
        if key not in self._known:
            self._known[key] = self._walk(port)
        return self._known[key]

    def _walk(self, port: Port) -> tuple[Port, ...]:
        found: list[Port] = []
        waiting = [self._peer[port.link, port.end]]
        seen = {port.node} if port.in_switch else set()
        for far in waiting:
            if far.node not in self._switches:
                found.append(far)
                continue
            if far.node in seen:
                raise BadInput(
                    f"link {far.link}: it closes a loop of switches at {far.node}, and a broadcast would go round for"
                    " ever; make the loop with routers, or remove a link"
                )
            seen.add(far.node)
            waiting += [self._peer[other.link, other.end] for other in self._ports[far.node] if other.link != far.link]
        return tuple(found)
