"""Who is woken when something happens to a socket: sleepers in its calls, and epoll instances that watch it.

sock_def_readable, sock_def_error_report, sock_def_wakeup of net/core/sock.c and sk_stream_write_space's wake-up. Each
says which events it is about, as the kernel's keyed wake-ups do, so that an epoll waits for what it asked only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.sock import TCP_LISTEN

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock
    from netemu.stack.udp_sock import UdpSock

    Sock = TcpSock | UdpSock

EPOLLIN, EPOLLPRI, EPOLLOUT, EPOLLERR, EPOLLHUP = 0x1, 0x2, 0x4, 0x8, 0x10
EPOLLRDNORM, EPOLLRDBAND, EPOLLWRNORM, EPOLLWRBAND, EPOLLRDHUP = 0x40, 0x80, 0x100, 0x200, 0x2000
_ALL = 0xFFFFFFFF


def _wake(sk: Sock, events: int) -> None:
    queue = sk.sk_wq
    if queue.tasks:
        queue.wake_up(1 if sk.sk_state == TCP_LISTEN else None)
    if sk.sk_watchers:
        for watcher in tuple(sk.sk_watchers):
            watcher.poll_callback(events)


def sk_data_ready(sk: Sock) -> None:
    """There is something to read, or a connection to accept: one sleeper in accept() at a time."""
    _wake(sk, EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND)


def sk_wake_writers(sk: TcpSock) -> None:
    """There is room to write again (the end of sk_stream_write_space)."""
    _wake(sk, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)


def sk_state_change(sk: Sock) -> None:
    """The socket's state changed (sock_def_wakeup): for everyone, whatever he waits for."""
    _wake(sk, _ALL)


def sk_error_report(sk: Sock) -> None:
    """There is an error (sock_def_error_report)."""
    _wake(sk, EPOLLERR)


def send_sigpipe(sk: TcpSock) -> None:
    """SIGPIPE for the writer, who has not asked for MSG_NOSIGNAL; the call itself goes on to return EPIPE."""
    sk.net.sigpipes += 1
    sk.net.trace("signal_generate", {"sig": 13, "cookie": sk.sk_cookie})
