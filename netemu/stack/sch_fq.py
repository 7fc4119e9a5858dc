"""The queueing discipline fq with its defaults: a packet leaves at its earliest departure time (net/sched/sch_fq.c).

TCP stamps each segment with the time at which it may leave by the socket's pacing rate; fq holds it until then, and the
socket's memory with it, so that TCP small queues bound what waits here. What has no stamp leaves at once. Its rounds
among flows, bands, limits and the horizon are left out: no packet of one paced socket meets them.
"""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from netemu.stack import ip_output, tcp_output
from netemu.stack.timer import Timer

if TYPE_CHECKING:
    from netemu.packet.ip import Packet, Tcp
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack


class Fq:
    """Of one host."""

    __slots__ = ("_counter", "_heap", "_net", "_segment", "_watchdog")

    def __init__(self, net: LinuxStack) -> None:
        self._net = net
        self._heap: list[tuple[int, int, str, Packet, TcpSock, SkBuff]] = []
        self._counter = 0
        self._watchdog = Timer(self._dequeue)
        self._segment: tuple[TcpSock, SkBuff] | None = None  # what TCP is handing to IP right now

    def xmit(self, sk: TcpSock, skb: SkBuff, segment: Tcp, length: int) -> int:
        """ip_queue_xmit() of ``segment``, which was made of ``skb``."""
        self._segment = sk, skb
        err = ip_output.ip_queue_xmit(sk, segment, length)
        self._segment = None
        return err

    def enqueue(self, interface: str, packet: Packet) -> None:
        """Send ``packet``, or hold it until its time has come. Its socket is paced by this discipline from now on."""
        if self._segment is not None:
            sk, skb = self._segment
            sk.sk_pacing_needed, sk.sk_pacing_fq = False, True
            if skb.skb_mstamp_ns > self._net.now_ns:
                sk.sk_wmem_alloc += skb.truesize
                self._counter += 1
                heappush(self._heap, (skb.skb_mstamp_ns, self._counter, interface, packet, sk, skb))
                self._net.timers.start_hrtimer(self._watchdog, self._heap[0][0])
                return
        self._net.transmit(interface, packet)

    def holds(self, skb: SkBuff) -> bool:
        """Whether a packet made of ``skb`` is still here."""
        return any(entry[5] is skb for entry in self._heap)

    def _dequeue(self) -> None:
        """The watchdog fired: what is due leaves, then its senders go on (the tasklet of TCP small queues)."""
        freed: Counter[TcpSock] = Counter()
        while self._heap and self._heap[0][0] <= self._net.now_ns:
            _, _, interface, packet, sk, skb = heappop(self._heap)
            self._net.transmit(interface, packet)
            freed[sk] += skb.truesize
        if self._heap:
            self._net.timers.start_hrtimer(self._watchdog, self._heap[0][0])
        for sk, truesize in freed.items():
            tcp_output.tcp_wfree(sk, truesize)
