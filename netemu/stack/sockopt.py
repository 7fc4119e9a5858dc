"""setsockopt and getsockopt: SOL_SOCKET and SOL_IP here, SOL_TCP in :mod:`netemu.stack.tcp_sockopt`
(net/core/sock.c, net/ipv4/ip_sockglue.c). An option that this stack has not is ENOPROTOOPT, as in a kernel without it.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Any

from netemu.stack import sock_lock, tcp_keepalive, tcp_recvmsg, tcp_sendmsg, tcp_sockopt, tcp_window
from netemu.stack.sock import SOCK_RCVBUF_LOCK, SOCK_SNDBUF_LOCK, TCP_LISTEN, TcpSock
from netemu.stack.task import MAX_SCHEDULE_TIMEOUT, KernelError
from netemu.stack.tcp_info import sk_get_meminfo
from netemu.stack.udp_sock import UdpSock

if TYPE_CHECKING:
    from collections.abc import Callable

Sock = TcpSock | UdpSock

SOL_IP, SOL_SOCKET, SOL_TCP, SOL_IPV6 = 0, 1, 6, 41
SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE = 2, 3, 4, 7, 8, 9
SO_OOBINLINE, SO_PRIORITY, SO_LINGER, SO_REUSEPORT, SO_RCVLOWAT, SO_SNDLOWAT = 10, 12, 13, 15, 18, 19
SO_RCVTIMEO, SO_SNDTIMEO, SO_BINDTODEVICE, SO_ACCEPTCONN, SO_PROTOCOL, SO_DOMAIN = 20, 21, 25, 30, 38, 39
SO_MAX_PACING_RATE, SO_MEMINFO, SO_COOKIE = 47, 55, 57
IP_TOS, IP_TTL, IP_MTU_DISCOVER, IP_RECVERR, IP_MTU = 1, 2, 10, 11, 14
IPV6_UNICAST_HOPS, IPV6_MTU_DISCOVER, IPV6_RECVERR, IPV6_V6ONLY, IPV6_TCLASS = 16, 23, 25, 26, 67
SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF = 4608, 2304
_TIMEVAL, _LINGER = struct.Struct("=qq"), struct.Struct("=ii")
_UNLIMITED = (1 << 64) - 1


def setsockopt(sk: Sock, level: int, option: int, value: int | bytes) -> None:
    """Set an option; ``value`` is an integer, or the bytes of a struct or a name.

    :raises KernelError: ENOPROTOOPT, EINVAL, and what the option says.
    """
    if level == SOL_SOCKET:
        setter = _SOCKET_SETTERS.get(option)
    elif level in (SOL_IP, SOL_IPV6):
        setter = _IP_SETTERS.get((level, option))
        if level == SOL_IP and isinstance(value, bytes) and 1 <= len(value) < 4:
            value = value[0]  # SOL_IP takes a char for an int (do_ip_setsockopt)
    elif level == SOL_TCP and isinstance(sk, TcpSock):
        tcp_sockopt.do_tcp_setsockopt(sk, option, value)
        return
    else:
        setter = None
    if setter is None:
        raise KernelError(errno.ENOPROTOOPT)
    setter(sk, value)


def getsockopt(sk: Sock, level: int, option: int) -> Any:
    """An option's value: an integer, text, bytes of a struct, a tuple of words (SO_MEMINFO), a mapping (TCP_INFO).

    :raises KernelError: ENOPROTOOPT.
    """
    if level == SOL_TCP and isinstance(sk, TcpSock):
        return tcp_sockopt.do_tcp_getsockopt(sk, option)
    getter = _SOCKET_GETTERS.get(option) if level == SOL_SOCKET else _IP_GETTERS.get((level, option))
    if getter is None:
        raise KernelError(errno.ENOPROTOOPT)
    return getter(sk)


def _int(value: int | bytes) -> int:
    """An int option's value; EINVAL for fewer bytes than an int has."""
    if isinstance(value, int):
        return value
    if len(value) < 4:
        raise KernelError(errno.EINVAL)
    return int.from_bytes(value[:4], "little", signed=True)


def _flag(name: str) -> Callable[[Sock, int | bytes], None]:
    return lambda sk, value: setattr(sk, name, bool(_int(value)))


def _set_sndbuf(sk: Sock, value: int | bytes) -> None:
    """Doubled for the overhead of struct sk_buff, after net.core.wmem_max has bounded it."""
    asked = min(_int(value) & 0xFFFFFFFF, sk.net.sysctl.core_wmem_max, (1 << 30) - 1)
    sk.sk_userlocks |= SOCK_SNDBUF_LOCK
    sk.sk_sndbuf = max(asked * 2, SOCK_MIN_SNDBUF)
    if isinstance(sk, TcpSock):
        tcp_sendmsg.sk_stream_write_space(sk)


def _set_rcvbuf(sk: Sock, value: int | bytes) -> None:
    asked = min(_int(value) & 0xFFFFFFFF, sk.net.sysctl.core_rmem_max, (1 << 30) - 1)
    sk.sk_userlocks |= SOCK_RCVBUF_LOCK
    sk.sk_rcvbuf = max(asked * 2, SOCK_MIN_RCVBUF)
    if isinstance(sk, TcpSock) and sk.net.profile.rcvbuf_moves_clamp:
        tcp_window.tcp_set_window_clamp(sk, tcp_window.tcp_win_from_space(sk, sk.sk_rcvbuf))  # tcp_set_rcvbuf


def _set_keepalive(sk: Sock, value: int | bytes) -> None:
    on = bool(_int(value))
    if isinstance(sk, TcpSock):
        tcp_keepalive.tcp_set_keepalive(sk, on)
    sk.sk_keepopen = on


def _set_linger(sk: Sock, value: int | bytes) -> None:
    if isinstance(value, int) or len(value) < _LINGER.size:
        raise KernelError(errno.EINVAL)
    on, seconds = _LINGER.unpack_from(value)
    sk.sk_linger = bool(on)
    if on:
        sk.sk_lingertime = (seconds & 0xFFFFFFFF) * sk.net.profile.hz


def _set_timeo(name: str) -> Callable[[Sock, int | bytes], None]:
    def setter(sk: Sock, value: int | bytes) -> None:
        if isinstance(value, int) or len(value) < _TIMEVAL.size:
            raise KernelError(errno.EINVAL)
        seconds, us = _TIMEVAL.unpack_from(value)
        if not 0 <= us < 1_000_000:
            raise KernelError(errno.EDOM)
        hz = sk.net.profile.hz
        timeo = MAX_SCHEDULE_TIMEOUT
        if seconds < 0:
            timeo = 0
        elif seconds or us:
            per_jiffy = 1_000_000 // hz
            timeo = seconds * hz + -(-us // per_jiffy)
        setattr(sk, name, timeo)

    return setter


def _get_timeo(sk: Sock, timeo: int) -> bytes:
    hz = sk.net.profile.hz
    if timeo >= MAX_SCHEDULE_TIMEOUT:
        return _TIMEVAL.pack(0, 0)
    return _TIMEVAL.pack(timeo // hz, timeo % hz * (1_000_000 // hz))


def _set_rcvlowat(sk: Sock, value: int | bytes) -> None:
    asked = _int(value)
    asked = 0x7FFFFFFF if asked < 0 else asked
    if isinstance(sk, TcpSock):
        sock_lock.lock_sock(sk)
        tcp_recvmsg.tcp_set_rcvlowat(sk, asked)
        sock_lock.release_sock(sk)
    else:
        sk.sk_rcvlowat = asked or 1


def _set_pacing(sk: Sock, value: int | bytes) -> None:
    rate = int.from_bytes(value[:8], "little") if isinstance(value, bytes) and len(value) >= 8 else _int(value)
    if isinstance(value, int) and rate in (-1, 0xFFFFFFFF):
        rate = _UNLIMITED
    if rate != _UNLIMITED and not (isinstance(sk, TcpSock) and sk.sk_pacing_fq):
        sk.sk_pacing_needed = True
    sk.sk_max_pacing_rate = rate
    sk.sk_pacing_rate = min(sk.sk_pacing_rate, rate)


def _set_device(sk: Sock, value: int | bytes) -> None:
    name = b"" if isinstance(value, int) else bytes(value).rstrip(b"\0")
    text = name.decode("ascii", "replace")
    if text and text not in sk.net.fib.interfaces:
        raise KernelError(errno.ENODEV)
    sk.sk_bound_if = text or None


def _set_tos(sk: Sock, value: int | bytes) -> None:
    """The two lowest bits are ECN's: a stream's are not the user's."""
    tos = _int(value) & 0xFF
    sk.tos = (tos & ~3) | (sk.tos & 3) if isinstance(sk, TcpSock) else tos


def _ranged(name: str, low: int, high: int) -> Callable[[Sock, int | bytes], None]:
    def setter(sk: Sock, value: int | bytes) -> None:
        number = _int(value)
        if not low <= number <= high:
            raise KernelError(errno.EINVAL)
        setattr(sk, name, number)

    return setter


def _set_v6only(sk: Sock, value: int | bytes) -> None:
    if sk.inet_sport:
        raise KernelError(errno.EINVAL)
    sk.ipv6only = bool(_int(value))


def _take_error(sk: Sock) -> int:
    """SO_ERROR: the error, or a soft one, and forget it (sock_error)."""
    err, sk.sk_err = sk.sk_err, 0
    if not err:
        err, sk.sk_err_soft = sk.sk_err_soft, 0
    return err


def _path_mtu(sk: Sock) -> int:
    from netemu.stack import route

    if sk.sk_dst is None:
        raise KernelError(errno.ENOTCONN)
    return route.dst_mtu(sk.sk_dst)


_SOCKET_SETTERS: dict[int, Callable[[Sock, int | bytes], None]] = {
    SO_REUSEADDR: _flag("sk_reuse"),
    SO_REUSEPORT: _flag("sk_reuseport"),
    SO_OOBINLINE: _flag("sk_urginline"),
    SO_SNDBUF: _set_sndbuf,
    SO_RCVBUF: _set_rcvbuf,
    SO_KEEPALIVE: _set_keepalive,
    SO_PRIORITY: _ranged("sk_priority", 0, 0x7FFFFFFF),
    SO_LINGER: _set_linger,
    SO_RCVLOWAT: _set_rcvlowat,
    SO_RCVTIMEO: _set_timeo("sk_rcvtimeo"),
    SO_SNDTIMEO: _set_timeo("sk_sndtimeo"),
    SO_MAX_PACING_RATE: _set_pacing,
    SO_BINDTODEVICE: _set_device,
}
_IP_SETTERS: dict[tuple[int, int], Callable[[Sock, int | bytes], None]] = {
    (SOL_IP, IP_TOS): _set_tos,
    (SOL_IPV6, IPV6_TCLASS): _set_tos,
    (SOL_IP, IP_TTL): _ranged("ttl", -1, 255),
    (SOL_IPV6, IPV6_UNICAST_HOPS): _ranged("ttl", -1, 255),
    (SOL_IP, IP_MTU_DISCOVER): _ranged("pmtudisc", 0, 5),
    (SOL_IPV6, IPV6_MTU_DISCOVER): _ranged("pmtudisc", 0, 5),
    (SOL_IP, IP_RECVERR): _flag("recverr"),
    (SOL_IPV6, IPV6_RECVERR): _flag("recverr"),
    (SOL_IPV6, IPV6_V6ONLY): _set_v6only,
}
_SOCKET_GETTERS: dict[int, Callable[[Sock], Any]] = {
    SO_REUSEADDR: lambda sk: int(sk.sk_reuse),
    SO_REUSEPORT: lambda sk: int(sk.sk_reuseport),
    SO_OOBINLINE: lambda sk: int(sk.sk_urginline),
    SO_TYPE: lambda sk: 1 if isinstance(sk, TcpSock) else 2,
    SO_ERROR: _take_error,
    SO_SNDBUF: lambda sk: sk.sk_sndbuf,
    SO_RCVBUF: lambda sk: sk.sk_rcvbuf,
    SO_KEEPALIVE: lambda sk: int(sk.sk_keepopen),
    SO_PRIORITY: lambda sk: sk.sk_priority,
    SO_LINGER: lambda sk: _LINGER.pack(sk.sk_linger, sk.sk_lingertime // sk.net.profile.hz),
    SO_RCVLOWAT: lambda sk: sk.sk_rcvlowat,
    SO_SNDLOWAT: lambda _: 1,
    SO_RCVTIMEO: lambda sk: _get_timeo(sk, sk.sk_rcvtimeo),
    SO_SNDTIMEO: lambda sk: _get_timeo(sk, sk.sk_sndtimeo),
    SO_ACCEPTCONN: lambda sk: int(isinstance(sk, TcpSock) and sk.sk_state == TCP_LISTEN),
    SO_PROTOCOL: lambda sk: 6 if isinstance(sk, TcpSock) else 17,
    SO_DOMAIN: lambda sk: sk.sk_family,
    SO_MAX_PACING_RATE: lambda sk: min(sk.sk_max_pacing_rate, 0xFFFFFFFF),
    SO_MEMINFO: sk_get_meminfo,
    SO_COOKIE: lambda sk: sk.sk_cookie,
}
_IP_GETTERS: dict[tuple[int, int], Callable[[Sock], Any]] = {
    (SOL_IP, IP_TOS): lambda sk: sk.tos,
    (SOL_IPV6, IPV6_TCLASS): lambda sk: sk.tos,
    (SOL_IP, IP_TTL): lambda sk: sk.ttl if sk.ttl >= 0 else sk.net.sysctl.ip_default_ttl,
    (SOL_IPV6, IPV6_UNICAST_HOPS): lambda sk: sk.ttl if sk.ttl >= 0 else 64,
    (SOL_IP, IP_MTU_DISCOVER): lambda sk: sk.pmtudisc,
    (SOL_IPV6, IPV6_MTU_DISCOVER): lambda sk: sk.pmtudisc,
    (SOL_IP, IP_RECVERR): lambda sk: int(sk.recverr),
    (SOL_IPV6, IPV6_RECVERR): lambda sk: int(sk.recverr),
    (SOL_IPV6, IPV6_V6ONLY): lambda sk: int(sk.ipv6only),
    (SOL_IP, IP_MTU): _path_mtu,
}
