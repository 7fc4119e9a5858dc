"""Reassembly of fragments (net/ipv4/ip_fragment.c, net/ipv4/inet_fragment.c, net/ipv6/reassembly.c).

A datagram is kept until its fragments fill it or its time is over. IPv4 throws a whole queue away when fragments
overlap, unless one is the exact copy of another (since 5.0); IPv6 does so too (RFC 5722).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import Packet
from netemu.stack.timer import Timer

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack

Key = tuple[str, str, int, int]
"""Source, destination, identification, protocol (0 in IPv6: its identification is the sender's)."""

_SKB_OVERHEAD = 704
"""Memory of a fragment beside its bytes: what truesize counts for headers and struct sk_buff, about."""


class FragQueue:
    """``struct ipq``: fragments by their first byte's place; ``length`` is known once the last one came."""

    __slots__ = ("fragments", "interface", "length", "memory", "timer")

    def __init__(self, interface: str) -> None:
        self.fragments: dict[int, Packet] = {}
        self.interface = interface
        self.length: int | None = None
        self.memory = 0
        self.timer = Timer(_never)


class FragQueues:
    """``struct fqdir``: all queues of the host and their memory."""

    __slots__ = ("memory", "queues")

    def __init__(self) -> None:
        self.queues: dict[Key, FragQueue] = {}
        self.memory = 0


def _never() -> None:
    raise AssertionError("a fragment queue's timer fired before it was armed")


def ip_defrag(net: LinuxStack, interface: str, packet: Packet) -> Packet | None:
    """Take a fragment; the whole packet, its body as bytes, when this one completes it, else None."""
    mib, group = net.mib, "Ip" if packet.version == 4 else "Ip6"
    mib.inc(group + "ReasmReqds")
    key = (packet.source, packet.destination, packet.identification, packet.protocol if packet.version == 4 else 0)
    queue = net.frags.queues.get(key)
    if queue is None:
        if net.frags.memory > net.sysctl.ipfrag_high_thresh:
            mib.inc(group + "ReasmFails")
            return None
        queue = _new_queue(net, key, interface, group)
    if not _insert(net, queue, packet):
        _discard(net, key)
        mib.inc(group + "ReasmFails")
        return None
    whole = _reassembled(queue)
    if whole is None:
        return None
    first = queue.fragments[0]
    _discard(net, key)
    header_bytes = 20 if packet.version == 4 else 40
    if header_bytes + len(whole) > 65535:
        mib.inc(group + "ReasmFails")
        return None
    mib.inc(group + "ReasmOKs")
    return Packet(
        first.version, first.source, first.destination, first.protocol, header_bytes + len(whole), whole,
        first.ttl, _merged_tos(queue), first.identification, False, False, 0,
    )  # fmt: skip


def _new_queue(net: LinuxStack, key: Key, interface: str, group: str) -> FragQueue:
    queue = net.frags.queues[key] = FragQueue(interface)
    seconds = net.sysctl.ipfrag_time if group == "Ip" else net.sysctl.ip6frag_time
    queue.timer = Timer(lambda: _ip_expire(net, key, group))
    net.timers.mod_timer(queue.timer, net.jiffies + seconds * net.profile.hz)
    return queue


def _insert(net: LinuxStack, queue: FragQueue, packet: Packet) -> bool:
    """ip_frag_queue: False when the whole datagram must go."""
    data = packet.body if isinstance(packet.body, bytes) else b""
    start, end = packet.fragment_offset, packet.fragment_offset + len(data)
    if packet.more_fragments:
        if len(data) % 8:
            end -= len(data) % 8
            data = data[: end - start]
            packet = _cut(packet, data)
        if queue.length is not None and end > queue.length:
            return False
    else:
        highest = max((at + len(_bytes(one)) for at, one in queue.fragments.items()), default=0)
        if end < highest or (queue.length is not None and end != queue.length):
            return False
        queue.length = end
    if start == end:
        return False
    for at, other in queue.fragments.items():
        other_end = at + len(_bytes(other))
        if start < other_end and at < end:
            if at <= start and end <= other_end and at == start:
                return True  # a copy: dropped, the queue stays
            net.mib.inc("IpExtReasmOverlaps")
            return False
    queue.fragments[start] = packet
    queue.memory += len(data) + _SKB_OVERHEAD
    net.frags.memory += len(data) + _SKB_OVERHEAD
    return True


def _cut(packet: Packet, data: bytes) -> Packet:
    """A fragment with another payload."""
    return Packet(
        packet.version, packet.source, packet.destination, packet.protocol, packet.length, data, packet.ttl, packet.tos,
        packet.identification, packet.dont_fragment, packet.more_fragments, packet.fragment_offset,
    )  # fmt: skip


def _bytes(packet: Packet) -> bytes:
    return packet.body if isinstance(packet.body, bytes) else b""


def _reassembled(queue: FragQueue) -> bytes | None:
    """All bytes, when none is missing."""
    if queue.length is None:
        return None
    parts, at = [], 0
    while at < queue.length:
        packet = queue.fragments.get(at)
        if packet is None:
            return None
        parts.append(_bytes(packet))
        at += len(parts[-1])
    return b"".join(parts)


def _merged_tos(queue: FragQueue) -> int:
    """The first fragment's, with CE if any fragment carried it (ip_frag_ecn_table)."""
    tos = queue.fragments[0].tos
    ce = any(packet.tos & 3 == 3 for packet in queue.fragments.values())
    return tos | 3 if ce else tos


def _discard(net: LinuxStack, key: Key) -> None:
    queue = net.frags.queues.pop(key)
    net.timers.del_timer(queue.timer)
    net.frags.memory -= queue.memory


def _ip_expire(net: LinuxStack, key: Key, group: str) -> None:
    """Its time is over: gone, and the sender hears of it if the first fragment had come."""
    from netemu.stack import icmp

    queue = net.frags.queues[key]
    _discard(net, key)
    net.mib.inc(group + "ReasmFails")
    net.mib.inc(group + "ReasmTimeout")
    first = queue.fragments.get(0)
    if first is not None:
        icmp.icmp_send(net, first, icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_FRAGTIME)
