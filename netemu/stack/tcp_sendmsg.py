"""Writing to a socket: bytes become segments of the send queue, and a writer waits for room (net/ipv4/tcp.c).

A call fills the last segment of the queue first, then makes new ones of ``size_goal`` bytes each for as long as the
send buffer allows (``sk_wmem_queued < sk_sndbuf`` before each new segment, so that the last may overdraw it). When it
does not, the call sleeps until a third of the buffer is free again (net/core/stream.c).
"""

from __future__ import annotations

import errno
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from netemu.packet.tcp import ACK, PSH
from netemu.stack import (
    sock_lock,
    sock_wake,
    tcp_cwnd,
    tcp_fastopen,
    tcp_fastopen_active,
    tcp_mss,
    tcp_output,
    tcp_rate,
    wmem,
)
from netemu.stack.sock import (
    TCP_CLOSE_WAIT,
    TCP_ESTABLISHED,
    TCP_NAGLE_CORK,
    TCP_NAGLE_PUSH,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
)
from netemu.stack.task import MAX_SCHEDULE_TIMEOUT, KernelError
from netemu.stack.tcp_chrono import (
    TCP_CHRONO_BUSY,
    TCP_CHRONO_SNDBUF_LIMITED,
    tcp_chrono_start,
    tcp_chrono_stop,
)
from netemu.stack.uaccess import Unmapped

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

MSG_OOB, MSG_DONTWAIT, MSG_EOR, MSG_NOSIGNAL, MSG_MORE, MSG_FASTOPEN = 0x1, 0x40, 0x80, 0x4000, 0x8000, 0x20000000
EPIPE, EAGAIN = errno.EPIPE, errno.EAGAIN

Wait = Generator[None, None, int]
"""Something that may sleep; its result is 0 or a negative errno."""


def tcp_sendmsg(sk: TcpSock, data: bytes, flags: int, to: tuple[Any, ...] | None = None) -> Generator[None, None, int]:
    """``send``: how many bytes were taken; KernelError when none were. ``to``: where MSG_FASTOPEN connects to."""
    sock_lock.lock_sock(sk)
    try:
        return (yield from tcp_sendmsg_locked(sk, data, flags, to))
    finally:
        sock_lock.release_sock(sk)


def sock_sndtimeo(sk: TcpSock, nonblock: bool) -> int:
    """How long a call may sleep, in jiffies."""
    return 0 if nonblock else sk.sk_sndtimeo


def tcp_sendmsg_locked(
    sk: TcpSock, data: bytes, flags: int, to: tuple[Any, ...] | None = None
) -> Generator[None, None, int]:
    """The same with the socket held."""
    copied = copied_syn = err = 0
    if flags & MSG_FASTOPEN or sk.defer_connect:
        nonblock = bool(flags & MSG_DONTWAIT)
        err, copied_syn = yield from tcp_fastopen_active.tcp_sendmsg_fastopen(sk, data, nonblock, to)
        if err == -errno.EINPROGRESS and copied_syn:
            return copied_syn
        if err:
            copied_syn = 0
        elif copied_syn:
            data = data[copied_syn:]
    if not err:
        timeo = [sock_sndtimeo(sk, bool(flags & MSG_DONTWAIT))]
        tcp_rate.tcp_rate_check_app_limited(sk)
        if sk.sk_state not in (TCP_ESTABLISHED, TCP_CLOSE_WAIT) and not tcp_fastopen.tcp_passive_fastopen(sk):
            err = yield from sk_stream_wait_connect(sk, timeo)
        if not err:
            copied, err = yield from _queue_all(sk, data, flags, timeo)
    if copied + copied_syn:
        return copied + copied_syn
    if not err:
        return 0
    if err == -EPIPE and sk.sk_err:
        err, sk.sk_err = -sk.sk_err, 0
    elif err == -EPIPE and not flags & MSG_NOSIGNAL:
        sock_wake.send_sigpipe(sk)
    if err == -EAGAIN and sk.tcp_rtx_queue.head is None and sk.sk_write_queue.head is None:
        # Nothing will be acknowledged, so nothing else would wake a watcher for POLLOUT.
        sk_stream_write_space(sk)
        tcp_chrono_stop(sk, TCP_CHRONO_SNDBUF_LIMITED)
    raise KernelError(-err)


def _queue_all(sk: TcpSock, data: bytes, flags: int, timeo: list[int]) -> Generator[None, None, tuple[int, int]]:
    """Queue ``data``, sleeping for room; how much was queued, and the error that ended it."""
    mss_now = tcp_mss.tcp_current_mss(sk)
    size_goal = tcp_xmit_size_goal(sk, mss_now, not flags & MSG_OOB)
    copied, size, err = 0, len(data), 0
    if sk.sk_err or sk.sk_shutdown & 2:
        err = -EPIPE
    while copied < size and not err:
        took = _fill(sk, data, copied, size_goal)
        if took <= 0:
            if took:
                err = took
                break
            sk.sk_nospace = True
            tcp_remove_empty_skb(sk)
            if copied:
                tcp_push(sk, flags & ~MSG_MORE, mss_now, TCP_NAGLE_PUSH, size_goal)
            err = yield from sk_stream_wait_memory(sk, timeo)
            mss_now = tcp_mss.tcp_current_mss(sk)
            size_goal = tcp_xmit_size_goal(sk, mss_now, not flags & MSG_OOB)
            continue
        copied += took
        skb = sk.sk_write_queue.tail
        assert skb is not None  # it was just filled
        if copied == size:
            if flags & MSG_EOR:
                skb.eor = True
        elif len(skb.data) >= size_goal and not flags & MSG_OOB:
            if forced_push(sk):
                tcp_mark_push(sk, skb)
                tcp_output.__tcp_push_pending_frames(sk, mss_now, TCP_NAGLE_PUSH)
            elif skb is sk.sk_write_queue.head:
                tcp_output.tcp_push_one(sk, mss_now)
    if err:
        tcp_remove_empty_skb(sk)
    if copied:
        tcp_push(sk, flags, mss_now, sk.nonagle, size_goal)
    return copied, err


def _fill(sk: TcpSock, data: bytes, begin: int, size_goal: int) -> int:
    """Append bytes of ``data`` from ``begin`` to the last segment, or to a new one; how many; 0: no room; -EFAULT."""
    skb = sk.sk_write_queue.tail
    copy = 0 if skb is None or skb.eor else size_goal - len(skb.data)
    if copy <= 0 or skb is None:
        skb = _new_segment(sk)
        if skb is None:
            return 0
        copy = size_goal
    left = len(data) - begin
    copy = min(copy, left)
    if sk.sk_forward_alloc < copy:
        copy = wmem.tcp_wmem_schedule(sk, copy)
        if not copy:
            return 0
    if data.__class__ is Unmapped:
        return -errno.EFAULT
    piece = data[begin : begin + copy]
    skb.data = skb.data + piece if skb.data else piece
    skb.truesize += copy
    sk.sk_wmem_queued += copy
    sk.sk_forward_alloc -= copy
    if not begin:
        skb.tcp_flags &= ~PSH
    sk.write_seq = skb.end_seq = sk.write_seq + copy
    skb.tcp_gso_segs = 0
    return copy


def _new_segment(sk: TcpSock) -> SkBuff | None:
    """An empty segment at the end of the queue; None: the buffer is full, or there is no memory."""
    lowat = sk.notsent_lowat or sk.net.sysctl.tcp_notsent_lowat
    if sk.sk_wmem_queued >= sk.sk_sndbuf or sk.write_seq - sk.snd_nxt >= lowat:
        return None  # sk_stream_memory_free
    first = sk.tcp_rtx_queue.head is None and sk.sk_write_queue.head is None
    skb = wmem.tcp_stream_alloc_skb(sk, first)
    if skb is not None:
        tcp_skb_entail(sk, skb)
    return skb


def tcp_skb_entail(sk: TcpSock, skb: SkBuff) -> None:
    """Put an empty segment at the end of the send queue."""
    skb.seq = skb.end_seq = sk.write_seq
    skb.tcp_flags = ACK
    queue = sk.sk_write_queue
    queue.append(skb)
    if not sk.chrono_type and queue.head is skb:
        tcp_chrono_start(sk, TCP_CHRONO_BUSY)
    sk.sk_wmem_queued += skb.truesize
    sk.sk_forward_alloc -= skb.truesize
    sk.nonagle &= ~TCP_NAGLE_PUSH
    if not sk.packets_out:
        tcp_cwnd.tcp_slow_start_after_idle_check(sk)


def tcp_add_write_queue_tail(sk: TcpSock, skb: SkBuff) -> None:
    """Append to the send queue; the first segment makes the sender busy (include/net/tcp.h)."""
    sk.sk_write_queue.append(skb)
    if sk.sk_write_queue.head is skb and not sk.chrono_type:
        tcp_chrono_start(sk, TCP_CHRONO_BUSY)


def tcp_xmit_size_goal(sk: TcpSock, mss_now: int, large_allowed: bool) -> int:
    """How long a segment of the queue should become: a multiple of the MSS as far as the device takes it."""
    if not large_allowed or sk.sk_gso_max_segs == 1:
        return mss_now
    largest = tcp_mss.tcp_bound_to_half_wnd(sk, sk.sk_gso_max_size)
    size_goal = sk.gso_segs * mss_now
    if largest < size_goal or largest >= size_goal + mss_now:
        sk.gso_segs = min(largest // mss_now, sk.sk_gso_max_segs)
        size_goal = sk.gso_segs * mss_now
    return max(size_goal, mss_now)


def tcp_send_mss(sk: TcpSock, flags: int) -> tuple[int, int]:
    """The MSS of the moment, and the size goal."""
    mss_now = tcp_mss.tcp_current_mss(sk)
    return mss_now, tcp_xmit_size_goal(sk, mss_now, not flags & MSG_OOB)


def tcp_remove_empty_skb(sk: TcpSock) -> None:
    """Take back a segment into which nothing could be written."""
    skb = sk.sk_write_queue.tail
    if skb is not None and skb.seq == skb.end_seq:
        sk.sk_write_queue.unlink(skb)
        if sk.sk_write_queue.head is None:
            tcp_chrono_stop(sk, TCP_CHRONO_BUSY)
        wmem.tcp_wmem_free_skb(sk, skb)


# ---- pushing


def tcp_mark_push(sk: TcpSock, skb: SkBuff) -> None:
    """Set PSH on a segment."""
    skb.tcp_flags |= PSH
    sk.pushed_seq = sk.write_seq


def forced_push(sk: TcpSock) -> bool:
    """Whether more than half of the largest window was written since the last PSH."""
    return sk.write_seq > sk.pushed_seq + (sk.max_window >> 1)


def tcp_should_autocork(sk: TcpSock, skb: SkBuff, size_goal: int) -> bool:
    """Whether a short segment should wait for the device to finish what it has: more may be written meanwhile."""
    return (
        sk.sk_wmem_alloc > skb.truesize
        and len(skb.data) < size_goal
        and sk.net.sysctl.tcp_autocorking
        and sk.tcp_rtx_queue.head is not None
        and not skb.eor
    )


def tcp_push(sk: TcpSock, flags: int, mss_now: int, nonagle: int, size_goal: int) -> None:
    """The end of a write: PSH on the last segment, unless more is announced, and send what may be sent."""
    skb = sk.sk_write_queue.tail
    if skb is None:
        return
    if not flags & MSG_MORE or forced_push(sk):
        tcp_mark_push(sk, skb)
    if flags & MSG_OOB:
        sk.snd_up = sk.write_seq
    if sk.sk_wmem_alloc and tcp_should_autocork(sk, skb, size_goal):
        if not sk.tsq_throttled:
            sk.net.mib.inc("TCPAutoCorking")
            sk.tsq_throttled = True
        return
    tcp_output.__tcp_push_pending_frames(sk, mss_now, TCP_NAGLE_CORK if flags & MSG_MORE else nonagle)


# ---- room in the send buffer


def tcp_check_space(sk: TcpSock) -> None:
    """Acknowledged data left the queue: a writer that found no room may go on (net/ipv4/tcp_input.c)."""
    waited_for = sk.sk_nospace
    if waited_for and not sk.sk_dead:
        tcp_new_space(sk)
        if not sk.sk_nospace:
            tcp_chrono_stop(sk, TCP_CHRONO_SNDBUF_LIMITED)


def tcp_new_space(sk: TcpSock) -> None:
    """Let the send buffer follow the congestion window, and wake the writer if there is room enough."""
    if wmem.tcp_should_expand_sndbuf(sk):
        wmem.tcp_sndbuf_expand(sk)
        sk.snd_cwnd_stamp = sk.net.jiffies
    sk_stream_write_space(sk)


def sk_stream_write_space(sk: TcpSock) -> None:
    """Wake writers and watchers once a third of the buffer is free (net/core/stream.c)."""
    if wmem.__sk_stream_is_writeable(sk, 1) and not sk.sk_dead:
        sk.sk_nospace = False
        sock_wake.sk_wake_writers(sk)


def sk_stream_wait_connect(sk: TcpSock, timeo: list[int]) -> Wait:
    """Sleep until the handshake is over (net/core/stream.c). ``timeo``: jiffies left, in place."""
    while True:
        if sk.sk_err:
            err, sk.sk_err = sk.sk_err, 0
            return -err
        if sk.sk_state not in (TCP_SYN_SENT, TCP_SYN_RECV):
            return -EPIPE
        if not timeo[0]:
            return -EAGAIN
        if sk.net.current.interrupted:
            return sock_intr_errno(timeo[0])
        sk.sk_write_pending += 1
        timeo[0] = yield from sock_lock.sk_wait_event(sk, timeo[0], lambda: _connect_is_over(sk))
        sk.sk_write_pending -= 1
        if _connect_is_over(sk):
            return 0


def _connect_is_over(sk: TcpSock) -> bool:
    return not sk.sk_err and sk.sk_state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT)


def sock_intr_errno(timeo: int) -> int:
    """A signal: the call is restarted unless it has a timeout (include/net/sock.h); either way it ends with EINTR."""
    return -errno.EINTR


def sk_stream_wait_memory(sk: TcpSock, timeo: list[int]) -> Wait:
    """Sleep until there is room in the send buffer (net/core/stream.c). ``timeo``: jiffies left, in place."""
    current = timeo[0]
    vm_wait = 0
    if wmem.sk_stream_memory_free(sk):
        # There is room, but no memory: come back in a while.
        current = vm_wait = sk.net.random.below(sk.net.profile.hz // 5) + 2
    disconnects = sk.sk_disconnects
    while True:
        if sk.sk_err or sk.sk_shutdown & 2:
            return -EPIPE
        if not timeo[0]:
            sk.sk_nospace = True
            return -EAGAIN
        if sk.net.current.interrupted:
            return sock_intr_errno(timeo[0])
        if not vm_wait and wmem.sk_stream_memory_free(sk):
            return 0
        sk.sk_nospace = True
        sk.sk_write_pending += 1
        current = yield from sock_lock.sk_wait_event(sk, current, partial(_memory_came, sk, vm_wait))
        sk.sk_write_pending -= 1
        if disconnects != sk.sk_disconnects:
            return -EPIPE
        if vm_wait:
            vm_wait -= current
            current = timeo[0]
            if current != MAX_SCHEDULE_TIMEOUT:
                current = max(0, current - vm_wait)
            vm_wait = 0
        timeo[0] = current


def _memory_came(sk: TcpSock, vm_wait: int) -> bool:
    return bool(sk.sk_err or sk.sk_shutdown & 2 or (not vm_wait and wmem.sk_stream_memory_free(sk)))
