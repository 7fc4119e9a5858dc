"""The prequeue: segments for a reader that sleeps in recv() wait for him, unprocessed (2.4 to 4.13; net/ipv4/tcp.c).

::

    softirq --> no process holds the socket
                  a reader sleeps: prequeue, and he is woken ---> he processes them himself: straight into his buffer
                  nobody does:     tcp_v4_do_rcv ---> receive queue ---> read later
            --> a process holds it: backlog

Van Jacobson's idea: TCP runs when its process runs, so that ACKs follow what is really read. On the wire an ACK of such
a segment offers the whole window, since its data never took room in the receive queue. Read in 2.4.27 and 3.10
(net/ipv4/tcp.c, tcp_ipv4.c and tcp_input.c); ``tcp_low_latency`` turned it off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import sock_wake, tcp_ipv4, tcp_rmem, tcp_timer
from netemu.stack.sock import ICSK_ACK_SCHED

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock
    from netemu.stack.task import Task

MSG_PEEK, MSG_TRUNC = 0x02, 0x20


class Ucopy:
    """``tp->ucopy``: the reader ``task``, the ``length`` he still wants, and what was copied to him: ``pieces``."""

    __slots__ = ("copied", "length", "pieces", "task")

    def __init__(self, task: Task, length: int) -> None:
        self.task, self.length = task, length
        self.pieces: list[bytes] = []
        self.copied = 0


def tcp_prequeue(sk: TcpSock, skb: SkBuff) -> bool:
    """Keep a segment for the reader that sleeps, and wake him; False: there is none, or nothing to read in it."""
    if sk.ucopy is None or sk.net.sysctl.tcp_low_latency or (not skb.data and not sk.prequeue):
        return False
    sk.prequeue.append(skb)
    sk.prequeue_memory += skb.truesize
    if sk.prequeue_memory > sk.sk_rcvbuf:
        sk.net.mib.inc("TCPPrequeueDropped", tcp_prequeue_flush(sk))
    elif len(sk.prequeue) == 1:
        sock_wake.sk_data_ready(sk)
        if not sk.ack_pending & ICSK_ACK_SCHED:
            # Should the reader not come to run, the delayed ACK's timer processes it.
            tcp_timer.inet_csk_reset_delack_timer(sk, sk.net.jiffies + 3 * sk.icsk_rto_min // 4)
    return True


def tcp_prequeue_flush(sk: TcpSock) -> int:
    """Process what waits, whoever it is that runs; how many segments that were."""
    waiting = list(sk.prequeue)
    sk.prequeue.clear()
    sk.prequeue_memory = 0
    for skb in waiting:
        tcp_ipv4.tcp_v4_do_rcv(sk, skb)
    return len(waiting)


def tcp_prequeue_process(sk: TcpSock) -> None:
    """The reader runs: he processes what waited for him."""
    sk.net.mib.inc("TCPPrequeued", tcp_prequeue_flush(sk))


def tcp_install_reader(sk: TcpSock, length: int, flags: int) -> bool:
    """A reader of ``length`` more bytes is about to sleep: what arrives is his. False: this era, or this call, has no
    prequeue."""
    if not sk.net.profile.prequeue or sk.net.sysctl.tcp_low_latency or flags & (MSG_PEEK | MSG_TRUNC):
        return False
    if sk.ucopy is None:
        sk.ucopy = Ucopy(sk.net.current, length)
    elif sk.ucopy.task is not sk.net.current:
        return False  # another reader was first
    sk.ucopy.length = length
    return True


def tcp_remove_reader(sk: TcpSock, length: int) -> None:
    """He has what he wanted: what still waits is processed, into ``length`` more bytes of his and the receive queue."""
    assert sk.ucopy is not None  # there is one to remove
    sk.ucopy.length = length
    if sk.prequeue:
        tcp_prequeue_process(sk)


def tcp_copy_to_iovec(sk: TcpSock, skb: SkBuff) -> bool:
    """Copy the next data straight to the reader, if it is he who runs; whether that took all of the segment."""
    ucopy = sk.ucopy
    if ucopy is None or not ucopy.length or not sk.sk_owned or ucopy.task is not sk.net.current or sk.urg_data:
        return False
    if sk.copied_seq != sk.rcv_nxt or skb.seq != sk.rcv_nxt or not skb.data:
        return False
    chunk = min(len(skb.data), ucopy.length)
    ucopy.pieces.append(skb.data[:chunk])
    ucopy.copied += chunk
    ucopy.length -= chunk
    sk.copied_seq += chunk
    tcp_rmem.tcp_rcv_space_adjust(sk)
    return chunk == len(skb.data) and not skb.tcp_flags & 1
