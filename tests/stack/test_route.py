"""Where packets go, with which source, and how long the path's MTU is believed."""

from __future__ import annotations

import pytest

from netemu.specs import RouteSpec
from netemu.stack import route
from netemu.stack.cong import tcp_ca_find
from netemu.stack.eras import PROFILES
from netemu.stack.host import Interface, make_host
from netemu.stack.route import Dst, dst_metric_advmss, dst_mtu, dst_pmtu_locked, ipv4_sk_update_pmtu, sk_setup_caps
from netemu.stack.sock import TcpSock
from netemu.stack.stack import LinuxStack

SECOND = 1_000_000_000


@pytest.fixture
def router() -> LinuxStack:
    interfaces = [
        Interface("r-eth0", 1500, ("10.0.0.254/24", "fd00::fe/64")),
        Interface("r-eth1", 1400, ("10.0.1.254/24", "10.0.2.254/24")),
    ]
    routes = [
        RouteSpec("r", "10.9.0.0/16", "10.0.1.1", "r-eth1"),
        RouteSpec("r", "10.9.9.0/24", "10.0.0.1", "r-eth0"),
        RouteSpec("r", "fd09::/16", "fd00::1", "r-eth0"),
        RouteSpec("other", "0.0.0.0/0", "10.0.0.1", "r-eth0"),
    ]
    return make_host("r", PROFILES["linux-7"], interfaces=interfaces, routes=routes)


def _way(net: LinuxStack, daddr: str) -> Dst:
    dst = route.ip_route_output(net, daddr)
    assert dst is not None
    return dst


@pytest.mark.parametrize(
    ("daddr", "interface", "saddr", "via"),
    [
        ("10.0.0.5", "r-eth0", "10.0.0.254", None),
        ("10.0.2.5", "r-eth1", "10.0.2.254", None),
        ("10.9.1.1", "r-eth1", "10.0.1.254", "10.0.1.1"),
        ("10.9.9.1", "r-eth0", "10.0.0.254", "10.0.0.1"),
        ("fd09::5", "r-eth0", "fd00::fe", "fd00::1"),
        ("10.0.1.254", "lo", "10.0.1.254", None),
        ("127.3.3.3", "lo", "127.3.3.3", None),
    ],
)
def test_longest_prefix_and_source(router: LinuxStack, daddr: str, interface: str, saddr: str, via: str | None) -> None:
    dst = _way(router, daddr)
    assert (dst.interface, dst.saddr, dst.via) == (interface, saddr, via)
    assert _way(router, daddr) is dst


def test_no_route(router: LinuxStack) -> None:
    assert route.ip_route_output(router, "8.8.8.8") is None
    assert route.ip_route_output(router, "fc00::1") is None


def test_announced_mss(router: LinuxStack) -> None:
    assert dst_metric_advmss(_way(router, "10.0.0.5")) == 1460
    assert dst_metric_advmss(_way(router, "10.9.1.1")) == 1360
    assert dst_metric_advmss(_way(router, "fd09::5")) == 1440
    assert dst_metric_advmss(_way(router, "127.0.0.1")) == 65495


def test_a_learned_mtu_expires(router: LinuxStack) -> None:
    dst = _way(router, "10.0.0.5")
    ipv4_sk_update_pmtu(dst, 1000)
    assert dst_mtu(dst) == 1000
    _at(router, 599 * SECOND)
    assert dst_mtu(dst) == 1000
    _at(router, 601 * SECOND)
    assert dst_mtu(dst) == 1500


def test_a_larger_mtu_is_not_believed_and_none_below_min_pmtu(router: LinuxStack) -> None:
    dst = _way(router, "10.0.0.5")
    ipv4_sk_update_pmtu(dst, 1000)
    ipv4_sk_update_pmtu(dst, 1200)
    assert dst_mtu(dst) == 1000
    assert not dst_pmtu_locked(dst)
    ipv4_sk_update_pmtu(dst, 100)
    assert (dst_mtu(dst), dst_pmtu_locked(dst)) == (552, True)


def test_ipv6_has_its_own_least(router: LinuxStack) -> None:
    dst = _way(router, "fd09::5")
    ipv4_sk_update_pmtu(dst, 600)
    assert (dst_mtu(dst), dst_pmtu_locked(dst)) == (1280, False)


def _at(net: LinuxStack, now_ns: int) -> None:
    net.now_ns = now_ns
    net.timers.advance(now_ns)


@pytest.mark.parametrize(("era", "learned"), [("linux-7", (1460, 1440)), ("linux-6", (1260, 1240))])
def test_a_learned_mtu_lowers_the_mss_announced_until_7(era: str, learned: tuple[int, int]) -> None:
    """Measured on 6.12 and 7.2: the second SYN to a host behind a link of 1300 bytes."""
    net = make_host("h", PROFILES[era], interfaces=[Interface("h-eth0", 1500, ("10.0.0.1/24", "fd00::1/64"))])
    for daddr, mss in zip(("10.0.0.5", "fd00::5"), learned, strict=True):
        dst = _way(net, daddr)
        ipv4_sk_update_pmtu(dst, 1300)
        assert dst_mtu(dst) == 1300
        assert dst_metric_advmss(dst) == mss


def test_a_socket_sends_super_segments_where_its_device_takes_them() -> None:
    reno = tcp_ca_find("reno")
    assert reno is not None
    for most in (1, 44):
        interface = Interface("h-eth0", 1500, ("10.0.0.1/24",), gso_max_segs=most)
        net = make_host("h", PROFILES["linux-7"], interfaces=[interface])
        sk = TcpSock(net, 2, reno)
        sk_setup_caps(sk, _way(net, "10.0.0.5"))
        assert (sk.sk_dst, sk.sk_gso_max_segs) == (_way(net, "10.0.0.5"), most)
