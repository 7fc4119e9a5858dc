"""Who may touch a socket: a process that holds it (lock_sock), or the softirq; what arrives meanwhile waits.

Segments that arrive while a process holds the socket go to its backlog and are processed when it lets go
(net/core/sock.c). Timers and send completions that met a held socket are made up for then too: tcp_release_cb
(net/ipv4/tcp_output.c). Sources: Linux 7.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import task as tasks
from netemu.stack import tcp_ack_snd, tcp_err, tcp_ipv4, tcp_output, tcp_send, tcp_timer
from netemu.stack.sock import (
    ICSK_ACK_SCHED,
    TCP_ACK_DEFERRED,
    TCP_DELACK_TIMER_DEFERRED,
    TCP_MTU_REDUCED_DEFERRED,
    TCP_TSQ_DEFERRED,
    TCP_WRITE_TIMER_DEFERRED,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from netemu.stack.sock import TcpSock


def lock_sock(sk: TcpSock) -> None:
    """A process takes the socket. It never sleeps with it, so there is never another process to wait for."""
    if sk.sk_owned:
        raise AssertionError("a process holds this socket and has gone to sleep")
    sk.sk_owned = True


def release_sock(sk: TcpSock) -> None:
    """The process lets go: first the backlog is processed, then what was put off."""
    if sk.sk_backlog:
        __release_sock(sk)
    if sk.sk_tsq_flags:
        tcp_release_cb(sk)
    sk.sk_owned = False


def __release_sock(sk: TcpSock) -> None:
    """Process the backlog, in the context of the process."""
    while sk.sk_backlog:
        tcp_ipv4.tcp_v4_do_rcv(sk, sk.sk_backlog.popleft())
    sk.sk_backlog_len = 0


def sk_flush_backlog(sk: TcpSock) -> None:
    """Process the backlog and go on holding the socket."""
    if sk.sk_backlog:
        __release_sock(sk)


def tcp_release_cb(sk: TcpSock) -> None:
    """Make up for what timers and the softirq could not do while the socket was held."""
    flags = sk.sk_tsq_flags
    sk.sk_tsq_flags = 0
    if flags & TCP_TSQ_DEFERRED:
        tcp_output.tcp_tsq_write(sk)
    if flags & TCP_WRITE_TIMER_DEFERRED:
        tcp_timer.tcp_write_timer_handler(sk)
    if flags & TCP_DELACK_TIMER_DEFERRED:
        tcp_ack_snd.tcp_delack_timer_handler(sk)
    if flags & TCP_MTU_REDUCED_DEFERRED:
        tcp_err.tcp_v4_mtu_reduced(sk)
    if flags & TCP_ACK_DEFERRED and sk.ack_pending & ICSK_ACK_SCHED:
        tcp_send.tcp_send_ack(sk)


def sk_wait_event(sk: TcpSock, timeo: int, condition: Callable[[], bool]) -> Generator[None, None, int]:
    """Let go of the socket and sleep until ``condition`` or ``timeo`` jiffies are over; the jiffies left.

    Letting go may fulfil the condition already: the backlog is processed then (sk_wait_event, include/net/sock.h).
    """
    release_sock(sk)
    if not condition():
        timeo = yield from tasks.schedule_timeout(sk.net, [sk.sk_wq], timeo)
    lock_sock(sk)
    return timeo
