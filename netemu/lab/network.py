"""A Plan's network: namespaces, wires, addresses, routes, neighbours, in a few netlink batches.

Everything hangs on file descriptors of this process: when it ends in whatever way, the kernel takes the network away.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace, require_root
from netemu.lab.netlink import Request
from netemu.lab.offloads import offloads_off
from netemu.lab.sysctls import lab_sysctls, present, split_by_interface, write_sysctls
from netemu.specs import LinkSpec, NodeSpec, Plan
from netemu.topology.wiring import (
    BRIDGE_INDEX,
    BRIDGE_NAME,
    WIRE_INDEX,
    WIRE_MTU_BYTES,
    Port,
    Wiring,
    derive_wiring,
)


@dataclass(frozen=True, slots=True)
class WireSite:
    """Where a wire is to be: the namespace with its two veth ends ``a`` and ``b``, peers of the link's interfaces."""

    link: LinkSpec
    namespace: Namespace

    def __iter__(self) -> Iterator[Any]:
        """Unpacks as ``link, namespace``."""
        return iter((self.link, self.namespace))


class Network:
    """The nodes and links of a plan, up and configured; the wires still pass nothing on.

    Attributes
    ----------
    plan, wiring
        What was asked for, and what it means for each interface.
    namespaces
        The namespace of each host, router and switch, by name.
    wire_sites
        One :class:`WireSite` per link, in the plan's order.
    mininet
        The Mininet object, for whoever scripts one: ``network.mininet.get("h1").cmd("ip addr")``. It is made when
        somebody asks for it, since loading Mininet takes longer than the rest of the network, in a guest above all.
    """

    def __init__(self, plan: Plan, wiring: Wiring) -> None:
        self.plan = plan
        self.wiring = wiring
        self.namespaces: dict[str, Namespace] = {}
        self.wire_sites: list[WireSite] = []
        self._mininet: Any = None

    @property
    def mininet(self) -> Any:
        """See the class."""
        if self._mininet is None:
            from netemu.lab.nodes import mininet_of

            self._mininet = mininet_of(self.plan, self.wiring, self.namespaces)
        return self._mininet

    @classmethod
    def build(cls, plan: Plan) -> Network:
        """Make the network of ``plan``.

        Raises
        ------
        BadInput
            The plan cannot be wired (see :func:`~netemu.topology.wiring.derive_wiring`) or a sysctl's value is refused.
        MissingCapability
            Not root, or the kernel lacks something; the text names node and setting.
        """
        wiring = derive_wiring(plan)
        require_root("a lab")
        _raise_descriptor_limit()
        network = cls(plan, wiring)
        network._make()
        return network

    def _make(self) -> None:
        """Everything the plan asks for, or nothing."""
        try:
            for node in self.plan.nodes:
                self._make_node(node)
            self._make_bridges()
            self._make_wires()
            for node in self.plan.nodes:
                self._configure_node(node)
        except BaseException:
            self.close()
            raise

    def node_spec(self, name: str) -> NodeSpec:
        """The plan's node of that name."""
        return next(node for node in self.plan.nodes if node.name == name)

    def has_ipv6(self, node: str) -> bool:
        """Whether the plan gives ``node`` an IPv6 address."""
        return any(port.ipv6 is not None for port in self.wiring.ports[node])

    def _make_node(self, node: NodeSpec) -> None:
        namespace = Namespace(node.name)
        self.namespaces[node.name] = namespace
        ipv6 = self.has_ipv6(node.name)
        anytime, _ = split_by_interface(node, [port.interface for port in self.wiring.ports[node.name]])
        with namespace.entered():
            write_sysctls(present(lab_sysctls(node.role, ipv6=ipv6), ipv6=ipv6), node.name)
            write_sysctls(list(anytime.items()), node.name)

    def _make_bridges(self) -> None:
        for number, node in enumerate(node for node in self.plan.nodes if node.role == "switch"):
            mac = f"0e:00:00:00:{number >> 8 & 255:02x}:{number & 255:02x}"
            request = rtnetlink.new_bridge(BRIDGE_NAME, BRIDGE_INDEX, mac, f"{node.name}: bridge {BRIDGE_NAME}")
            self.namespaces[node.name].netlink.execute([request])

    def _make_wires(self) -> None:
        requests: list[Request] = []
        for link in self.plan.links:
            namespace = Namespace(f"wire {link.name}")
            self.wire_sites.append(WireSite(link, namespace))
            with namespace.entered():
                write_sysctls(present(lab_sysctls("wire", ipv6=False), ipv6=False), f"wire {link.name}")
            port_a, port_b = self.wiring.port(link, "a"), self.wiring.port(link, "b")
            requests += [self._veth(port_a, namespace), self._veth(port_b, namespace)]
        if self.wire_sites:
            # Both ends of every pair say where they go. The socket is that of a namespace with no interface of such an
            # index or name, for kernel 6.1 looks for a clash where the request comes from ("File exists").
            with Namespace("where wires are made") as empty:
                empty.netlink.execute(requests)
        for site in self.wire_sites:
            for end in WIRE_INDEX:
                offloads_off(site.namespace.ioctl_socket, end)
            site.namespace.netlink.execute(
                [rtnetlink.set_up(index, f"wire {site.link.name}: {end} up") for end, index in WIRE_INDEX.items()]
            )
            site.namespace.close_sockets()

    def _veth(self, port: Port, wire: Namespace) -> Request:
        gso_max_segs = None if port.offloads else 1
        end = rtnetlink.VethEnd(
            self.namespaces[port.node].fd,
            port.index,
            port.interface,
            port.mac,
            port.mtu_bytes,
            gso_max_segs,
            BRIDGE_INDEX if port.in_switch else None,
        )
        # Not the interface's own address: a bridge would take a frame from itself for its own.
        peer_mac = f"0a:{port.mac[3:]}"
        return rtnetlink.new_veth(
            end,
            rtnetlink.VethEnd(wire.fd, WIRE_INDEX[port.end], port.end, peer_mac, WIRE_MTU_BYTES, gso_max_segs),
        )

    def _configure_node(self, node: NodeSpec) -> None:
        namespace = self.namespaces[node.name]
        ports = self.wiring.ports[node.name]
        for port in ports:
            if not port.offloads:
                offloads_off(namespace.ioctl_socket, port.interface)
        if node.role == "switch":
            namespace.netlink.execute(
                [
                    rtnetlink.new_forwarding(mac, index, f"{node.name}: {mac} behind port {index}")
                    for mac, index in self.wiring.forwarding[node.name]
                ]
            )
        else:
            namespace.netlink.execute(self._host_requests(node))
        _, named = split_by_interface(node, [port.interface for port in ports])
        if named:
            with namespace.entered():
                write_sysctls(list(named.items()), node.name)

    def _host_requests(self, node: NodeSpec) -> list[Request]:
        name = node.name
        requests = [rtnetlink.set_up(rtnetlink.LOOPBACK_INDEX, f"{name}: lo up")]
        index_of = {port.interface: port.index for port in self.wiring.ports[name]}
        for port in self.wiring.ports[name]:
            for address in port.addresses:
                place = f"{name}: {port.interface}: address {address}"
                requests.append(rtnetlink.new_address(address, port.index, place))
        for near in self.wiring.neighbours[name]:
            place = f"{name}: {near.port.interface}: neighbour {near.address}"
            requests.append(rtnetlink.new_neighbour(near.address, near.mac, near.port.index, place))
        for route in self.plan.routes:
            if route.node == name:
                via = "on link" if route.via is None else f"via {route.via}"
                place = f"{name}: route {route.destination} {via} dev {route.interface}"
                requests.append(rtnetlink.new_route(route.destination, route.via, index_of[route.interface], place))
        return requests

    def close(self) -> None:
        """Take the network away; calling it again does nothing."""
        if self._mininet is not None:
            for node in self._mininet.values():
                node.terminate()
        for namespace in self.namespaces.values():
            namespace.close()
        for site in self.wire_sites:
            site.namespace.close()

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _raise_descriptor_limit() -> None:
    """A namespace and its sockets take three descriptors; the customary soft limit of 1024 is short for 200 hosts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
