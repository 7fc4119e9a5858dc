"""What the symbols of system calls stand for on Linux, and expressions made of them."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket

from tests.packetdrill.syntax import Either, Expression, Function, Word
from tests.packetdrill.verdict import NotApplicable

_MORE = {
    "AF_UNSPEC": 0,
    "SOL_IPV6": 41,
    "SO_PRIORITY": 12,
    "SO_RCVLOWAT": 18,
    "SO_MAX_PACING_RATE": 47,
    "SO_MEMINFO": 55,
    "IP_MTU_DISCOVER": 10,
    "IP_MTU": 14,
    "IP_RECVERR": 11,
    "IP_FREEBIND": 15,
    "IP_PMTUDISC_DONT": 0,
    "IP_PMTUDISC_WANT": 1,
    "IP_PMTUDISC_DO": 2,
    "IP_PMTUDISC_PROBE": 3,
    "IPV6_MTU_DISCOVER": 23,
    "IPV6_MTU": 24,
    "IPV6_RECVERR": 25,
    "IPV6_HOPLIMIT": 52,
    "IPV6_TCLASS": 67,
    "TCP_THIN_LINEAR_TIMEOUTS": 16,
    "TCP_USER_TIMEOUT": 18,
    "TCP_TIMESTAMP": 24,
    "TCP_NOTSENT_LOWAT": 25,
    "TCP_FASTOPEN_CONNECT": 30,
    "TCP_FASTOPEN_KEY": 33,
    "TCP_FASTOPEN_NO_COOKIE": 34,
    "TCP_INQ": 36,
    "TCP_CM_INQ": 36,
    "TCP_TX_DELAY": 37,
    "TCP_RTO_MAX_MS": 44,
    "TCP_RTO_MIN_US": 45,
    "TCP_DELACK_MAX_US": 46,
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF,
    "MSG_MORE": 0x8000,
    "MSG_EOR": 0x80,
    "MSG_FIN": 0x200,
    "EPOLL_CTL_ADD": 1,
    "EPOLL_CTL_DEL": 2,
    "EPOLL_CTL_MOD": 3,
    "SIOCINQ": 0x541B,
    "FIONREAD": 0x541B,
    "SIOCOUTQ": 0x5411,
    "TIOCOUTQ": 0x5411,
    "SIOCOUTQNSD": 0x894B,
}
_MODULES = (
    (("AF_", "SOCK_", "IPPROTO_", "SOL_", "SO_", "IP_", "IPV6_", "TCP_", "MSG_", "SHUT_", "SOMAXCONN"), socket),
    (("EPOLL", "POLL"), select),
    (("O_",), os),
    (("F_",), fcntl),
    (("E",), errno),
)


def symbol(name: str) -> int:
    """A symbol's number.

    :raises NotApplicable: it is not known here.
    """
    if name in _MORE:
        return _MORE[name]
    for prefixes, module in _MODULES:
        value = getattr(module, name, None) if name.startswith(prefixes) else None
        if isinstance(value, int):
            return value & 0xFFFFFFFF if name == "EPOLLET" else int(value)
    raise NotApplicable(f"symbol {name}")


def number(expression: Expression) -> int:
    """An expression's number.

    :raises NotApplicable: it has none that is known here.
    """
    if isinstance(expression, int):
        return expression
    if isinstance(expression, Word):
        return symbol(expression.name)
    if isinstance(expression, Either):
        return number(expression.left) | number(expression.right)
    if isinstance(expression, Function) and expression.name == "htons":
        return socket.htons(number(expression.args[0]))
    raise NotApplicable(f"an argument of the kind {type(expression).__name__}")
