"""How many ICMP errors a host sends: a budget for all (net/ipv4/icmp.c) and one per peer (net/ipv4/inetpeer.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack

XRLIM_BURST_FACTOR = 6


class IcmpGlobal:
    """``icmp_global_credit`` and its stamp, and tokens in jiffies with their time per peer address."""

    __slots__ = ("credit", "peers", "stamp")

    def __init__(self) -> None:
        self.credit = self.stamp = 0
        self.peers: dict[str, tuple[int, int]] = {}


def icmp_global_allow(net: LinuxStack) -> bool:
    """Whether the host may send one more at all; the credit is refilled at most each 20 ms."""
    state, sysctl, hz = net.icmp_global, net.sysctl, net.profile.hz
    if state.credit > 0:
        return True
    delta = min(net.jiffies - state.stamp, hz)
    if delta < hz // 50:
        return False
    added = sysctl.icmp_msgs_per_sec * delta // hz
    if not added:
        return False
    state.stamp = net.jiffies
    state.credit = min(state.credit + added, sysctl.icmp_msgs_burst)
    return True


def icmp_global_consume(net: LinuxStack) -> None:
    """Take 0 to 2 credits, at random so that nobody outside can count them."""
    net.icmp_global.credit -= net.random.below(3)


def inet_peer_xrlim_allow(net: LinuxStack, peer: str, timeout: int) -> bool:
    """Whether ``peer`` may be sent one: one per ``timeout`` jiffies, up to six at once."""
    peers, now = net.icmp_global.peers, net.jiffies
    token, last = peers.get(peer, (0, now - 60 * net.profile.hz))
    token = min(token + now - last, XRLIM_BURST_FACTOR * timeout) if now != last else token
    allowed = token >= timeout
    peers[peer] = (token - timeout if allowed else token, now)
    return allowed
