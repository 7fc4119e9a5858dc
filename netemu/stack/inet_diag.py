"""What ``sock_diag`` tells of a host's TCP sockets (net/ipv4/inet_diag.c): who they are, tcp_info and memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from netemu.stack.inet_timewait_sock import TimewaitSock
from netemu.stack.request_sock import RequestSock
from netemu.stack.sock import TCP_SYN_RECV
from netemu.stack.tcp_info import sk_get_meminfo, tcp_get_info

if TYPE_CHECKING:
    from netemu.stack.stack import LinuxStack

Identity = tuple[str, str, int, int]
"""Local and remote end as ip:port with IPv6 in brackets, cookie, and the state's number."""

Entry = tuple[Identity, Mapping[str, int] | None, Sequence[int] | None, str]
"""A socket: who it is, tcp_info, the SK_MEMINFO array, TCP_CONGESTION; no info of one that is not open yet."""


def inet_diag_dump(net: LinuxStack) -> Iterator[Entry]:
    """Every socket with a peer but those in TIME_WAIT, in the order in which they got one."""
    for (saddr, sport, daddr, dport), sk in net.hashinfo.ehash.items():
        if isinstance(sk, TimewaitSock):
            continue
        ends = inet_end(saddr, sport), inet_end(daddr, dport)
        if isinstance(sk, RequestSock):
            yield (*ends, 0, TCP_SYN_RECV), None, None, ""
        else:
            identity = (*ends, sk.sk_cookie, sk.sk_state)
            yield identity, tcp_get_info(sk), sk_get_meminfo(sk), sk.icsk_ca_ops.name


def inet_end(address: str, port: int) -> str:
    """``10.0.0.1:80`` or ``[fd00::1]:80``."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
