"""Packets that arrive: to a socket of this host, or on to another (ip_input.c, ip_forward.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netemu.packet.ip import Packet
    from netemu.stack.stack import LinuxStack


def ip_rcv(stack: LinuxStack, interface: str, packet: Packet) -> None:
    """A packet came in at ``interface``."""
    stack.trace("netif_receive_skb", {"interface": interface, "length": packet.length})
