"""What datagrams in a receive queue cost, and when it is given back (net/ipv4/udp.c).

A reader takes the whole queue over at once, and memory of what it has read is given back in pieces of a quarter of the
buffer, so that writers and reader seldom touch the same counters; until then the buffer looks fuller than it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netemu.stack.udp_sock import Datagram, UdpSock

PAGE_SIZE = 4096


def udp_enqueue_schedule(sk: UdpSock, datagram: Datagram) -> str | None:
    """Queue ``datagram``; the counter of what prevented it (__udp_enqueue_schedule_skb)."""
    net, size = sk.net, datagram.truesize
    room_taken = 0 if net.profile.udp_rcvbuf_is_strict else sk.sk_rcvbuf
    if sk.sk_rmem_alloc > room_taken and sk.sk_rmem_alloc + size > sk.sk_rcvbuf:
        sk.sk_drops += 1
        return "RcvbufErrors"
    delta = size - sk.sk_forward_alloc
    if delta > 0:
        pages = -(-delta // PAGE_SIZE)
        if net.udp_memory_allocated + pages > net.sysctl.udp_mem[2] and sk.sk_rmem_alloc >= net.sysctl.udp_rmem_min:
            sk.sk_drops += 1
            return "MemErrors"
        net.udp_memory_allocated += pages
        sk.sk_forward_alloc += pages * PAGE_SIZE
    sk.sk_forward_alloc -= size
    sk.sk_rmem_alloc += size
    sk.sk_receive_queue.append(datagram)
    return None


def next_datagram(sk: UdpSock) -> Datagram | None:
    """The oldest, which stays in the reader's queue; None when there is none."""
    if not sk.reader_queue:
        sk.reader_queue, sk.sk_receive_queue = sk.sk_receive_queue, sk.reader_queue
    return sk.reader_queue[0] if sk.reader_queue else None


def take_datagram(sk: UdpSock) -> None:
    """The reader has copied the oldest (udp_skb_destructor, udp_rmem_release)."""
    datagram = sk.reader_queue.popleft()
    sk.forward_deficit += datagram.truesize
    if sk.forward_deficit < sk.sk_rcvbuf >> 2 and (sk.reader_queue or sk.sk_receive_queue):
        return
    udp_rmem_release(sk, keep=1)


def udp_rmem_release(sk: UdpSock, keep: int) -> None:
    """Give back what was read, in whole pages; with ``keep`` one byte is held back, so that a page stays."""
    size, sk.forward_deficit = sk.forward_deficit, 0
    sk.sk_forward_alloc += size
    pages = (sk.sk_forward_alloc - keep) // PAGE_SIZE
    sk.sk_forward_alloc -= pages * PAGE_SIZE
    sk.net.udp_memory_allocated -= pages
    sk.sk_rmem_alloc -= size


def udp_destroy_memory(sk: UdpSock) -> None:
    """The socket is closed with what is in it."""
    sk.forward_deficit = sk.sk_rmem_alloc
    sk.sk_receive_queue.clear()
    sk.reader_queue.clear()
    udp_rmem_release(sk, keep=0)
