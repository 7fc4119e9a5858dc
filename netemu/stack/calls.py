"""Which system calls there are: name -> function of the stack and the call's arguments.

Sockets and epoll instances are descriptors of one table; addresses are pairs ``(text, port)`` as Python's ``socket``
has them, data is bytes. What a call returns stands at its function; errors are :class:`~netemu.stack.task.KernelError`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from netemu.stack import (
    inet_connection_sock,
    sock_lock,
    sockopt,
    tcp_close,
    tcp_init,
    tcp_ioctl,
    tcp_recvmsg,
    tcp_sendmsg,
    tcp_sockopt,
    udp,
)
from netemu.stack.eventpoll import Epoll
from netemu.stack.inet_connection_sock import inet_csk_accept, inet_stream_connect, outer_address
from netemu.stack.inet_hashtables import AF_INET, AF_INET6
from netemu.stack.sock import TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT, TcpSock
from netemu.stack.task import KernelError
from netemu.stack.uaccess import Unmapped
from netemu.stack.udp_sock import UdpSock

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack
    from netemu.stack.task import Call

Address = tuple[Any, ...]
Sock = TcpSock | UdpSock

SOCK_STREAM, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_TYPE_MASK = 1, 2, 0o4000, 0xF
AF_UNSPEC = 0
MSG_DONTWAIT = 0x40


def _sock(stack: LinuxStack, fd: int) -> Sock:
    file = stack.files.get(fd)
    if not isinstance(file, TcpSock | UdpSock):
        raise KernelError(errno.ENOTSOCK)
    return file


def _flags(sk: Sock, flags: int) -> int:
    return flags | MSG_DONTWAIT if sk.nonblocking else flags


def _named(sk: Sock, address: str, port: int) -> tuple[str, int]:
    return (outer_address(sk, address), port)


# ---- calls that never sleep


def _socket(stack: LinuxStack, family: int, kind: int, protocol: int = 0) -> int:
    """socket(): the new descriptor."""
    base = kind & SOCK_TYPE_MASK
    if family not in (AF_INET, AF_INET6):
        raise KernelError(errno.EAFNOSUPPORT)
    if base not in (SOCK_STREAM, SOCK_DGRAM):
        raise KernelError(errno.ESOCKTNOSUPPORT)
    if protocol not in (0, 6 if base == SOCK_STREAM else 17):
        raise KernelError(errno.EPROTONOSUPPORT)
    sk: Sock = tcp_init.tcp_init_sock(stack, family) if base == SOCK_STREAM else udp.udp_init_sock(stack, family)
    sk.nonblocking = bool(kind & SOCK_NONBLOCK)
    sk.fd = stack.files.install(sk)
    return sk.fd


def _setblocking(stack: LinuxStack, fd: int, flag: bool) -> None:
    """fcntl(F_SETFL): O_NONBLOCK off or on."""
    _sock(stack, fd).nonblocking = not flag


def _bind(stack: LinuxStack, fd: int, address: Address) -> None:
    """bind()."""
    sk = _sock(stack, fd)
    if isinstance(sk, TcpSock):
        inet_connection_sock.inet_bind(sk, address[0], address[1])
    else:
        udp.udp_bind(sk, address[0], address[1])


def _listen(stack: LinuxStack, fd: int, backlog: int) -> None:
    """listen()."""
    sk = _sock(stack, fd)
    if not isinstance(sk, TcpSock):
        raise KernelError(errno.EOPNOTSUPP)
    sock_lock.lock_sock(sk)
    try:
        inet_connection_sock.inet_listen(sk, backlog)
    finally:
        sock_lock.release_sock(sk)


def _shutdown(stack: LinuxStack, fd: int, how: int) -> None:
    """shutdown()."""
    sk = _sock(stack, fd)
    if isinstance(sk, TcpSock):
        inet_connection_sock.inet_shutdown(sk, how)
    else:
        udp.udp_shutdown(sk, how)


def _setsockopt(stack: LinuxStack, fd: int, level: int, option: int, value: int | bytes) -> None:
    """setsockopt()."""
    sockopt.setsockopt(_sock(stack, fd), level, option, value)


def _getsockopt(stack: LinuxStack, fd: int, level: int, option: int) -> Any:
    """getsockopt(): see :func:`netemu.stack.sockopt.getsockopt`."""
    return sockopt.getsockopt(_sock(stack, fd), level, option)


def _ioctl(stack: LinuxStack, fd: int, command: int) -> int:
    """ioctl(): the number that a stream's queue has to tell; other sockets have none here."""
    sk = _sock(stack, fd)
    if not isinstance(sk, TcpSock):
        raise KernelError(errno.ENOTTY)
    return tcp_ioctl.tcp_ioctl(sk, command)


def _getsockname(stack: LinuxStack, fd: int) -> tuple[str, int]:
    """getsockname()."""
    sk = _sock(stack, fd)
    return _named(sk, sk.inet_saddr, sk.inet_sport)


def _getpeername(stack: LinuxStack, fd: int) -> tuple[str, int]:
    """getpeername()."""
    sk = _sock(stack, fd)
    if not sk.inet_dport or (isinstance(sk, TcpSock) and sk.sk_state in (TCP_CLOSE, TCP_SYN_SENT, TCP_LISTEN)):
        raise KernelError(errno.ENOTCONN)
    return _named(sk, sk.inet_daddr, sk.inet_dport)


def _epoll_create(stack: LinuxStack) -> int:
    """epoll_create(): the new descriptor."""
    return stack.files.install(Epoll(stack))


def _epoll(stack: LinuxStack, fd: int) -> Epoll:
    file = stack.files.get(fd)
    if not isinstance(file, Epoll):
        raise KernelError(errno.EINVAL)
    return file


def _epoll_ctl(stack: LinuxStack, epfd: int, operation: int, fd: int, events: int) -> None:
    """epoll_ctl() with the descriptor itself as the event's data."""
    epoll, file = _epoll(stack, epfd), stack.files.get(fd)
    if not isinstance(file, TcpSock | UdpSock):
        raise KernelError(errno.EINVAL)
    epoll.control(operation, fd, file, events)


# ---- calls that may sleep


def _connect(stack: LinuxStack, fd: int, address: Address | None) -> Call:
    """connect(); None is an address of AF_UNSPEC, which undoes a stream's connection or its listening."""
    sk = _sock(stack, fd)
    if address is None:
        if isinstance(sk, UdpSock):
            raise KernelError(errno.EAFNOSUPPORT)  # not modelled
        inet_connection_sock.inet_stream_disconnect(sk)
        return
    if isinstance(sk, UdpSock):
        udp.udp_connect(sk, address[0], address[1])
        return
    yield from inet_stream_connect(sk, address[0], address[1], sk.nonblocking)


def _accept(stack: LinuxStack, fd: int, flags: int = 0) -> Generator[None, None, tuple[int, tuple[str, int]]]:
    """accept4(): the new descriptor and the peer's address."""
    sk = _sock(stack, fd)
    if not isinstance(sk, TcpSock):
        raise KernelError(errno.EOPNOTSUPP)
    child = yield from inet_csk_accept(sk, sk.nonblocking)
    child.nonblocking = bool(flags & SOCK_NONBLOCK)
    child.fd = stack.files.install(child)
    return child.fd, _named(child, child.inet_daddr, child.inet_dport)


def _send(stack: LinuxStack, fd: int, data: bytes, flags: int = 0) -> Generator[None, None, int]:
    """send(): how many bytes were taken."""
    return (yield from _sendto(stack, fd, data, flags, None))


def _sendto(
    stack: LinuxStack, fd: int, data: bytes, flags: int = 0, to: Address | None = None
) -> Generator[None, None, int]:
    """sendto(): how many bytes were taken. A stream takes an address with MSG_FASTOPEN alone."""
    sk = _sock(stack, fd)
    if isinstance(sk, UdpSock):
        return udp.udp_sendmsg(sk, data, None if to is None else (to[0], to[1]))
    return (yield from tcp_sendmsg.tcp_sendmsg(sk, data, _flags(sk, flags), to))


def _recv(stack: LinuxStack, fd: int, length: int | Unmapped, flags: int = 0) -> Generator[None, None, bytes]:
    """recv(): the bytes; none at the end of a stream. ``length`` may be memory that the process has not, of a stream's
    reader."""
    sk = _sock(stack, fd)
    if isinstance(length, Unmapped):
        if isinstance(sk, UdpSock):
            raise KernelError(errno.EFAULT)
        return (yield from tcp_recvmsg.tcp_recvmsg(sk, len(length), _flags(sk, flags), True))
    return (yield from _recvfrom(stack, fd, length, flags))[0]


def _recvfrom(
    stack: LinuxStack, fd: int, length: int, flags: int = 0
) -> Generator[None, None, tuple[bytes, tuple[str, int] | None]]:
    """recvfrom(): the bytes and, of a datagram, its sender."""
    sk = _sock(stack, fd)
    if isinstance(sk, UdpSock):
        data, (address, port) = yield from udp.udp_recvmsg(sk, length, flags, sk.nonblocking)
        return data, (outer_address(sk, address), port)
    data = yield from tcp_recvmsg.tcp_recvmsg(sk, length, _flags(sk, flags))
    return data, None


def _recvmsg(
    stack: LinuxStack, fd: int, length: int, flags: int = 0
) -> Generator[None, None, tuple[bytes, list[tuple[int, int, int]]]]:
    """recvmsg(): the bytes, and control messages as (level, type, number): TCP_INQ's of a stream."""
    data = yield from _recv(stack, fd, length, flags)
    sk = _sock(stack, fd)
    if not isinstance(sk, TcpSock) or not sk.recvmsg_inq:
        return data, []
    return data, [(sockopt.SOL_TCP, tcp_sockopt.TCP_INQ, tcp_ioctl.tcp_inq_hint(sk))]


def _close(stack: LinuxStack, fd: int) -> Call:
    """close(): a descriptor is one file's only, so the file goes with it."""
    file = stack.files.remove(fd)
    if isinstance(file, Epoll):
        file.close()
        return
    for item in tuple(file.sk_watchers):
        item.epoll.forget(item)
    if isinstance(file, UdpSock):
        udp.udp_close(file)
        return
    yield from tcp_close.tcp_close(file, file.sk_lingertime if file.sk_linger else 0)


def _epoll_wait(
    stack: LinuxStack, fd: int, maxevents: int, timeout_ms: int = -1
) -> Generator[None, None, list[tuple[int, int]]]:
    """epoll_wait(): (descriptor, events) of those that have any."""
    return (yield from _epoll(stack, fd).wait(maxevents, timeout_ms))


def _at_once(function: Callable[..., Any]) -> Callable[..., Call]:
    """A function that never sleeps as a call."""

    def call(stack: LinuxStack, *args: Any) -> Call:
        yield from ()
        return function(stack, *args)

    return call


CALLS: dict[str, Callable[..., Call]] = {
    "socket": _at_once(_socket),
    "setblocking": _at_once(_setblocking),
    "bind": _at_once(_bind),
    "listen": _at_once(_listen),
    "shutdown": _at_once(_shutdown),
    "setsockopt": _at_once(_setsockopt),
    "getsockopt": _at_once(_getsockopt),
    "ioctl": _at_once(_ioctl),
    "getsockname": _at_once(_getsockname),
    "getpeername": _at_once(_getpeername),
    "epoll_create": _at_once(_epoll_create),
    "epoll_ctl": _at_once(_epoll_ctl),
    "connect": _connect,
    "accept": _accept,
    "send": _send,
    "sendto": _sendto,
    "recv": _recv,
    "recvfrom": _recvfrom,
    "recvmsg": _recvmsg,
    "close": _close,
    "epoll_wait": _epoll_wait,
}
"""By the kernel's names; ``setblocking`` stands for fcntl()."""
