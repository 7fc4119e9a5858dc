"""Each setting that is not as asked is found, and named with what was asked and what the kernel has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netemu.errors import VoidRun
from netemu.lab.network import Network
from netemu.lab.verify import expect, expect_all, verify
from tests.lab.plans import chain, pair, star


@pytest.fixture
def network() -> Iterator[Network]:
    with Network.build(chain()) as made:
        yield made


def spoil(network: Network, node: str, *command: str) -> None:
    """Change a setting behind the lab's back."""
    assert network.namespaces[node].popen(command).wait() == 0


@pytest.mark.lab
def test_what_is_as_asked_is_returned_for_the_manifest(network: Network) -> None:
    read = verify(network, network.plan)
    assert read["interfaces"]["r1"]["r1-eth1"] == {
        "mtu_bytes": 1280,
        "mac": "02:00:00:00:00:03",
        "addresses": ("10.0.2.1/24", "fd00:2::1/64"),
        "offloads": (),
        "gso_max_segs": 1,
        "qdiscs": ("noqueue",),
    }
    assert (read["routes"], read["neighbours"]) == (4, 8)
    assert read["wires"]["l1"]["a"]["mtu_bytes"] == 65535
    assert read["sysctls"]["common"]["net.core.rmem_max"].isdigit()
    assert read["sysctls"]["nodes"]["r1"]["net.ipv4.ip_forward"] == "1"


@pytest.mark.lab
def test_a_switch_is_read_back_too() -> None:
    with Network.build(star(3)) as network:
        read = verify(network, network.plan)
        assert read["forwarding"] == 3
        assert set(read["interfaces"]["s1"]) == {"s1-eth1", "s1-eth2", "s1-eth3"}
        spoil(network, "s1", "bridge", "fdb", "del", "02:00:00:00:00:02", "dev", "s1-eth2", "master")
        with pytest.raises(VoidRun, match=r"s1: forwarding entry: asked for \('02:00:00:00:00:02', 3\)"):
            verify(network, network.plan)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("ip link set r1-eth1 mtu 1400", r"r1: r1-eth1: MTU: asked for 1280, the kernel has 1400"),
        ("ip link set r1-eth1 down", r"r1: r1-eth1: up: asked for True, the kernel has False"),
        ("ip link set r1-eth1 gso_max_segs 9", r"r1: r1-eth1: gso_max_segs: asked for 1, the kernel has 9"),
        ("ethtool -K r1-eth0 gso on sg on", r"r1: r1-eth0: offloads: asked for \(\), the kernel has .*tx-generic-segm"),
        ("ip addr add 10.7.7.7/32 dev r1-eth0", r"r1: r1-eth0: addresses: asked for .*10\.7\.7\.7/32"),
        ("ip neigh del 10.0.1.2 dev r1-eth0", r"r1: neighbour: asked for .*10\.0\.1\.2"),
        ("ip link set lo down", r"r1: lo up: asked for True"),
        ("tc qdisc add dev r1-eth0 root pfifo", r"r1: r1-eth0: qdiscs: asked for \('noqueue',\), .*'pfifo'"),
        ("sysctl -q -w net.ipv4.ip_forward=0", r"r1: sysctl net\.ipv4\.ip_forward: asked for '1', the kernel has '0'"),
        ("ip link set r1-eth0 address 02:00:00:00:00:77", r"r1: r1-eth0: MAC: asked for '02:00:00:00:00:02'"),
    ],
)
def test_a_setting_changed_behind_the_labs_back_is_named(network: Network, command: str, message: str) -> None:
    spoil(network, "r1", *command.split())
    with pytest.raises(VoidRun, match=message):
        verify(network, network.plan)


@pytest.mark.lab
def test_a_missing_route_is_named(network: Network) -> None:
    spoil(network, "h1", "ip", "route", "del", "10.0.2.0/24")
    with pytest.raises(VoidRun, match=r"h1: route: asked for .*10\.0\.2\.0/24.*10\.0\.1\.1"):
        verify(network, network.plan)


@pytest.mark.lab
def test_a_wires_end_that_is_down_is_named() -> None:
    with Network.build(pair()) as network:
        assert network.wire_sites[0].namespace.popen(["ip", "link", "set", "dev", "b", "down"]).wait() == 0
        with pytest.raises(VoidRun, match=r"wire l1: b: up: asked for True"):
            verify(network, network.plan)


def test_equal_values_pass_and_others_raise() -> None:
    expect("h1: MTU", 1500, 1500)
    expect_all("h1: route", ["a"], ["b", "a"])
    with pytest.raises(VoidRun, match="h1: route: asked for 'c', the kernel does not have it"):
        expect_all("h1: route", ["a", "c"], ["b", "a"])
