"""What is set by a request is what the matching dump reads back, from this kernel."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from netemu.lab import rtnetlink
from netemu.lab.namespace import Namespace
from netemu.lab.rtnetlink import NeighbourState, RouteState, VethEnd

pytestmark = pytest.mark.lab


@pytest.fixture
def two() -> Iterator[tuple[Namespace, Namespace]]:
    with Namespace("left") as left, Namespace("right") as right:
        end = VethEnd(left.fd, 5, "h1-eth0", "02:00:00:00:00:01", 1400, 1)
        left.netlink.execute([rtnetlink.new_veth(end, VethEnd(right.fd, 9, "a", "0a:00:00:00:00:01", 65535))])
        right.netlink.execute([rtnetlink.set_up(9, "a up")])
        yield left, right


def test_a_veth_pair_lies_in_its_two_namespaces(two: tuple[Namespace, Namespace]) -> None:
    left, right = two
    state = rtnetlink.links(left.netlink, "left")["h1-eth0"]
    assert (state.index, state.mac, state.mtu_bytes, state.gso_max_segs, state.up) == (
        5,
        "02:00:00:00:00:01",
        1400,
        1,
        True,
    )
    peer = rtnetlink.links(right.netlink, "right")["a"]
    assert (peer.index, peer.mtu_bytes, peer.up) == (9, 65535, True)
    assert rtnetlink.qdiscs(left.netlink, "left")[5] == ("noqueue",)


def test_addresses_routes_and_neighbours_are_read_back(two: tuple[Namespace, Namespace]) -> None:
    left, _ = two
    left.netlink.execute(
        [
            rtnetlink.new_address("10.0.0.1/24", 5, "v4"),
            rtnetlink.new_address("fd00::1/64", 5, "v6"),
            rtnetlink.new_route("10.9.0.0/16", "10.0.0.2", 5, "via"),
            rtnetlink.new_route("0.0.0.0/0", "10.0.0.3", 5, "default"),
            rtnetlink.new_route("10.8.0.0/16", None, 5, "on link"),
            rtnetlink.new_route("::/0", "fd00::2", 5, "default v6"),
            rtnetlink.new_neighbour("10.0.0.2", "02:00:00:00:00:02", 5, "n4"),
            rtnetlink.new_neighbour("fd00::2", "02:00:00:00:00:02", 5, "n6"),
        ]
    )
    assert rtnetlink.addresses(left.netlink, "l")[5][0] == "10.0.0.1/24"
    assert "fd00::1/64" in rtnetlink.addresses(left.netlink, "l")[5]
    routes = rtnetlink.routes(left.netlink, "l")
    for asked in (
        RouteState("10.9.0.0/16", "10.0.0.2", 5),
        RouteState("0.0.0.0/0", "10.0.0.3", 5),
        RouteState("10.8.0.0/16", None, 5),
        RouteState("::/0", "fd00::2", 5),
    ):
        assert asked in routes
    assert rtnetlink.neighbours(left.netlink, "l") >= {
        NeighbourState("10.0.0.2", "02:00:00:00:00:02", 5),
        NeighbourState("fd00::2", "02:00:00:00:00:02", 5),
    }


def test_a_bridge_has_static_forwarding_and_neither_stp_nor_snooping(two: tuple[Namespace, Namespace]) -> None:
    left, right = two
    left.netlink.execute([rtnetlink.new_bridge("br0", 100, "0e:00:00:00:00:01", "br0")])
    end = VethEnd(left.fd, 6, "s1-eth1", "02:00:00:00:00:07", 1500, 1, 100)
    left.netlink.execute(
        [
            rtnetlink.new_veth(end, VethEnd(right.fd, 10, "b", "0a:00:00:00:00:07", 1500)),
            rtnetlink.new_forwarding("02:00:00:00:00:99", 6, "behind port"),
        ]
    )
    assert rtnetlink.links(left.netlink, "l")["s1-eth1"].master_index == 100
    assert ("02:00:00:00:00:99", 6) in rtnetlink.forwarding(left.netlink, "l")
    shown = left.popen(["ip", "-d", "link", "show", "br0"], stdout=subprocess.PIPE, text=True).communicate()[0]
    assert "stp_state 0" in shown
    assert "mcast_snooping 0" in shown
    assert "forward_delay 0" in shown
