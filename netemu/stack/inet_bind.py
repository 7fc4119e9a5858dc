"""Which local ports may be shared: bind(), SO_REUSEADDR, SO_REUSEPORT (inet_csk_get_port, inet_connection_sock.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from netemu.stack.sock import TCP_LISTEN
from netemu.stack.task import KernelError

if TYPE_CHECKING:
    from netemu.stack.inet_timewait_sock import TimewaitSock
    from netemu.stack.sock import TcpSock
    from netemu.stack.udp_sock import UdpSock

AF_INET, AF_INET6 = 2, 10


class BindBucket:
    """``struct inet_bind_bucket``: a port and its owners, TIME_WAIT sockets among them.

    ``fastreuse`` and ``fastreuseport``: 1 all owners allow it, 0 some do not, -1 the port was taken by connect() alone.
    """

    __slots__ = ("fastreuse", "fastreuseport", "owners", "port")

    def __init__(self, port: int) -> None:
        self.port = port
        self.fastreuse = self.fastreuseport = 0
        self.owners: list[TcpSock | TimewaitSock] = []


def inet_bind_hash(sk: TcpSock, bucket: BindBucket, port: int) -> None:
    """Make the socket an owner of the port."""
    sk.inet_sport = port
    if sk not in bucket.owners:
        bucket.owners.append(sk)


def inet_put_port(sk: TcpSock | TimewaitSock) -> None:
    """Give the port up; a bucket without owners is gone."""
    bhash = sk.net.hashinfo.bhash
    bucket = bhash.get(sk.inet_sport)
    if bucket is not None and sk in bucket.owners:
        bucket.owners.remove(sk)
        if not bucket.owners:
            del bhash[sk.inet_sport]


def inet_inherit_port(sk: TcpSock, child: TcpSock) -> None:
    """A connection that a listening socket took in owns its port too (__inet_inherit_port)."""
    bucket = sk.net.hashinfo.bhash[sk.inet_sport]
    inet_bind_hash(child, bucket, sk.inet_sport)


def inet_csk_get_port(sk: TcpSock, snum: int) -> None:
    """Take port ``snum``, or for 0 one that is free.

    :raises KernelError: EADDRINUSE.
    """
    bhash = sk.net.hashinfo.bhash
    reuse = sk.sk_reuse and sk.sk_state != TCP_LISTEN
    port = snum or _find_open_port(sk)
    bucket = bhash.get(port)
    if snum and bucket is not None and bucket.owners:
        fast = (bucket.fastreuse > 0 and reuse) or (bucket.fastreuseport > 0 and sk.sk_reuseport)
        if not fast and _bind_conflict(sk, bucket, relax=True, reuseport_ok=True):
            raise KernelError(errno.EADDRINUSE)
    if bucket is None:
        bucket = bhash[port] = BindBucket(port)
    _update_fastreuse(sk, bucket, reuse=reuse)
    inet_bind_hash(sk, bucket, port)


def _update_fastreuse(sk: TcpSock, bucket: BindBucket, *, reuse: bool) -> None:
    """inet_csk_update_fastreuse."""
    if not bucket.owners:
        bucket.fastreuse, bucket.fastreuseport = int(reuse), int(sk.sk_reuseport)
        return
    if not reuse:
        bucket.fastreuse = 0
    if not sk.sk_reuseport:
        bucket.fastreuseport = 0


def _find_open_port(sk: TcpSock) -> int:
    """inet_csk_find_open_port: an odd port at random and upwards, with SO_REUSEADDR in the lower half first."""
    random = sk.net.random
    low, high = sk.net.sysctl.ip_local_port_range
    high += 1
    half = low + (((high - low) >> 2) << 1)
    ranges = [(low, half), (half, high)] if sk.sk_reuse and high - low >= 4 else [(low, high)]
    for first, end in ranges:
        remaining = end - first
        if remaining > 1:
            remaining &= ~1
        offset = random.below(remaining) | 1
        for start in (offset, offset - 1):
            for step in range(0, remaining, 2):
                port = first + start + step
                if port >= end:
                    port -= remaining
                bucket = sk.net.hashinfo.bhash.get(port)
                if bucket is None or not _bind_conflict(sk, bucket, relax=False, reuseport_ok=False):
                    return port
    raise KernelError(errno.EADDRINUSE)


def _bind_conflict(sk: TcpSock, bucket: BindBucket, *, relax: bool, reuseport_ok: bool) -> bool:
    """inet_csk_bind_conflict: whether some owner does not let ``sk`` share the port."""
    return any(
        _owner_conflicts(sk, other, relax=relax, reuseport_ok=reuseport_ok) and inet_rcv_saddr_equal(sk, other)
        for other in bucket.owners
        if other is not sk
    )


def _owner_conflicts(sk: TcpSock, other: TcpSock | TimewaitSock, *, relax: bool, reuseport_ok: bool) -> bool:
    """inet_bind_conflict; all sockets here have one user."""
    if sk.sk_bound_if and other.sk_bound_if and sk.sk_bound_if != other.sk_bound_if:
        return False
    both_reuseport = sk.sk_reuseport and other.sk_reuseport
    if sk.sk_reuse and other.sk_reuse and other.sk_state != TCP_LISTEN:
        return not relax or (not reuseport_ok and both_reuseport)
    return not reuseport_ok or not both_reuseport


def inet_rcv_saddr_equal(sk: TcpSock | UdpSock, other: TcpSock | TimewaitSock | UdpSock) -> bool:
    """Whether both may be meant by a packet, wildcards included (ipv6_rcv_saddr_equal, ipv4_rcv_saddr_equal)."""
    if sk.sk_family != other.sk_family:
        v6 = sk if sk.sk_family == AF_INET6 else other
        if v6.ipv6only or ":" in v6.inet_saddr:
            return False
    return not sk.inet_saddr or not other.inet_saddr or sk.inet_saddr == other.inet_saddr
