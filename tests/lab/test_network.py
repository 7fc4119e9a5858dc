"""A plan's network is up as asked, silent, and gone afterwards."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace
from netemu.lab.network import Network
from netemu.specs import NodeSpec, Plan, RouteSpec
from tests.lab.plans import chain, pair, star

pytestmark = pytest.mark.lab


def bridged(network: Network) -> None:
    """Join the two ends of every wire by a bridge: the simplest thing that passes packets on."""
    for site in network.wire_sites:
        site.namespace.netlink.execute([rtnetlink.new_bridge("wire", 50, "0e:00:00:00:00:01", "wire")])
        for end in ("a", "b"):
            command = ["ip", "link", "set", "dev", end, "master", "wire"]
            assert site.namespace.popen(command).wait() == 0


def reaches(network: Network, source: str, sink: str, address: str) -> bool:
    """Whether a datagram from ``source`` to ``address`` of ``sink`` arrives, and its answer too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with network.namespaces[source].entered():
        sender = socket.socket(family, socket.SOCK_DGRAM)
    with network.namespaces[sink].entered():
        receiver = socket.socket(family, socket.SOCK_DGRAM)
    with sender, receiver:
        receiver.bind((address, 9000))
        for opened in (sender, receiver):
            opened.settimeout(1.0)
        try:
            sender.sendto(b"question", (address, 9000))
            question, whence = receiver.recvfrom(64)
            receiver.sendto(b"answer", whence)
            return (question, sender.recv(64)) == (b"question", b"answer")
        except TimeoutError:
            return False


@pytest.mark.parametrize("address", ["10.0.2.2", "fd00:2::2"])
def test_packets_go_along_the_plans_routes(address: str) -> None:
    with Network.build(chain()) as network:
        bridged(network)
        assert reaches(network, "h1", "h2", address)


def test_hosts_at_a_switch_reach_each_other_and_nothing_is_flooded() -> None:
    with Network.build(star(3)) as network:
        bridged(network)
        with network.namespaces["h3"].entered():
            bystander = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        bystander.bind(("h3-eth0", 3))
        bystander.setblocking(False)
        assert reaches(network, "h1", "h2", "10.0.0.3")
        assert reaches(network, "h2", "h1", "fd00::1")
        strays = [frame for frame in received(bystander) if frame[12:14] == b"\x08\x00" or frame[:2] != b"\x33\x33"]
        bystander.close()
        assert strays == []


def received(opened: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            yield opened.recv(2048)
        except BlockingIOError:
            return


def test_an_interface_is_silent_half_a_second_after_it_was_made() -> None:
    """Multicast listener reports are sent at once; nothing else speaks without being asked."""
    with Network.build(chain()) as network:
        time.sleep(0.5)
        with selectors.DefaultSelector() as selector:
            for site in network.wire_sites:
                with site.namespace.entered():
                    for end in ("a", "b"):
                        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                        opened.bind((end, 3))
                        selector.register(opened, selectors.EVENT_READ)
            heard = [key.fileobj.recv(2048).hex() for key, _ in selector.select(3.0)]  # type: ignore[union-attr]
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
        assert heard == []


def test_nothing_appears_in_the_namespace_that_builds() -> None:
    before = {path.name for path in Path("/sys/class/net").iterdir()}
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with Network.build(star(4)):
        assert {path.name for path in Path("/sys/class/net").iterdir()} == before
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


def test_two_networks_of_one_plan_do_not_meet() -> None:
    with Network.build(chain()) as one, Network.build(chain()) as other:
        assert one.namespaces["h1"].inode != other.namespaces["h1"].inode
        bridged(one)
        assert reaches(one, "h1", "h2", "10.0.2.2")
        assert not reaches(other, "h1", "h2", "10.0.2.2")


def test_a_wire_site_unpacks_to_link_and_namespace() -> None:
    with Network.build(pair()) as network:
        ((link, namespace),) = network.wire_sites
        assert link.name == "l1"
        assert isinstance(namespace, Namespace)
        assert set(rtnetlink.links(namespace.netlink, "wire")) >= {"a", "b"}


def with_node(plan: Plan, node: NodeSpec) -> Plan:
    nodes = tuple(node if old.name == node.name else old for old in plan.nodes)
    return msgspec.structs.replace(plan, nodes=nodes)


def test_the_plans_sysctls_hold_also_where_they_name_an_interface() -> None:
    asked = {"net.ipv4.tcp_congestion_control": "reno", "net.ipv4.conf.h1-eth0.accept_local": "1"}
    with Network.build(with_node(pair(), NodeSpec("h1", "host", sysctls=asked))) as network:
        for name, value in asked.items():
            assert network.namespaces["h1"].read_sysctl(name) == value


def test_a_refused_setting_leaves_no_network_behind() -> None:
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(BadInput, match=r"node h2: sysctl net\.ipv4\.tcp_sack='x'"):
        Network.build(with_node(pair(), NodeSpec("h2", "host", sysctls={"net.ipv4.tcp_sack": "x"})))
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208


def test_an_unreachable_gateway_is_named() -> None:
    plan = msgspec.structs.replace(pair(), routes=(RouteSpec("h1", "10.9.0.0/16", "192.0.2.1", "h1-eth0"),))
    with pytest.raises(MissingCapability, match=r"h1: route 10\.9\.0\.0/16 via 192\.0\.2\.1 dev h1-eth0: the kernel"):
        Network.build(plan)


def test_building_leaves_the_machines_sysctls_alone() -> None:
    paths = [Path("/proc/sys/net/core") / name for name in ("rmem_max", "wmem_max", "netdev_max_backlog")]
    before = [path.read_text() for path in paths]
    with Network.build(pair()):
        assert [path.read_text() for path in paths] == before
