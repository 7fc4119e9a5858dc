"""What poll says of a file (tcp_poll, inet_csk_listen_poll of net/ipv4; udp_poll, datagram_poll)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_ack_snd, wmem
from netemu.stack.sock import SEND_SHUTDOWN, SHUTDOWN_MASK, TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT, TcpSock
from netemu.stack.sock_wake import (
    EPOLLERR,
    EPOLLHUP,
    EPOLLIN,
    EPOLLOUT,
    EPOLLPRI,
    EPOLLRDHUP,
    EPOLLRDNORM,
    EPOLLWRNORM,
)

if TYPE_CHECKING:
    from netemu.stack.udp_sock import UdpSock

RCV_SHUTDOWN = 1
TCP_URG_VALID = 0x0100
_READABLE, _WRITABLE = EPOLLIN | EPOLLRDNORM, EPOLLOUT | EPOLLWRNORM


def sock_poll(sk: TcpSock | UdpSock) -> int:
    """The events that hold now."""
    return tcp_poll(sk) if isinstance(sk, TcpSock) else _datagram_poll(sk)


def tcp_poll(sk: TcpSock) -> int:
    """Of a stream. A full send buffer is remembered, so that its first third of room wakes the watcher."""
    state, shutdown = sk.sk_state, sk.sk_shutdown
    if state == TCP_LISTEN:
        return _READABLE if sk.icsk_accept_queue else 0
    mask = 0
    if shutdown == SHUTDOWN_MASK or state == TCP_CLOSE:
        mask |= EPOLLHUP
    if shutdown & RCV_SHUTDOWN:
        mask |= _READABLE | EPOLLRDHUP
    if state not in (TCP_SYN_SENT, TCP_SYN_RECV) or sk.fastopen_rsk is not None:
        mask |= _connected(sk)
    elif sk.defer_connect and state == TCP_SYN_SENT:
        mask |= _WRITABLE
    if sk.sk_err:
        mask |= EPOLLERR
    return mask


def _connected(sk: TcpSock) -> int:
    mask = 0
    target = sk.sk_rcvlowat or 1
    if sk.urg_data and sk.urg_seq == sk.copied_seq and not sk.sk_urginline:
        target += 1
    if tcp_ack_snd.tcp_epollin_ready(sk, target):
        mask |= _READABLE
    if sk.sk_shutdown & SEND_SHUTDOWN or wmem.__sk_stream_is_writeable(sk, 1):
        mask |= _WRITABLE
    else:
        sk.sk_nospace = True
    if sk.urg_data & TCP_URG_VALID:
        mask |= EPOLLPRI
    return mask


def _datagram_poll(sk: UdpSock) -> int:
    mask = _WRITABLE
    if sk.sk_err:
        mask |= EPOLLERR
    if sk.sk_shutdown & RCV_SHUTDOWN:
        mask |= EPOLLRDHUP | _READABLE
    if sk.sk_shutdown == SHUTDOWN_MASK:
        mask |= EPOLLHUP
    if sk.sk_receive_queue or sk.reader_queue:
        mask |= _READABLE
    return mask
