"""Tables of sockets: who gets an arriving segment, and which local port a connect() takes (net/ipv4/inet_hashtables.c).

Addresses are text as on the wire; ``""`` is the wildcard. One table serves IPv4 and IPv6.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from netemu.stack.inet_bind import BindBucket, inet_bind_hash
from netemu.stack.inet_timewait_sock import TimewaitSock, inet_twsk_deschedule_put, tcp_twsk_unique
from netemu.stack.sock import TCP_LISTEN
from netemu.stack.task import KernelError

if TYPE_CHECKING:
    from netemu.stack.request_sock import RequestSock
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack

Key = tuple[str, int, str, int]
"""Local address and port, remote address and port."""

AF_INET, AF_INET6 = 2, 10


class InetHashinfo:
    """``struct inet_hashinfo``: ``ehash`` all with a peer, ``listeners`` by port, ``bhash`` who holds which port."""

    __slots__ = ("bhash", "ehash", "listeners", "perturb", "tw_count")

    def __init__(self) -> None:
        self.ehash: dict[Key, TcpSock | RequestSock | TimewaitSock] = {}
        self.listeners: dict[int, list[TcpSock]] = {}
        self.bhash: dict[int, BindBucket] = {}
        self.perturb: dict[int, int] = {}
        self.tw_count = 0


def inet_key(sk: TcpSock) -> Key:
    """Where a connected socket stands in ``ehash``."""
    return (sk.inet_saddr, sk.inet_sport, sk.inet_daddr, sk.inet_dport)


def inet_lookup_listener(
    net: LinuxStack, daddr: str, dport: int, peer: tuple[str, int], interface: str
) -> TcpSock | None:
    """Who listens for ``daddr``: a socket bound to the address before one bound to any (compute_score).

    Of several that share the port by SO_REUSEPORT each has its part of the peers, by a hash of both ends.
    """
    best: list[TcpSock] = []
    best_score = 0
    for sk in net.hashinfo.listeners.get(dport, ()):
        score = _compute_score(sk, daddr, interface)
        if score > best_score:
            best, best_score = [sk], score
        elif score and score == best_score:
            best.append(sk)
    if len(best) < 2 or not best[0].sk_reuseport:
        return best[0] if best else None
    sharing = [sk for sk in reversed(best) if sk.sk_reuseport]
    return sharing[reuseport_index(net, (daddr, dport), peer, len(sharing))]


def reuseport_index(net: LinuxStack, here: tuple[str, int], peer: tuple[str, int], count: int) -> int:
    """Which of ``count`` sockets that share a port gets a peer's packets (reuseport_select_sock, reciprocal_scale)."""
    return (net.random.keyed("reuseport", *here, *peer) >> 32) * count >> 32


def _compute_score(sk: TcpSock, daddr: str, interface: str) -> int:
    """0: the socket does not take it."""
    is_v6 = ":" in daddr
    if is_v6 != (sk.sk_family == AF_INET6) and (is_v6 or sk.ipv6only):
        return 0
    if sk.sk_bound_if is not None and sk.sk_bound_if != interface:
        return 0
    if sk.inet_saddr and sk.inet_saddr != daddr:
        return 0
    return 8 * bool(sk.inet_saddr) + 2 * (sk.sk_bound_if is not None) + (sk.sk_family == AF_INET) + 1


def inet_hash(sk: TcpSock) -> None:
    """Make the socket reachable: by its port while it listens, by both ends otherwise."""
    if sk.sk_state == TCP_LISTEN:
        # The last one that began to listen is found first among equals.
        sk.net.hashinfo.listeners.setdefault(sk.inet_sport, []).insert(0, sk)
    else:
        sk.net.hashinfo.ehash[inet_key(sk)] = sk


def inet_unhash(sk: TcpSock) -> None:
    """Make it unreachable."""
    hashinfo = sk.net.hashinfo
    listeners = hashinfo.listeners.get(sk.inet_sport)
    if listeners is not None and sk in listeners:
        listeners.remove(sk)
        if not listeners:
            del hashinfo.listeners[sk.inet_sport]
    key = inet_key(sk)
    if hashinfo.ehash.get(key) is sk:
        del hashinfo.ehash[key]


def inet_hash_connect(sk: TcpSock) -> None:
    """Choose a local port if the socket has none, and enter it in the tables (__inet_hash_connect).

    :raises KernelError: EADDRNOTAVAIL when the pair of ends is taken, or every port is.
    """
    if sk.inet_sport:
        if not _check_established(sk, sk.inet_sport, has_bucket=True):
            raise KernelError(errno.EADDRNOTAVAIL)
        return
    net = sk.net
    low, high = net.sysctl.ip_local_port_range
    remaining = high + 1 - low
    if remaining > 1:
        remaining &= ~1
    port_offset = net.random.keyed("port", sk.inet_saddr, sk.inet_daddr, sk.inet_dport)
    index = port_offset & 0xFFFF
    perturb = net.hashinfo.perturb
    if index not in perturb:
        perturb[index] = net.random.u32()
    offset = ((perturb[index] + (port_offset >> 32)) % remaining) & ~1
    # Even ports first, as seen from the range's start; bind() to port 0 takes odd ones first.
    for start in (offset, offset + 1) if remaining > 1 else (offset,):
        for tried in range(0, remaining, 2):
            port = low + (start + tried) % remaining
            if _take_port(sk, port):
                perturb[index] += max(tried, net.random.below(8) * 2) + 2
                return
    raise KernelError(errno.EADDRNOTAVAIL)


def _take_port(sk: TcpSock, port: int) -> bool:
    """Use ``port`` unless a bind() holds it or the pair of ends is taken."""
    bucket = sk.net.hashinfo.bhash.get(port)
    if bucket is not None:
        if bucket.fastreuse >= 0 or bucket.fastreuseport >= 0 or not _check_established(sk, port, has_bucket=False):
            return False
        sk.net.hashinfo.bhash[port] = bucket  # it went with the TIME_WAIT that gave way, if that was its last owner
    else:
        bucket = sk.net.hashinfo.bhash[port] = BindBucket(port)
        bucket.fastreuse = bucket.fastreuseport = -1
        sk.inet_sport = port
        sk.net.hashinfo.ehash[inet_key(sk)] = sk
    inet_bind_hash(sk, bucket, port)
    return True


def _check_established(sk: TcpSock, port: int, *, has_bucket: bool) -> bool:
    """__inet_check_established: enter the socket in ``ehash`` with local port ``port`` unless another has that place.

    ``has_bucket``: the port was bound before, so that a TIME_WAIT socket gives way without tcp_tw_reuse.
    """
    hashinfo = sk.net.hashinfo
    key = (sk.inet_saddr, port, sk.inet_daddr, sk.inet_dport)
    other = hashinfo.ehash.get(key)
    if other is not None:
        if not isinstance(other, TimewaitSock) or not tcp_twsk_unique(sk, other, has_bucket=has_bucket):
            return False
        inet_twsk_deschedule_put(other)
        sk.net.mib.inc("TWRecycled")
    sk.inet_sport = port
    hashinfo.ehash[key] = sk
    return True
