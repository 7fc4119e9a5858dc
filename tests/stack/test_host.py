"""A host from a plan's words."""

from __future__ import annotations

import pytest

from netemu.errors import MissingCapability
from netemu.specs import RouteSpec
from netemu.stack.eras import PROFILES
from netemu.stack.host import Interface, make_host


def test_interfaces_routes_and_sysctls() -> None:
    routes = [
        RouteSpec("h", "10.1.0.0/16", "10.0.0.9", "h-eth0"),
        RouteSpec("x", "10.2.0.0/16", "10.0.0.9", "h-eth0"),
    ]
    host = make_host(
        "h",
        PROFILES["linux-6"],
        interfaces=[Interface("h-eth0", 1400, ("10.0.0.1/24",))],
        routes=routes,
        sysctls={"net.ipv4.tcp_sack": "0"},
    )
    assert not host.sysctl.tcp_sack
    dst = host.fib.lookup("10.1.2.3")
    assert dst is not None
    assert (dst.via, dst.mtu) == ("10.0.0.9", 1400)
    assert host.fib.lookup("10.2.0.1") is None
    assert not host.sysctl.ip_forward


def test_a_router_forwards_unless_told_otherwise() -> None:
    profile = PROFILES["linux-7"]
    assert make_host("r", profile, interfaces=[], router=True).sysctl.ip_forward
    quiet = make_host("r", profile, interfaces=[], router=True, sysctls={"net.ipv4.ip_forward": "0"})
    assert not quiet.sysctl.ip_forward
    assert quiet.sysctl.ipv6_forwarding


def test_an_unknown_sysctl_names_the_node() -> None:
    with pytest.raises(MissingCapability, match=r"node 'h': sysctl net\.ipv4\.nonsense"):
        make_host("h", PROFILES["linux-7"], interfaces=[], sysctls={"net.ipv4.nonsense": "1"})


def test_seeds_make_different_hosts() -> None:
    first, same, other = (make_host("h", PROFILES["linux-7"], interfaces=[], seed=seed) for seed in (1, 1, 2))
    assert first.random.u64() == same.random.u64() != other.random.u64()
