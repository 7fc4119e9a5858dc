"""Memory that a socket's segments are charged for: ``sk_wmem_queued``, ``sk_forward_alloc``, ``tcp_memory_allocated``.

include/net/sock.h and net/core/sock.c (linux-7.2). Every segment costs its ``truesize``: the sk_buff, the smallest
head and the payload. A socket takes memory from the host's account (``tcp_mem``) in whole pages, ahead of what it
needs, and keeps the rest in ``sk_forward_alloc``; so at every moment
``sk_forward_alloc + sk_wmem_queued + received`` is a whole number of pages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import SOCK_SNDBUF_LOCK
from netemu.stack.tcp_h import TCP_INIT_CWND

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

SK_MEM_SEND, SK_MEM_RECV = 0, 1
PAGE_SHIFT, PAGE_SIZE = 12, 4096

SOCK_MIN_SNDBUF = 4608
"""2 * (2048 + aligned sizeof(struct sk_buff)): the least that SO_SNDBUF or moderation leave (include/net/sock.h)."""

MAX_TCP_HEADER = 320
"""Room for all headers below and of TCP (include/net/tcp.h), with which the send buffer is reckoned."""

SKB_DATA_ALIGN_SHARED_INFO, SKB_DATA_ALIGN_SK_BUFF = 320, 256
"""Aligned sizes of struct skb_shared_info and struct sk_buff, x86-64."""


def sk_mem_pages(amount: int) -> int:
    """Whole pages that hold ``amount`` bytes."""
    return (amount + PAGE_SIZE - 1) >> PAGE_SHIFT


def sk_mem_charge(sk: TcpSock, size: int) -> None:
    """Use memory that was scheduled."""
    sk.sk_forward_alloc -= size


def sk_mem_uncharge(sk: TcpSock, size: int) -> None:
    """Memory is free again; what is more than a page of it goes back to the host."""
    left = sk.sk_forward_alloc = sk.sk_forward_alloc + size
    if left >= PAGE_SIZE:
        _give_back(sk, left)


def _give_back(sk: TcpSock, left: int) -> None:
    """sk_mem_reclaim: whole pages at once (since 6.0; before, a MiB when two are unused). Pressure ends below the
    first limit (__sk_mem_reduce_allocated)."""
    net = sk.net
    if net.profile.reclaims_pages_at_once:
        pages = left >> PAGE_SHIFT
    elif left < 1 << 21:
        return
    else:
        pages = 1 << (20 - PAGE_SHIFT)
    sk.sk_forward_alloc -= pages << PAGE_SHIFT
    net.tcp_memory_allocated -= pages
    if net.tcp_memory_pressure and net.tcp_memory_allocated < net.sysctl.tcp_mem[0]:
        tcp_leave_memory_pressure(sk)


def tcp_enter_memory_pressure(sk: TcpSock) -> None:
    """The host's TCP uses more than tcp_mem[1] pages."""
    if not sk.net.tcp_memory_pressure:
        sk.net.tcp_memory_pressure = max(1, sk.net.jiffies)
        sk.net.mib.inc("TCPMemoryPressures")


def tcp_leave_memory_pressure(sk: TcpSock) -> None:
    """It uses less than tcp_mem[0] again."""
    since, sk.net.tcp_memory_pressure = sk.net.tcp_memory_pressure, 0
    if since:
        tick_ms = 1000 // sk.net.profile.hz
        sk.net.mib.inc("TCPMemoryPressuresChrono", (sk.net.jiffies - since) * tick_ms)


def tcp_under_memory_pressure(sk: TcpSock) -> bool:
    """Whether the host's TCP is short of memory."""
    return bool(sk.net.tcp_memory_pressure)


def __sk_mem_schedule(sk: TcpSock, size: int, kind: int) -> bool:
    """Take pages for ``size`` more bytes from the host's account; False: refused (net/core/sock.c)."""
    pages = sk_mem_pages(size)
    sk.sk_forward_alloc += pages << PAGE_SHIFT
    net = sk.net
    net.tcp_memory_allocated += pages
    if net.tcp_memory_allocated <= net.sysctl.tcp_mem[0]:
        if net.tcp_memory_pressure:
            tcp_leave_memory_pressure(sk)
        return True
    if _may_exceed(sk, size, kind):
        return True
    net.trace("sock_exceed_buf_limit", {"cookie": sk.sk_cookie, "allocated": net.tcp_memory_allocated, "kind": kind})
    net.tcp_memory_allocated -= pages
    sk.sk_forward_alloc -= pages << PAGE_SHIFT
    return False


def _may_exceed(sk: TcpSock, size: int, kind: int) -> bool:
    """__sk_mem_raise_allocated above the first limit of tcp_mem."""
    net = sk.net
    allocated, limits = net.tcp_memory_allocated, net.sysctl.tcp_mem
    if allocated > limits[1]:
        tcp_enter_memory_pressure(sk)
    if allocated <= limits[2]:
        # Everybody may have the smallest buffer.
        if kind == SK_MEM_RECV:
            if sk.sk_rmem_alloc < net.sysctl.tcp_rmem[0]:
                return True
        elif sk.sk_wmem_queued < net.sysctl.tcp_wmem[0]:
            return True
        if not net.tcp_memory_pressure:
            return True
        # And, under pressure, those who hold less than their share of the hard limit.
        held = sk_mem_pages(sk.sk_wmem_queued + sk.sk_rmem_alloc + sk.sk_forward_alloc)
        if limits[2] > net.tcp_sockets_allocated * held:
            return True
    if kind == SK_MEM_SEND:
        sk_stream_moderate_sndbuf(sk)
        # A sender at its own limit blocks anyway; refusing it too would leave nothing to wake it.
        return sk.sk_wmem_queued + size >= sk.sk_sndbuf
    return False


def sk_wmem_schedule(sk: TcpSock, size: int) -> bool:
    """Whether ``size`` bytes may be charged for sending."""
    delta = size - sk.sk_forward_alloc
    return delta <= 0 or __sk_mem_schedule(sk, delta, SK_MEM_SEND)


def sk_rmem_schedule(sk: TcpSock, size: int) -> bool:
    """Whether ``size`` bytes may be charged for receiving."""
    delta = size - sk.sk_forward_alloc
    return delta <= 0 or __sk_mem_schedule(sk, delta, SK_MEM_RECV)


def sk_forced_mem_schedule(sk: TcpSock, size: int) -> None:
    """Schedule without asking: for a FIN, and for the first segment of a socket (net/ipv4/tcp.c)."""
    delta = size - sk.sk_forward_alloc
    if delta > 0:
        pages = sk_mem_pages(delta)
        sk.sk_forward_alloc += pages << PAGE_SHIFT
        sk.net.tcp_memory_allocated += pages


def tcp_wmem_schedule(sk: TcpSock, copy: int) -> int:
    """How many of ``copy`` payload bytes may be charged; 0: wait (net/ipv4/tcp.c)."""
    if sk_wmem_schedule(sk, copy):
        return copy
    left = sk.net.sysctl.tcp_wmem[0] - sk.sk_wmem_queued
    if left > 0:
        sk_forced_mem_schedule(sk, min(left, copy))
    return min(copy, sk.sk_forward_alloc)


def sk_stream_moderate_sndbuf(sk: TcpSock) -> None:
    """Short of memory: an automatic send buffer shrinks to half of what is queued."""
    if not sk.sk_userlocks & SOCK_SNDBUF_LOCK:
        sk.sk_sndbuf = max(min(sk.sk_sndbuf, sk.sk_wmem_queued >> 1), SOCK_MIN_SNDBUF)


HEAD_TRUESIZE = (1280, 960)
"""What a segment of the send queue costs before its payload: a head of kmalloc's 1024 bytes, or a small one."""


def tcp_stream_alloc_skb(sk: TcpSock, force_schedule: bool) -> SkBuff | None:
    """A segment for the send queue, its head scheduled but not yet charged; None: no memory (net/ipv4/tcp.c)."""
    head = HEAD_TRUESIZE[sk.net.profile.skb_small_heads]
    if force_schedule:
        sk_forced_mem_schedule(sk, head)
    elif sk.sk_forward_alloc < head and not sk_wmem_schedule(sk, head):
        return None
    return SkBuff(sk.write_seq, sk.write_seq, 0, b"", head)


def sk_wmem_queued_add(sk: TcpSock, size: int) -> None:
    """Count ``size`` bytes (negative: fewer) as queued for sending."""
    sk.sk_wmem_queued += size


def tcp_wmem_free_skb(sk: TcpSock, skb: SkBuff) -> None:
    """A segment left the send or the retransmission queue for good."""
    truesize = skb.truesize
    sk.sk_wmem_queued -= truesize
    left = sk.sk_forward_alloc = sk.sk_forward_alloc + truesize
    if left >= PAGE_SIZE:
        _give_back(sk, left)


def sk_memory_allocated(sk: TcpSock) -> int:
    """Pages that all TCP sockets of the host hold."""
    return sk.net.tcp_memory_allocated


def tcp_sndbuf_expand(sk: TcpSock) -> None:
    """Let the send buffer hold two congestion windows, each segment reckoned at its worst (net/ipv4/tcp_input.c)."""
    per_mss = max(sk.mss_clamp, sk.mss_cache) + MAX_TCP_HEADER + SKB_DATA_ALIGN_SHARED_INFO
    per_mss = (1 << (per_mss - 1).bit_length()) + SKB_DATA_ALIGN_SK_BUFF
    nr_segs = max(TCP_INIT_CWND, sk.snd_cwnd, sk.reordering + 1)
    sndmem = sk.icsk_ca_ops.sndbuf_expand(sk) * nr_segs * per_mss
    if sk.sk_sndbuf < sndmem:
        sk.sk_sndbuf = min(sndmem, sk.net.sysctl.tcp_wmem[2])


def tcp_should_expand_sndbuf(sk: TcpSock) -> bool:
    """Whether a send buffer that ran full may grow: it is automatic, memory suffices, and cwnd is not the limit."""
    if sk.sk_userlocks & SOCK_SNDBUF_LOCK or sk.net.tcp_memory_pressure:
        return False
    if sk.net.tcp_memory_allocated >= sk.net.sysctl.tcp_mem[0]:
        return False
    return sk.packets_out - sk.sacked_out - sk.lost_out + sk.retrans_out < sk.snd_cwnd


def tcp_notsent_lowat(sk: TcpSock) -> int:
    """TCP_NOTSENT_LOWAT of the socket or the host."""
    return sk.notsent_lowat or sk.net.sysctl.tcp_notsent_lowat


def tcp_stream_memory_free(sk: TcpSock, wake: int) -> bool:
    """Whether few enough bytes wait to be sent first; half as many when the question is whether to wake."""
    return (sk.write_seq - sk.snd_nxt) << wake < tcp_notsent_lowat(sk)


def sk_stream_memory_free(sk: TcpSock) -> bool:
    """Whether a writer may queue another segment."""
    return sk.sk_wmem_queued < sk.sk_sndbuf and tcp_stream_memory_free(sk, 0)


def sk_stream_wspace(sk: TcpSock) -> int:
    """Free bytes of the send buffer; negative when it is overdrawn."""
    return sk.sk_sndbuf - sk.sk_wmem_queued


def sk_stream_min_wspace(sk: TcpSock) -> int:
    """How much must be free before a sleeping writer is woken: half of what is queued."""
    return sk.sk_wmem_queued >> 1


def __sk_stream_is_writeable(sk: TcpSock, wake: int) -> bool:
    """Whether a third of the send buffer is free."""
    return (
        sk_stream_wspace(sk) >= sk_stream_min_wspace(sk)
        and sk.sk_wmem_queued < sk.sk_sndbuf
        and tcp_stream_memory_free(sk, wake)
    )


def sk_stream_is_writeable(sk: TcpSock) -> bool:
    """Whether poll reports POLLOUT."""
    return __sk_stream_is_writeable(sk, 0)
