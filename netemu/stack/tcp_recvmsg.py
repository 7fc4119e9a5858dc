"""How a process reads: tcp_recvmsg of net/ipv4/tcp.c, Linux 7.2, with every flag.

One pass copies what is in the receive queue, processes the backlog that came meanwhile, and sleeps while there is less
than the reader asked for. What it took may open the window: tcp_cleanup_rbuf decides about an ACK.
"""

from __future__ import annotations

import errno
from collections.abc import Generator
from typing import TYPE_CHECKING

from netemu.packet.tcp import FIN
from netemu.stack import sock_lock, tcp_ack_snd, tcp_input, tcp_prequeue, tcp_rmem, tcp_urg
from netemu.stack.sock import RCV_SHUTDOWN, SOCK_RCVBUF_LOCK, TCP_CLOSE, TCP_LISTEN
from netemu.stack.task import MAX_SCHEDULE_TIMEOUT, KernelError
from netemu.stack.tcp_window import tcp_space_from_win

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_DONTWAIT, MSG_WAITALL = 0x01, 0x02, 0x20, 0x40, 0x100
"""include/linux/socket.h."""


class _Reading:
    """One recv in progress: the position ``seq``, what was ``copied``, what is still wanted, the time left."""

    __slots__ = ("copied", "faults", "flags", "length", "pieces", "seq", "target", "timeo", "urg_hole")

    def __init__(self, sk: TcpSock, length: int, flags: int, faults: bool) -> None:
        self.length, self.flags, self.faults = length, flags, faults
        self.timeo = 0 if flags & MSG_DONTWAIT else sk.sk_rcvtimeo
        self.target = sock_rcvlowat(sk, flags & MSG_WAITALL != 0, length)
        self.seq = sk.copied_seq
        self.copied = self.urg_hole = 0
        self.pieces: list[bytes | memoryview] = []


def sock_rcvlowat(sk: TcpSock, waitall: bool, length: int) -> int:
    """How much must be there before a reader of ``length`` bytes goes on (include/net/sock.h)."""
    return (length if waitall else min(sk.sk_rcvlowat, length)) or 1


def tcp_recvmsg(sk: TcpSock, length: int, flags: int = 0, faults: bool = False) -> Generator[None, None, bytes]:
    """Read up to ``length`` bytes; b"" at the end of the stream. ``faults``: they cannot be copied to the process.

    With MSG_TRUNC bytes are taken but not copied: as many zeros are returned. Raises KernelError: ENOTCONN, EAGAIN,
    EINTR, EFAULT, or the socket's own error.
    """
    sock_lock.lock_sock(sk)
    try:
        if sk.sk_state == TCP_LISTEN:
            raise KernelError(errno.ENOTCONN)
        if flags & MSG_OOB:
            return tcp_recv_urg(sk, length, flags)
        reading = _Reading(sk, length, flags, faults)
        try:
            yield from _tcp_recvmsg_locked(sk, reading)
        finally:
            if sk.ucopy is not None:
                _end_as_reader(sk, reading)
        tcp_ack_snd.tcp_cleanup_rbuf(sk, reading.copied)
        if flags & MSG_TRUNC:
            return bytes(reading.copied)
        return b"".join(reading.pieces)
    finally:
        sock_lock.release_sock(sk)


def _tcp_recvmsg_locked(sk: TcpSock, reading: _Reading) -> Generator[None, None, None]:
    peek = reading.flags & MSG_PEEK != 0
    while True:
        if sk.urg_data and sk.urg_seq == reading.seq and _stop_at_urgent(sk, reading):
            break
        skb = _next_skb(sk, reading.seq)
        if skb is not None:
            end = _take(sk, skb, reading, peek)
            if end or reading.length <= 0:
                break
            continue
        if reading.copied >= reading.target and not sk.sk_backlog:
            break
        if _nothing_more(sk, reading):
            break
        if sk.net.profile.prequeue and tcp_prequeue.tcp_install_reader(sk, reading.length, reading.flags):
            yield from _wait_as_reader(sk, reading)
            if reading.length <= 0:
                break
        elif reading.copied >= reading.target:
            sock_lock.sk_flush_backlog(sk)
        else:
            tcp_ack_snd.tcp_cleanup_rbuf(sk, reading.copied)
            yield from _sk_wait_data(sk, reading)
        if peek and reading.seq - reading.copied - reading.urg_hole != sk.copied_seq:
            reading.seq = sk.copied_seq


def _wait_as_reader(sk: TcpSock, reading: _Reading) -> Generator[None, None, None]:
    """Before 4.14: what arrives for a reader that sleeps he processes himself (:mod:`netemu.stack.tcp_prequeue`)."""
    tcp_ack_snd.tcp_cleanup_rbuf(sk, reading.copied)
    if sk.prequeue:
        tcp_prequeue.tcp_prequeue_process(sk)
    elif reading.copied >= reading.target:
        sock_lock.sk_flush_backlog(sk)
    else:
        yield from _sk_wait_data(sk, reading)
    _take_copied(sk, reading)
    if sk.prequeue and sk.rcv_nxt == sk.copied_seq:
        tcp_prequeue.tcp_prequeue_process(sk)
        _take_copied(sk, reading)


def _take_copied(sk: TcpSock, reading: _Reading) -> None:
    """Count what went straight to the reader."""
    ucopy = sk.ucopy
    assert ucopy is not None  # he was installed
    reading.pieces += ucopy.pieces
    reading.copied += ucopy.copied
    reading.seq += ucopy.copied
    reading.length -= ucopy.copied
    ucopy.pieces, ucopy.copied = [], 0


def _end_as_reader(sk: TcpSock, reading: _Reading) -> None:
    """The call ends: what still waits is processed, and copied as long as there is room."""
    assert sk.ucopy is not None  # asked before
    if sk.ucopy.task is sk.net.current:
        tcp_prequeue.tcp_remove_reader(sk, reading.length if reading.copied else 0)
        _take_copied(sk, reading)
        sk.ucopy = None


def _next_skb(sk: TcpSock, seq: int) -> SkBuff | None:
    """The queued segment that holds the byte ``seq``, or a FIN there."""
    skb = sk.sk_receive_queue.head
    while skb is not None:
        if seq - skb.seq < len(skb.data) or skb.tcp_flags & FIN:
            return skb
        skb = skb.next
    return None


def _take(sk: TcpSock, skb: SkBuff, reading: _Reading, peek: bool) -> bool:
    """Copy from one segment and free it when it is used up; True: it ended the stream."""
    offset = reading.seq - skb.seq
    length = len(skb.data)
    if offset < length:
        used = min(reading.length, length - offset)
        if sk.urg_data:
            offset, used = _around_urgent(sk, reading, offset, used)
        if used:
            if not reading.flags & MSG_TRUNC:
                if reading.faults:
                    raise KernelError(errno.EFAULT)
                whole = offset == 0 and used == length
                reading.pieces.append(skb.data if whole else memoryview(skb.data)[offset : offset + used])
            reading.seq += used
            reading.copied += used
            reading.length -= used
        if not peek:
            sk.copied_seq = reading.seq
        if used:
            tcp_rmem.tcp_rcv_space_adjust(sk)
        if sk.urg_data and sk.copied_seq > sk.urg_seq:
            sk.urg_data = 0
            tcp_input.tcp_fast_path_check(sk)
        if used + offset < length:
            return False
        if not skb.tcp_flags & FIN:
            if not peek:
                tcp_eat_recv_skb(sk, skb)
            return False
    reading.seq += 1  # the FIN
    if not peek:
        sk.copied_seq = reading.seq
        tcp_eat_recv_skb(sk, skb)
    return True


def tcp_eat_recv_skb(sk: TcpSock, skb: SkBuff) -> None:
    """Free a segment that was read."""
    sk.sk_receive_queue.unlink(skb)
    tcp_rmem.sock_rfree(sk, skb)


def _nothing_more(sk: TcpSock, reading: _Reading) -> bool:
    """Whether the call ends here although it has less than it wanted; raises when it has nothing and never will."""
    task = sk.net.current
    if reading.copied:
        stop = sk.sk_err or sk.sk_state == TCP_CLOSE or sk.sk_shutdown & RCV_SHUTDOWN or task.interrupted
        return not reading.timeo or bool(stop)
    if sk.sk_done:
        return True
    if sk.sk_err:
        error, sk.sk_err = sk.sk_err, 0
        raise KernelError(error)
    if sk.sk_shutdown & RCV_SHUTDOWN:
        return True
    if sk.sk_state == TCP_CLOSE:
        raise KernelError(errno.ENOTCONN)
    if not reading.timeo:
        raise KernelError(errno.EAGAIN)
    if task.interrupted:
        raise KernelError(errno.EINTR)
    return False


def _sk_wait_data(sk: TcpSock, reading: _Reading) -> Generator[None, None, None]:
    """Sleep until another segment is queued behind the last one, or woken (net/core/sock.c)."""
    last = sk.sk_receive_queue.tail
    reading.timeo = yield from sock_lock.sk_wait_event(
        sk, min(reading.timeo, MAX_SCHEDULE_TIMEOUT), lambda: sk.sk_receive_queue.tail is not last
    )


def _stop_at_urgent(sk: TcpSock, reading: _Reading) -> bool:
    """At the urgent byte: what came before is returned first."""
    if reading.copied:
        return True
    if sk.net.current.interrupted:
        raise KernelError(errno.EINTR if reading.timeo else errno.EAGAIN)
    return False


def _around_urgent(sk: TcpSock, reading: _Reading, offset: int, used: int) -> tuple[int, int]:
    """Read up to the urgent byte, or step over it unless it is in line (SO_OOBINLINE)."""
    urg_offset = sk.urg_seq - reading.seq
    if not 0 <= urg_offset < used:
        return offset, used
    if urg_offset:
        return offset, urg_offset
    if sk.sk_urginline:
        return offset, used
    reading.seq += 1
    reading.urg_hole += 1
    return offset + 1, used - 1


def tcp_recv_urg(sk: TcpSock, length: int, flags: int) -> bytes:
    """MSG_OOB: the urgent byte, which never waits (tcp_recv_urg)."""
    if sk.sk_urginline or not sk.urg_data or sk.urg_data == tcp_urg.TCP_URG_READ:
        raise KernelError(errno.EINVAL)
    if sk.sk_state == TCP_CLOSE and not sk.sk_done:
        raise KernelError(errno.ENOTCONN)
    if sk.urg_data & tcp_urg.TCP_URG_VALID:
        byte = sk.urg_data & 0xFF
        if not flags & MSG_PEEK:
            sk.urg_data = tcp_urg.TCP_URG_READ
        return bytes([byte])[:length]
    if sk.sk_state == TCP_CLOSE or sk.sk_shutdown & RCV_SHUTDOWN:
        return b""
    raise KernelError(errno.EAGAIN)


def tcp_set_rcvlowat(sk: TcpSock, val: int) -> None:
    """SO_RCVLOWAT: at most half the buffer, which is enlarged to hold it if the user has not set its size."""
    locked = sk.sk_userlocks & SOCK_RCVBUF_LOCK
    cap = (sk.sk_rcvbuf if locked else sk.net.sysctl.tcp_rmem[2]) >> 1
    val = min(val, cap)
    sk.sk_rcvlowat = val or 1
    tcp_ack_snd.tcp_data_ready(sk)
    if locked:
        return
    space = tcp_space_from_win(sk, val)
    if space > sk.sk_rcvbuf:
        sk.sk_rcvbuf = space
        if sk.window_clamp and sk.window_clamp < val:
            sk.window_clamp = val
