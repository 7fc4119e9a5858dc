"""What a sender was limited by, for how long: busy, the peer's window, its own buffer (include/net/tcp.h)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

TCP_CHRONO_UNSPEC, TCP_CHRONO_BUSY, TCP_CHRONO_RWND_LIMITED, TCP_CHRONO_SNDBUF_LIMITED = 0, 1, 2, 3
"""enum tcp_chrono: the greater takes precedence."""


def _tcp_chrono_set(sk: TcpSock, new: int) -> None:
    now = sk.net.timers.jiffies
    old = sk.chrono_type
    if old:
        sk.chrono_stat[old - 1] += now - sk.chrono_start
    sk.chrono_start = now
    sk.chrono_type = new


def tcp_chrono_start(sk: TcpSock, kind: int) -> None:
    """A condition begins; a weaker one that was counted stops."""
    if kind > sk.chrono_type:
        _tcp_chrono_set(sk, kind)


def tcp_chrono_stop(sk: TcpSock, kind: int) -> None:
    """A condition ends: the socket is busy with what it has, or idle."""
    if sk.tcp_rtx_queue.head is None and sk.sk_write_queue.head is None:
        _tcp_chrono_set(sk, TCP_CHRONO_UNSPEC)
    elif kind == sk.chrono_type:
        _tcp_chrono_set(sk, TCP_CHRONO_BUSY)
