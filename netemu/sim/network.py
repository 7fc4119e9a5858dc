"""A plan's hosts, routers, switches and wires, made and joined; pure but for the captures' files."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from netemu.link import LinkModel, LinkParameters
from netemu.link.draws import derive_seed
from netemu.link.model import SAME_TIME_NS
from netemu.recording.layout import Recording
from netemu.sim.captures import Capture
from netemu.sim.host import Host
from netemu.sim.journal import Journal
from netemu.sim.netem import NetemModel
from netemu.sim.port import Port
from netemu.sim.switch import Switch
from netemu.sim.wire import Lane
from netemu.stack.host import Interface, host_maker
from netemu.topology.carriers import carried_by_kernel
from netemu.topology.wiring import Wiring, derive_wiring

if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.packet.ip import Packet
    from netemu.sim.engine import Engine
    from netemu.sim.wire import Frame
    from netemu.specs import LinkDirection, LinkSpec, NodeSpec, Plan
    from netemu.stack.profile import Profile
    from netemu.topology.wiring import Port as PortPlan


class Network:
    """``hosts``: by name, routers too; ``wiring``: their interfaces.

    ``journals`` and ``lanes``: by link. ``captures``: in the plan's order.
    """

    def __init__(self, plan: Plan, profile: Profile, engine: Engine, t0_ns: int) -> None:
        self.plan, self._engine, self._t0_ns = plan, engine, t0_ns
        self.wiring: Wiring = derive_wiring(plan)
        self._ports: dict[str, Port] = {}
        self.hosts: dict[str, Host] = {}
        self.lanes: dict[str, dict[str, Lane]] = {}
        self.journals: dict[str, Journal] = {}
        self.captures: list[Capture] = []
        for node in plan.nodes:
            self._make_ports(node)
        for node in plan.nodes:
            if node.role == "switch":
                self._make_switch(node.name)
            else:
                self._make_host(node, profile)
        for link in plan.links:
            self._make_wire(link)

    def capture(self, recording: Recording, digest: str) -> None:
        """Open the plan's captures."""
        comment = f"plan {digest} seed {self.plan.seed}"
        for spec in self.plan.captures:
            path = recording.captures / f"{spec.interface}.pcapng"
            capture = Capture(spec, path, comment, self._t0_ns)
            self._ports[spec.interface].capture = capture
            self.captures.append(capture)

    def finish_wires(self, directory: Path) -> dict[str, dict[str, Any]]:
        """Write the wires' accounts; what a lab's wires give at their end."""
        found: dict[str, dict[str, Any]] = {}
        for link, journal in self.journals.items():
            totals = journal.finish(directory / f"{link}.jsonl", self._t0_ns, self._engine.now_ns)
            directions = {
                name: {**total.summary(), "unmet_drops": self.lanes[link][name].model.unmet_drops()}
                for name, total in totals.items()
            }
            found[link] = {"backend": "model", "directions": directions}
        return found

    def _make_ports(self, node: NodeSpec) -> None:
        macs = {near.address: near.mac for near in self.wiring.neighbours.get(node.name, ())}
        hops = _next_hops(self.plan, node.name, self.wiring.ports[node.name])
        for port in self.wiring.ports[node.name]:

            def hop(packet: Packet, interface: str = port.interface) -> str | None:
                return macs.get(hops(packet.destination, interface))

            self._ports[port.interface] = Port(self._engine, port.mac, port.mtu_bytes, hop)

    def _make_host(self, node: NodeSpec, profile: Profile) -> None:
        planned = self.wiring.ports[node.name]
        interfaces = [Interface(port.interface, port.mtu_bytes, port.addresses) for port in planned]
        stack = host_maker(profile)(
            node.name,
            profile,
            interfaces=interfaces,
            routes=self.plan.routes,
            sysctls=node.sysctls,
            router=node.role == "router",
            seed=derive_seed(self.plan.seed, node.name),
            # One relay on the way, and what arrives behind it is the relay's; a lab chooses by the same rule.
            carried_by_kernel=all(map(carried_by_kernel, self.plan.links)),
        )
        host = self.hosts[node.name] = Host(node.name, stack, self._engine)
        for port in planned:
            here = self._ports[port.interface]
            host.sends[port.interface] = here.transmit
            here.receive = _receiver(host, port.interface)
        host.sends["lo"] = _loopback(host, self._engine)

    def _make_switch(self, name: str) -> None:
        by_index = {port.index: self._ports[port.interface] for port in self.wiring.ports[name]}
        behind = {bytes.fromhex(mac.replace(":", "")): by_index[index] for mac, index in self.wiring.forwarding[name]}
        switch = Switch(behind)
        for port in by_index.values():
            port.receive = switch.receiver(port)

    def _make_wire(self, link: LinkSpec) -> None:
        journal = self.journals[link.name] = Journal(link.name)
        near, far = self._ports[link.a.interface], self._ports[link.b.interface]
        lanes = self.lanes[link.name] = {}
        for direction, spec, source, target in (
            ("a_to_b", link.a_to_b, near, far),
            ("b_to_a", link.b_to_a, far, near),
        ):
            model = wire_model(self.plan, link, direction, spec)
            model.start(self._t0_ns)
            lanes[direction] = source.lane = Lane(self._engine, direction, model, journal, target.arrive)


def wire_model(plan: Plan, link: LinkSpec, direction: str, spec: LinkDirection) -> LinkModel:
    """One direction of a link of ``plan`` that no packet has passed: netem's where a lab would take netem."""
    parameters = LinkParameters.from_mapping(msgspec.to_builtins(spec), f"link {link.name}.{direction}")
    seed = derive_seed(plan.seed, link.name, direction)
    if carried_by_kernel(link):
        return NetemModel(parameters, seed)
    return LinkModel(parameters, seed, SAME_TIME_NS)


def _receiver(host: Host, interface: str) -> Callable[[Frame], None]:
    def receive(frame: Frame) -> None:
        host.receive(interface, frame[1])

    return receive


def _loopback(host: Host, engine: Engine) -> Callable[[Packet], None]:
    """A packet to the host itself comes back at the same instant, when what sent it has been handled."""
    from netemu.sim.engine import INTERRUPT

    def again(packet: Packet) -> None:
        engine.at(engine.now_ns, INTERRUPT, lambda one: host.receive("lo", one), packet)

    return again


def _next_hops(plan: Plan, node: str, ports: tuple[PortPlan, ...]) -> Callable[[str, str], str]:
    """(destination, interface) -> the address whose station takes the packet: a gateway's, or its own on the link."""
    on_link = {port.interface: [ip_interface(text).network for text in port.addresses] for port in ports}
    routes = [(ip_network(route.destination), route) for route in plan.routes if route.node == node]
    routes.sort(key=lambda one: -one[0].prefixlen)

    def hop(destination: str, interface: str) -> str:
        address = ip_address(destination)
        if any(address in network for network in on_link[interface] if network.version == address.version):
            return destination
        for network, route in routes:
            if route.interface == interface and network.version == address.version and address in network:
                return route.via or destination
        return destination

    return hop
