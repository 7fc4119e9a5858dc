"""Scripts written for Mininet find its methods, and no shell runs until one is asked for."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from netemu.lab.network import Network
from tests.lab.plans import chain, star

pytestmark = pytest.mark.lab


@pytest.fixture
def network() -> Iterator[Network]:
    with Network.build(chain()) as made:
        yield made


def test_no_node_starts_a_shell_by_itself(network: Network) -> None:
    assert all(network.mininet.get(name).shell is None for name in ("h1", "r1", "h2"))
    assert repr(network.mininet.get("h1")) == "<LabHost h1: h1-eth0:10.0.1.2>"
    assert network.mininet.get("h1").shell is None


def test_cmd_runs_a_line_in_the_nodes_namespace(network: Network) -> None:
    host = network.mininet.get("h1")
    assert host.cmd("readlink /proc/self/ns/net").strip() == f"net:[{network.namespaces['h1'].inode}]"
    assert host.cmd("echo", "one", "two").strip() == "one two"


def test_pid_is_a_process_inside(network: Network) -> None:
    pid = network.mininet.get("r1").pid
    assert str(Path(f"/proc/{pid}/ns/net").readlink()) == f"net:[{network.namespaces['r1'].inode}]"


def test_popen_and_pexec_need_no_shell(network: Network) -> None:
    host = network.mininet.get("h2")
    assert host.popen("cat /proc/sys/net/ipv4/ip_forward").communicate()[0].strip() == b"0"
    assert host.popen(["echo", "a b"]).communicate()[0] == b"a b\n"
    out, err, code = host.pexec("sh", "-c", "echo x; exit 3")
    assert (out, err, code) == ("x\n", "", 3)
    assert host.shell is None


def test_addresses_are_known_without_asking_the_kernel(network: Network) -> None:
    router = network.mininet["r1"]
    assert router.IP() == "10.0.1.1"
    assert router.IP("r1-eth1") == "10.0.2.1"
    assert router.MAC("r1-eth1") == "02:00:00:00:00:03"
    assert [intf.name for intf in router.intfList()] == ["r1-eth0", "r1-eth1"]
    near = network.mininet.get("h1").connectionsTo(router)
    assert [(a.name, b.name) for a, b in near] == [("h1-eth0", "r1-eth0")]


def test_a_shell_ends_with_the_network() -> None:
    with Network.build(chain()) as network:
        shell = network.mininet.get("h1").cmd("true") or network.mininet.get("h1").shell
        assert isinstance(shell, subprocess.Popen)
        assert shell.poll() is None
    assert shell.poll() is not None


def test_a_switch_has_mininets_interface_too() -> None:
    with Network.build(star(3)) as network:
        switch = network.mininet.get("s1")
        assert switch in network.mininet.switches
        assert sorted(switch.ports.values()) == [1, 2, 3]
        assert switch.connected()
        network.mininet.stop()
        assert network.namespaces["h1"].fd == -1
