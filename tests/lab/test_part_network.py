"""A part's network on this kernel, with a veth in the place of the device that leads out of a guest."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Iterator

import pytest

from netemu.errors import MissingCapability, VoidRun
from netemu.lab import part_network, rtnetlink
from netemu.lab.namespace import Namespace
from netemu.lab.part import Part
from netemu.lab.part_network import PartNetwork, device_mtu_bytes, verify_half_wires
from netemu.lab.probe_port import ProbePort, frame
from netemu.lab.rtnetlink import VethEnd
from netemu.lab.verify import verify
from netemu.specs import LinkDirection
from tests.lab.plans import chain, pair

OUTSIDE = "outside"


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Namespace]:
    """The namespace where the machine's devices appear: ``vec0``, whose other end ``outside`` is the relay's."""
    with Namespace("machine") as machine, Namespace("relay") as relay:
        ends = (
            VethEnd(machine.fd, 7, "vec0", "02:00:00:00:07:01", 1500),
            VethEnd(relay.fd, 8, OUTSIDE, "02:00:00:00:07:02", 1500),
        )
        machine.netlink.execute([rtnetlink.new_veth(*ends)])
        relay.netlink.execute([rtnetlink.set_up(8, OUTSIDE)])
        _down(machine, "vec0")
        monkeypatch.setattr(part_network, "FIRST_NAMESPACE", machine.path)
        # Not every kernel that runs tests has the matchall classifier; guests have.
        monkeypatch.setattr(part_network, "redirect_requests", lambda ingress, egress, place: [])
        yield relay


def _down(namespace: Namespace, interface: str) -> None:
    """A device of a guest is down when it is found."""
    request = struct.pack("16sh14x", interface.encode(), 0)
    fcntl.ioctl(namespace.ioctl_socket, 0x8914, request)


def bridged(network: PartNetwork) -> None:
    """Join what the redirections would have joined."""
    for half in network.half_wires:
        half.namespace.netlink.execute([rtnetlink.new_bridge("wire", 50, "0e:00:00:00:00:01", "wire")])
        for end in (half.end, half.device):
            assert half.namespace.popen(["ip", "link", "set", "dev", end, "master", "wire"]).wait() == 0


@pytest.mark.lab
def test_half_a_wire_leads_out_of_the_part(outside: Namespace) -> None:
    plan = pair()
    with PartNetwork.build_part(plan, Part(("h1",), {"l1": "vec0"})) as network:
        assert list(network.namespaces) == ["h1"]
        assert network.wire_sites == []
        bridged(network)
        (half,) = network.half_wires
        assert (half.end, half.device) == ("a", "vec0")
        found = verify_half_wires(network)["l1"]
        assert found["device of a"]["mtu_bytes"] == 1500
        settings = verify(network, network.plan)
        assert settings["interfaces"]["h1"]["h1-eth0"]["mtu_bytes"] == 1500
        assert settings["neighbours"] == 2
        port, far = network.own_port(half), network.wiring.port(plan.links[0], "b")
        probe = ProbePort(port, network.namespaces["h1"])
        with outside.entered():
            relay = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5))
        relay.bind((OUTSIDE, 0x88B5))
        relay.settimeout(2.0)
        there, back = frame((port, far), 1500, 3, 1, 5), frame((far, port), 60, 4, 1, 6)
        probe.send(there)
        assert relay.recv(2000) == there
        relay.send(back)
        relay.settimeout(0.2)
        with pytest.raises(TimeoutError):
            relay.recv(2000)
        (arrival,) = probe.arrivals()
        assert (arrival.target, arrival.number, arrival.ip_bytes) == (4, 6, 60)
        assert set(half.losses().values()) == {0}
        probe.close()
        relay.close()


@pytest.mark.lab
def test_a_part_keeps_the_links_that_lie_in_it(outside: Namespace) -> None:
    with PartNetwork.build_part(chain(), Part(("h1", "r1"), {"l2": "vec0"})) as network:
        assert [site.link.name for site in network.wire_sites] == ["l1"]
        assert [half.link.name for half in network.half_wires] == ["l2"]
        assert [port.interface for port in network.wiring.ports["r1"]] == ["r1-eth0", "r1-eth1"]
        settings = verify(network, network.plan)
        assert set(settings["interfaces"]) == {"h1", "r1"}


@pytest.mark.lab
def test_a_device_that_is_not_there_is_named(outside: Namespace) -> None:
    with pytest.raises(MissingCapability, match="has no device vec1"):
        PartNetwork.build_part(pair(), Part(("h1",), {"l1": "vec1"}))


@pytest.mark.lab
def test_a_device_with_another_mtu_is_a_mismatch(outside: Namespace) -> None:
    plan = pair(LinkDirection(mtu_bytes=9000))
    with (
        PartNetwork.build_part(plan, Part(("h1",), {"l1": "vec0"})) as network,
        pytest.raises(VoidRun, match="vec0: MTU: asked for 9000, the kernel has 1500"),
    ):
        verify_half_wires(network)


def test_devices_have_an_mtu_that_drivers_take() -> None:
    def link(mtu_bytes: int, back_bytes: int) -> int:
        (one,) = pair(LinkDirection(mtu_bytes=mtu_bytes), LinkDirection(mtu_bytes=back_bytes)).links
        return device_mtu_bytes(one)

    assert link(68, 68) == 576
    assert link(1280, 1500) == 1500
    assert link(9000, 1500) == 9000
