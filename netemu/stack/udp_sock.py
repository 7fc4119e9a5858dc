"""One UDP socket: struct sock, inet_sock and udp_sock as one record with the kernel's names."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netemu.stack.task import WaitQueue

if TYPE_CHECKING:
    from netemu.stack.eventpoll import EpollItem
    from netemu.stack.route import Dst
    from netemu.stack.stack import LinuxStack


@dataclass(slots=True)
class Datagram:
    """A datagram in a receive queue, and what it is charged."""

    payload: bytes
    source: str
    source_port: int
    truesize: int


class UdpSock:
    """A UDP socket of the host ``net``. Fields that TCP has too mean the same."""

    net: LinuxStack
    sk_family: int
    fd: int = -1
    sk_cookie: int = 0
    sk_state: int = 7  # TCP_CLOSE; TCP_ESTABLISHED when connected
    sk_err: int = 0
    sk_err_soft: int = 0
    sk_shutdown: int = 0
    sk_urginline: bool = False
    sk_keepopen: bool = False
    sk_linger: bool = False
    sk_lingertime: int = 0
    sk_reuse: bool = False
    sk_reuseport: bool = False
    sk_bound_if: str | None = None
    sk_userlocks: int = 0
    sk_sndbuf: int = 0
    sk_rcvbuf: int = 0
    sk_rcvlowat: int = 1
    sk_rcvtimeo: int = 1 << 62
    sk_sndtimeo: int = 1 << 62
    sk_wmem_queued: int = 0
    sk_wmem_alloc: int = 0
    sk_rmem_alloc: int = 0
    sk_forward_alloc: int = 0
    sk_backlog_len: int = 0
    sk_drops: int = 0
    sk_priority: int = 0
    sk_pacing_needed: bool = False
    sk_pacing_rate: int = (1 << 64) - 1
    sk_max_pacing_rate: int = (1 << 64) - 1
    sk_receive_queue: deque[Datagram]
    reader_queue: deque[Datagram]  # what the reader has taken over
    forward_deficit: int = 0  # memory read and not given back yet
    sk_wq: WaitQueue
    sk_watchers: list[EpollItem]
    sk_dst: Dst | None = None
    inet_saddr: str = ""
    inet_sport: int = 0
    inet_daddr: str = ""
    inet_dport: int = 0
    inet_id: int = 0
    inet_bound_addr: bool = False
    tos: int = 0
    ttl: int = -1
    pmtudisc: int = 1
    recverr: bool = False
    ipv6only: bool = False
    nonblocking: bool = False

    def __init__(
        self,
        net: LinuxStack,
        sk_family: int,
    ) -> None:
        self.net = net
        self.sk_family = sk_family
        self.sk_receive_queue = deque()
        self.reader_queue = deque()
        self.sk_wq = WaitQueue()
        self.sk_watchers = []
