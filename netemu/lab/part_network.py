"""The network of a part of a plan: as :mod:`netemu.lab.network`, with half wires where links leave the guest.

::

    node's namespace        the wire's namespace
    h1-eth0 (veth) -------- a  <--tc redirect-->  vec0 (device of the machine) -------- relay

The interface of the node is the same veth as in a network of one piece, and a packet is the node's no longer as soon as
the device has handed it to the machine.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from netemu.errors import MissingCapability
from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace, require_root, set_namespace
from netemu.lab.netem_netlink import redirect_requests
from netemu.lab.netlink import NetlinkSocket
from netemu.lab.network import Network
from netemu.lab.offloads import active_offloads, offloads_off
from netemu.lab.part import Part, plan_of_part
from netemu.lab.sysctls import lab_sysctls, present, write_sysctls
from netemu.lab.verify import expect
from netemu.specs import LinkSpec, Plan
from netemu.topology.wiring import WIRE_INDEX, WIRE_MTU_BYTES, Port, Wiring, derive_wiring

FIRST_NAMESPACE = Path("/proc/2/ns/net")
"""That of the kernel's own threads: where devices of the machine appear, whoever has left it since."""

_STATISTICS = Path("/proc/thread-self/net/dev")
_LOSSES = {"rx_errs": 2, "rx_drop": 3, "rx_fifo": 4, "tx_errs": 10, "tx_drop": 11, "tx_fifo": 12}


@dataclass(frozen=True, slots=True)
class HalfWire:
    """This guest's half of a crossing link: ``end`` is the peer of its node's interface, ``device`` leads out."""

    link: LinkSpec
    end: Literal["a", "b"]
    device: str
    namespace: Namespace

    @property
    def place(self) -> str:
        """What a message calls it."""
        return f"wire {self.link.name}"

    def losses(self) -> dict[str, int]:
        """What the device has counted as lost or wrong, by the names of :file:`/proc/net/dev`."""
        with self.namespace.entered():
            lines = _STATISTICS.read_text().splitlines()
        fields = next(line.split() for line in lines if line.split()[0] == f"{self.device}:")
        return {name: int(fields[1 + index]) for name, index in _LOSSES.items()}


class PartNetwork(Network):
    """The nodes and links of a part, up and configured. ``half_wires``: its crossing links, in the plan's order."""

    def __init__(self, plan: Plan, wiring: Wiring, whole: Plan, part: Part) -> None:
        super().__init__(plan, wiring)
        self.whole = whole
        self.part = part
        self.half_wires: list[HalfWire] = []

    @classmethod
    def build_part(cls, whole: Plan, part: Part) -> PartNetwork:
        """Make the network of ``part`` of the plan ``whole``; raises as :meth:`Network.build`."""
        wiring = derive_wiring(whole)
        require_root("a lab")
        network = cls(plan_of_part(whole, part.nodes), wiring, whole, part)
        network._make()
        return network

    def own_port(self, half: HalfWire) -> Port:
        """The port of this part's node at a crossing link."""
        return self.wiring.port(half.link, half.end)

    def _make_wires(self) -> None:
        super()._make_wires()
        self._make_half_wires()

    def _make_half_wires(self) -> None:
        requests = []
        for link in self.whole.links:
            device = self.part.devices.get(link.name)
            if device is None:
                continue
            end: Literal["a", "b"] = "a" if link.a.node in self.part.nodes else "b"
            half = HalfWire(link, end, device, Namespace(f"wire {link.name}"))
            self.half_wires.append(half)
            with half.namespace.entered():
                write_sysctls(present(lab_sysctls("wire", ipv6=False), ipv6=False), half.place)
            requests.append(self._veth(self.own_port(half), half.namespace))
        if requests:
            with Namespace("where wires are made") as empty:
                empty.netlink.execute(requests)
            self._bring_devices()
        for half in self.half_wires:
            _join(half)

    def _bring_devices(self) -> None:
        with _first_namespace():
            netlink = NetlinkSocket()
        try:
            place = "devices of the machine"
            there = rtnetlink.links(netlink, place)
            for half in self.half_wires:
                if half.device not in there:
                    raise MissingCapability(
                        f"{half.place}: this kernel has no device {half.device}: it was built without"
                        " CONFIG_UML_NET_VECTOR; netemu kernels build VERSION makes one that has it"
                    )
            netlink.execute([rtnetlink.move(half.device, half.namespace.fd, half.place) for half in self.half_wires])
        finally:
            netlink.close()

    def close(self) -> None:
        """Take the network away; calling it again does nothing."""
        super().close()
        for half in self.half_wires:
            half.namespace.close()


@contextlib.contextmanager
def _first_namespace() -> Iterator[None]:
    """The calling thread is in the kernel's first network namespace within the ``with``."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    first = os.open(FIRST_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        set_namespace(first)
        yield
    finally:
        set_namespace(home)
        os.close(first)
        os.close(home)


def _join(half: HalfWire) -> None:
    """Both interfaces up without offloads, and what comes in at one goes out at the other."""
    interfaces = (half.end, half.device)
    for name in interfaces:
        offloads_off(half.namespace.ioctl_socket, name)
    index_of = {name: state.index for name, state in rtnetlink.links(half.namespace.netlink, half.place).items()}
    inner, outer = (index_of[name] for name in interfaces)
    half.namespace.netlink.execute(
        [
            *redirect_requests(inner, outer, f"{half.place}: redirection to {half.device}"),
            *redirect_requests(outer, inner, f"{half.place}: redirection from {half.device}"),
            *(rtnetlink.set_up(index_of[name], f"{half.place}: {name} up") for name in interfaces),
        ]
    )


def verify_half_wires(network: PartNetwork) -> dict[str, Any]:
    """Read back the half wires, as :func:`netemu.lab.verify.verify` does wires; by link.

    Raises
    ------
    VoidRun
        A setting is not as asked.
    """
    found = {}
    for half in network.half_wires:
        states = rtnetlink.links(half.namespace.netlink, half.place)
        qdiscs = rtnetlink.qdiscs(half.namespace.netlink, half.place)
        mtu_bytes = device_mtu_bytes(half.link)
        ends = {}
        for name, asked in ((half.end, WIRE_MTU_BYTES), (half.device, mtu_bytes)):
            place = f"{half.place}: {name}"
            state = states[name]
            offloads = active_offloads(half.namespace.ioctl_socket, name)
            expect(f"{place}: up", True, state.up)
            expect(f"{place}: MTU", asked, state.mtu_bytes)
            expect(f"{place}: offloads", (), offloads)
            ends[name if name in WIRE_INDEX else f"device of {half.end}"] = {
                "name": name,
                "mtu_bytes": state.mtu_bytes,
                "qdiscs": qdiscs.get(state.index, ()),
                "gso_max_segs": state.gso_max_segs,
            }
        found[half.link.name] = ends
        half.namespace.close_sockets()
    return found


LEAST_DEVICE_MTU_BYTES = 576
MOST_DEVICE_MTU_BYTES = 65534
"""What ``get_mtu`` (arch/um/drivers/vector_kern.c) takes; anything else becomes 1500 without a word."""


def device_mtu_bytes(link: LinkSpec) -> int:
    """The MTU of the devices that carry ``link``: its own, or the least that there is."""
    return max(LEAST_DEVICE_MTU_BYTES, link.a_to_b.mtu_bytes, link.b_to_a.mtu_bytes)
