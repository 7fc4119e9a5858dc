"""How many errors leave: the host's budget and each peer's."""

from __future__ import annotations

from netemu.stack.icmp_ratelimit import icmp_global_allow, icmp_global_consume, inet_peer_xrlim_allow
from netemu.stack.stack import LinuxStack
from tests.stack.hosts import Lone


def _at(ms: int, **sysctls: str) -> LinuxStack:
    net = Lone(sysctls=sysctls).hosts["b"]
    _go(net, ms)
    return net


def _go(net: LinuxStack, ms: int) -> None:
    net.now_ns = ms * 1_000_000
    net.timers.advance(net.now_ns)


def test_the_budget_is_a_burst_and_then_a_rate() -> None:
    net = _at(10_000, **{"net.ipv4.icmp_msgs_per_sec": "100", "net.ipv4.icmp_msgs_burst": "30"})

    def spend() -> int:
        sent = 0
        while icmp_global_allow(net):
            net.icmp_global.credit -= 1
            sent += 1
        return sent

    assert spend() == 30
    _go(net, 10_010)
    assert spend() == 0  # too soon for another look
    _go(net, 10_100)
    assert spend() == 10
    _go(net, 60_000)
    assert spend() == 30


def test_consuming_takes_none_to_two() -> None:
    net = _at(10_000)
    taken = set()
    for _ in range(50):
        before = net.icmp_global.credit
        icmp_global_consume(net)
        taken.add(before - net.icmp_global.credit)
    assert taken == {0, 1, 2}


def test_a_peer_has_six_at_once_and_one_per_time() -> None:
    net = _at(10_000)
    hz = net.profile.hz
    assert [inet_peer_xrlim_allow(net, "10.0.0.1", hz) for _ in range(8)] == [True] * 6 + [False] * 2
    assert inet_peer_xrlim_allow(net, "10.0.0.9", hz)
    _go(net, 11_000)
    assert [inet_peer_xrlim_allow(net, "10.0.0.1", hz) for _ in range(2)] == [True, False]
