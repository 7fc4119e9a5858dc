"""A wire between two hosts, and UDP across it with the times of both ends: for the wires' tests and benchmark.

The sockets live in the hosts' namespaces, the code in this process. A datagram carries its number and the monotonic
time just before it was sent; its arrival is the kernel's stamp.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netemu.lab.network import Network
from netemu.lab.wire import RunningWires, start_wires
from netemu.specs import LinkDirection, LinkSpec, NodeSpec, Plan, RouteSpec
from tests.lab.plans import endpoint, plan_of

SO_TIMESTAMPNS = 35
SO_MEMINFO = 55
_STAMP = struct.Struct("=QQ")
_TIMESPEC = struct.Struct("=qq")
UDP_HEADERS_BYTES = 28


@dataclass
class Arrivals:
    """What came: number of each datagram, when it was sent, when it arrived (both monotonic ns)."""

    numbers: list[int] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    came_ns: list[int] = field(default_factory=list)

    @property
    def delays_ns(self) -> list[int]:
        return [came - sent for came, sent in zip(self.came_ns, self.sent_ns, strict=True)]


@dataclass
class Rig:
    """Running wires of a plan between hosts; ``directory`` holds the accounts."""

    network: Network
    wires: RunningWires
    directory: Path
    t0_ns: int = 0
    summary: dict[str, Any] = field(default_factory=dict)

    def udp(self, host: str, address: str, port: int = 9000) -> socket.socket:
        """A UDP socket on ``host``, bound to ``address``, that stamps what arrives; 32 MiB of buffers."""
        with self.network.namespaces[host].entered():
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)  # SO_RCVBUFFORCE
        made.setsockopt(socket.SOL_SOCKET, 32, 32 << 20)  # SO_SNDBUFFORCE
        made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        made.bind((address, port))
        return made

    def stop(self) -> dict[str, Any]:
        """End the wires; their summary."""
        self.summary = self.wires.stop()
        return self.summary


@contextlib.contextmanager
def rig(plan: Plan, directory: Path, *, go: bool = True) -> Iterator[Rig]:
    """The network of ``plan`` with its wires running, traffic started at once if ```go```."""
    with Network.build(plan) as network:
        wires = start_wires(network.wire_sites, directory, plan.seed)
        made = Rig(network, wires, directory)
        try:
            if go:
                start_traffic(made)
            yield made
        finally:
            wires.kill()


def start_traffic(made: Rig) -> None:
    """Say go for 50 ms from now as the lab does, and wait until then."""
    made.t0_ns = time.monotonic_ns() + 50_000_000
    made.wires.go(made.t0_ns)
    time.sleep(max(0.0, (made.t0_ns - time.monotonic_ns()) / 1e9))


def send_paced(sender: socket.socket, to: tuple[str, int], count: int, ip_bytes: int, interval_ns: int) -> None:
    """``count`` datagrams of ``ip_bytes`` (IPv4) each, one each ``interval_ns``; 0: as fast as the host can."""
    padding = bytes(ip_bytes - UDP_HEADERS_BYTES - _STAMP.size)
    begin_ns = time.monotonic_ns()
    for number in range(count):
        left_ns = begin_ns + number * interval_ns - time.monotonic_ns()
        if left_ns > 0:
            time.sleep(left_ns / 1e9)
        sender.sendto(_STAMP.pack(number, time.monotonic_ns()) + padding, to)


def collect(receiver: socket.socket, wait_s: float) -> Arrivals:
    """Everything that arrives until nothing has for ``wait_s``."""
    arrivals = Arrivals()
    receiver.settimeout(wait_s)
    offset_ns = time.monotonic_ns() - time.time_ns()
    while True:
        try:
            data, control, _, _ = receiver.recvmsg(65536, 64)
        except TimeoutError:
            return arrivals
        number, sent_ns = _STAMP.unpack_from(data)
        seconds, nanoseconds = _TIMESPEC.unpack_from(control[0][2])
        arrivals.numbers.append(number)
        arrivals.sent_ns.append(sent_ns)
        arrivals.came_ns.append(seconds * 10**9 + nanoseconds + offset_ns)


def memory_in_transmit(sock: socket.socket) -> int:
    """skmem t: memory of packets handed to the device and not yet freed (SO_MEMINFO, SK_MEMINFO_WMEM_ALLOC)."""
    return int(struct.unpack("=9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))[2])


def chain_plan(wires: int, what: LinkDirection) -> Plan:
    """h1 - r1 - ... - h2 over ``wires`` equal links; h1 is 10.0.1.1, h2 is 10.0.<wires>.2."""
    names = ["h1", *(f"r{number}" for number in range(1, wires)), "h2"]
    links, routes = [], []
    for number in range(1, wires + 1):
        left, right = names[number - 1], names[number]
        near = endpoint(left, 0 if left == "h1" else 1, 2 * number, f"10.0.{number}.1/24", None)
        far = endpoint(right, 0, 2 * number + 1, f"10.0.{number}.2/24", None)
        links.append(LinkSpec(f"l{number}", near, far, what, what))
        for other in range(1, wires + 1):
            if other > number:
                routes.append(RouteSpec(left, f"10.0.{other}.0/24", f"10.0.{number}.2", near.interface))
            elif other < number:
                routes.append(RouteSpec(right, f"10.0.{other}.0/24", f"10.0.{number}.1", far.interface))
    nodes = tuple(NodeSpec(name, "host" if name.startswith("h") else "router") for name in names)
    # A node between two others got routes from both its links; only those beyond the neighbour on that link are right.
    wanted = {(route.node, route.destination): route for route in routes}
    return plan_of(nodes, tuple(links), tuple(wanted.values()))
