"""The one place where a socket changes its state (tcp_set_state, net/ipv4/tcp.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import inet_bind, inet_hashtables, tcp_trace
from netemu.stack.sock import TCP_CLOSE, TCP_CLOSE_WAIT, TCP_ESTABLISHED, TCP_SYN_RECV

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_set_state(sk: TcpSock, state: int) -> None:
    """Count it, and make a closed socket unreachable; its port stays if bind() took it."""
    old = sk.sk_state
    mib = sk.net.mib
    if state == TCP_ESTABLISHED:
        if old != TCP_ESTABLISHED:
            mib.inc("CurrEstab")
    elif state == TCP_CLOSE_WAIT:
        if old == TCP_SYN_RECV:
            mib.inc("CurrEstab")
    else:
        if state == TCP_CLOSE and old in (TCP_CLOSE_WAIT, TCP_ESTABLISHED):
            mib.inc("EstabResets")
        if old in (TCP_ESTABLISHED, TCP_CLOSE_WAIT):
            mib.inc("CurrEstab", -1)
    if state == TCP_CLOSE:
        inet_hashtables.inet_unhash(sk)
        if not sk.inet_bound_port:
            inet_bind.inet_put_port(sk)
    tcp_trace.trace_inet_sock_set_state(sk, old, state)
    sk.sk_state = state
