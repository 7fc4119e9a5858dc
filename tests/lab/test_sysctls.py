"""Sysctls are written in the namespace, and a refusal names node, sysctl and reason."""

from __future__ import annotations

import pytest

from netemu.errors import BadInput, MissingCapability
from netemu.lab import sysctls
from netemu.lab.namespace import Namespace
from netemu.lab.sysctls import GLOBAL_SYSCTLS, lab_sysctls, present, read_sysctls, split_by_interface, write_sysctls
from netemu.specs import NodeSpec


def test_switches_and_wires_have_no_ipv6_and_routers_forward() -> None:
    assert ("net.ipv6.conf.default.disable_ipv6", "1") in lab_sysctls("wire", ipv6=False)
    assert ("net.ipv6.conf.default.disable_ipv6", "1") in lab_sysctls("switch", ipv6=False)
    assert ("net.ipv4.ip_forward", "1") in lab_sysctls("router", ipv6=True)
    assert ("net.ipv6.conf.all.forwarding", "1") in lab_sysctls("router", ipv6=True)
    assert ("net.ipv4.ip_forward", "1") not in lab_sysctls("host", ipv6=True)


@pytest.mark.parametrize("role", ["host", "router", "switch", "wire"])
def test_no_bridge_of_the_lab_hands_packets_to_netfilter(role: str) -> None:
    assert ("net.bridge.bridge-nf-call-iptables", "0") in lab_sysctls(role, ipv6=False)


def test_a_part_that_the_kernel_lacks_needs_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysctls, "_IPV6", sysctls._IPV6 / "nosuch")
    monkeypatch.setattr(sysctls, "_BRIDGE", sysctls._BRIDGE / "nosuch")
    left = present(lab_sysctls("host", ipv6=False), ipv6=False)
    assert left == [("net.ipv4.conf.all.rp_filter", "0"), ("net.ipv4.conf.default.rp_filter", "0")]
    with pytest.raises(MissingCapability, match="no IPv6"):
        present((), ipv6=True)


def test_sysctls_that_name_an_interface_come_after_it() -> None:
    node = NodeSpec("h1", "host", sysctls={"net.ipv4.tcp_sack": "0", "net.ipv4.conf.h1-eth0.accept_local": "1"})
    anytime, named = split_by_interface(node, ["h1-eth0"])
    assert anytime == {"net.ipv4.tcp_sack": "0"}
    assert named == {"net.ipv4.conf.h1-eth0.accept_local": "1"}


@pytest.mark.lab
def test_a_sysctl_is_the_namespaces_own() -> None:
    with Namespace("a") as one, Namespace("b") as other:
        with one.entered():
            write_sysctls([("net.ipv4.tcp_sack", "0"), ("net.ipv4.tcp_rmem", "4096 8192 16384")], "h1")
        assert read_sysctls(one, ["net.ipv4.tcp_sack", "net.ipv4.tcp_rmem"]) == {
            "net.ipv4.tcp_sack": "0",
            "net.ipv4.tcp_rmem": "4096 8192 16384",
        }
        assert read_sysctls(other, ["net.ipv4.tcp_sack"]) == {"net.ipv4.tcp_sack": "1"}


@pytest.mark.lab
@pytest.mark.parametrize(
    ("name", "value", "error", "reason"),
    [
        ("net.ipv4.tcp_nosuch", "1", MissingCapability, "no network namespace of this kernel has it"),
        ("net.ipv4.tcp_sack", "many", BadInput, "the kernel refuses the value: Invalid argument"),
        ("net.core.rmem_max", "1", MissingCapability, "cannot be written inside a network namespace"),
        ("kernel.hostname", "x", BadInput, "this would change the machine"),
        ("net/../kernel/hostname", "x", BadInput, "this would change the machine"),
    ],
)
def test_a_refused_sysctl_names_node_sysctl_and_reason(
    name: str, value: str, error: type[Exception], reason: str
) -> None:
    with Namespace("n") as namespace, namespace.entered(), pytest.raises(error) as raised:
        write_sysctls([(name, value)], "h1")
    assert "node h1: sysctl" in str(raised.value)
    assert name in str(raised.value)
    assert reason in str(raised.value)


@pytest.mark.lab
def test_the_machines_global_values_are_visible_inside() -> None:
    with Namespace("n") as namespace:
        assert set(read_sysctls(namespace, GLOBAL_SYSCTLS)) == set(GLOBAL_SYSCTLS)
