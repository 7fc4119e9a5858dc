"""Options of SOL_TCP (do_tcp_setsockopt and do_tcp_getsockopt, net/ipv4/tcp.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from netemu.stack import (
    sock_lock,
    tcp_ack_snd,
    tcp_cong,
    tcp_fastopen,
    tcp_fastopen_cookie,
    tcp_info,
    tcp_keepalive,
    tcp_output,
    tcp_sendmsg,
    tcp_window,
)
from netemu.stack.sock import (
    ICSK_ACK_PUSHED,
    ICSK_ACK_SCHED,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_ESTABLISHED,
    TCP_LISTEN,
    TCP_NAGLE_CORK,
    TCP_NAGLE_OFF,
    TCP_NAGLE_PUSH,
)
from netemu.stack.task import KernelError
from netemu.stack.tcp_fastopen_h import TFO_CLIENT_ENABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from netemu.stack.sock import TcpSock

TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT = 1, 2, 3, 4, 5, 6, 7
TCP_LINGER2, TCP_DEFER_ACCEPT, TCP_WINDOW_CLAMP, TCP_INFO, TCP_QUICKACK, TCP_CONGESTION = 8, 9, 10, 11, 12, 13
TCP_THIN_LINEAR_TIMEOUTS, TCP_USER_TIMEOUT, TCP_NOTSENT_LOWAT, TCP_INQ = 16, 18, 25, 36
TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE = 23, 30, 33, 34
_FASTOPEN = (TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE)
TCP_MIN_MSS, MAX_TCP_WINDOW = 88, 32767
TCP_FIN_TIMEOUT_MAX_S, TCP_RTO_MAX_S = 120, 120
_CA_NAME_MAX = 16


def do_tcp_setsockopt(sk: TcpSock, option: int, value: int | bytes) -> None:
    """Set an option of SOL_TCP.

    :raises KernelError: ENOPROTOOPT, EINVAL, ENOENT (TCP_CONGESTION).
    """
    if option == TCP_CONGESTION:
        _set_congestion(sk, value)
        return
    setter = _SETTERS.get(option)
    if option in _FASTOPEN and "tcp_fastopen" in sk.net.profile.sysctls_lacking:
        setter = None
    elif option == TCP_FASTOPEN_KEY:
        _set_fastopen_key(sk, value)
        return
    if setter is None:
        raise KernelError(errno.ENOPROTOOPT)
    number = value if isinstance(value, int) else _int(value)
    sock_lock.lock_sock(sk)
    try:
        setter(sk, number)
    finally:
        sock_lock.release_sock(sk)


def do_tcp_getsockopt(sk: TcpSock, option: int) -> Any:
    """An option's value: an integer, the congestion control's name, or tcp_info by the kernel's names.

    :raises KernelError: ENOPROTOOPT.
    """
    getter = _GETTERS.get(option)
    if getter is None:
        raise KernelError(errno.ENOPROTOOPT)
    return getter(sk)


def _int(value: bytes) -> int:
    if len(value) < 4:
        raise KernelError(errno.EINVAL)
    return int.from_bytes(value[:4], "little", signed=True)


def _set_congestion(sk: TcpSock, value: int | bytes) -> None:
    if isinstance(value, int) or not value:
        raise KernelError(errno.EINVAL)
    name = value[: _CA_NAME_MAX - 1].split(b"\0")[0].decode("ascii", "replace")
    sock_lock.lock_sock(sk)
    try:
        tcp_cong.tcp_set_congestion_control(sk, name)
    finally:
        sock_lock.release_sock(sk)


def _check(number: int, low: int, high: int) -> int:
    if not low <= number <= high:
        raise KernelError(errno.EINVAL)
    return number


def _set_nodelay(sk: TcpSock, on: int) -> None:
    """Off Nagle; what is queued is pushed, corked or not."""
    if on:
        sk.nonagle |= TCP_NAGLE_OFF | TCP_NAGLE_PUSH
        _push_pending(sk)
    else:
        sk.nonagle &= ~TCP_NAGLE_OFF


def _set_cork(sk: TcpSock, on: int) -> None:
    if on:
        sk.nonagle |= TCP_NAGLE_CORK
        return
    sk.nonagle &= ~TCP_NAGLE_CORK
    if sk.nonagle & TCP_NAGLE_OFF:
        sk.nonagle |= TCP_NAGLE_PUSH
    _push_pending(sk)


def _push_pending(sk: TcpSock) -> None:
    if sk.sk_write_queue:
        tcp_output.tcp_push_pending_frames(sk)


def _set_keepidle(sk: TcpSock, seconds: int) -> None:
    sk.keepalive_time = _check(seconds, 1, 32767) * sk.net.profile.hz
    if sk.sk_keepopen and sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        elapsed = tcp_keepalive.keepalive_time_elapsed(sk)
        tcp_keepalive.inet_csk_reset_keepalive_timer(sk, max(0, sk.keepalive_time - elapsed))


def _set_keepintvl(sk: TcpSock, seconds: int) -> None:
    sk.keepalive_intvl = _check(seconds, 1, 32767) * sk.net.profile.hz


def _set_keepcnt(sk: TcpSock, count: int) -> None:
    sk.keepalive_probes = _check(count, 1, 127)


def _set_syncnt(sk: TcpSock, count: int) -> None:
    sk.icsk_syn_retries = _check(count, 1, 127)


def _set_user_timeout(sk: TcpSock, ms: int) -> None:
    sk.icsk_user_timeout = _check(ms, 0, 0x7FFFFFFF)


def _set_linger2(sk: TcpSock, seconds: int) -> None:
    sk.linger2 = -1 if seconds < 0 else min(seconds, TCP_FIN_TIMEOUT_MAX_S) * sk.net.profile.hz


def _set_defer_accept(sk: TcpSock, seconds: int) -> None:
    """Seconds as a number of SYN-ACKs (secs_to_retrans)."""
    count, timeout, period = 0, 1, 1
    if seconds > 0:
        count = 1
        while seconds > period and count < 255:
            count += 1
            timeout = min(timeout << 1, TCP_RTO_MAX_S)
            period += timeout
    sk.defer_accept = count


def _get_defer_accept(sk: TcpSock) -> int:
    """And back (retrans_to_secs)."""
    period, timeout = 0, 1
    for _ in range(sk.defer_accept):
        period += timeout
        timeout = min(timeout << 1, TCP_RTO_MAX_S)
    return period


def _set_maxseg(sk: TcpSock, mss: int) -> None:
    if mss:
        _check(mss, TCP_MIN_MSS, MAX_TCP_WINDOW)
    sk.user_mss = mss


def _set_quickack(sk: TcpSock, value: int) -> None:
    """0: interactive, ACKs wait for data; otherwise ACK at once what is due, for good if the lowest bit is set."""
    thresh = sk.net.sysctl.tcp_pingpong_thresh
    if not value:
        sk.ack_pingpong = thresh
        return
    sk.ack_pingpong = 0
    if sk.sk_state in (TCP_ESTABLISHED, TCP_CLOSE_WAIT) and sk.ack_pending & ICSK_ACK_SCHED:
        sk.ack_pending |= ICSK_ACK_PUSHED
        tcp_ack_snd.tcp_cleanup_rbuf(sk, 1)
        if not value & 1:
            sk.ack_pingpong = thresh


def _set_notsent_lowat(sk: TcpSock, size: int) -> None:
    sk.notsent_lowat = size & 0xFFFFFFFF
    tcp_sendmsg.sk_stream_write_space(sk)


def _set_inq(sk: TcpSock, value: int) -> None:
    sk.recvmsg_inq = bool(_check(value, 0, 1))


def _set_fastopen(sk: TcpSock, backlog: int) -> None:
    if backlog < 0 or sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        raise KernelError(errno.EINVAL)
    tcp_fastopen_cookie.tcp_fastopen_init_key_once(sk.net)
    tcp_fastopen.fastopen_queue_tune(sk, backlog)


def _set_fastopen_connect(sk: TcpSock, value: int) -> None:
    _check(value, 0, 1)
    if not sk.net.sysctl.tcp_fastopen & TFO_CLIENT_ENABLE:
        raise KernelError(errno.EOPNOTSUPP)
    if sk.sk_state != TCP_CLOSE:
        raise KernelError(errno.EINVAL)
    sk.tfo.fastopen_connect = bool(value)


def _set_fastopen_no_cookie(sk: TcpSock, value: int) -> None:
    _check(value, 0, 1)
    if sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        raise KernelError(errno.EINVAL)
    sk.tfo.fastopen_no_cookie = bool(value)


def _set_fastopen_key(sk: TcpSock, value: int | bytes) -> None:
    """One key, or two of which the second is good for old cookies."""
    size = tcp_fastopen_cookie.TCP_FASTOPEN_KEY_BYTES
    if isinstance(value, int) or len(value) not in (size, 2 * size):
        raise KernelError(errno.EINVAL)
    sk.tfo.keys = tuple(bytes(value[at : at + size]) for at in range(0, len(value), size))


def _get_maxseg(sk: TcpSock) -> int:
    if sk.user_mss and sk.sk_state in (TCP_CLOSE, TCP_LISTEN):
        return sk.user_mss
    return sk.mss_cache


_SETTERS: dict[int, Callable[[TcpSock, int], None]] = {
    TCP_NODELAY: _set_nodelay,
    TCP_MAXSEG: _set_maxseg,
    TCP_CORK: _set_cork,
    TCP_KEEPIDLE: _set_keepidle,
    TCP_KEEPINTVL: _set_keepintvl,
    TCP_KEEPCNT: _set_keepcnt,
    TCP_SYNCNT: _set_syncnt,
    TCP_LINGER2: _set_linger2,
    TCP_DEFER_ACCEPT: _set_defer_accept,
    TCP_WINDOW_CLAMP: tcp_window.tcp_set_window_clamp,
    TCP_QUICKACK: _set_quickack,
    TCP_USER_TIMEOUT: _set_user_timeout,
    TCP_NOTSENT_LOWAT: _set_notsent_lowat,
    TCP_INQ: _set_inq,
    TCP_FASTOPEN: _set_fastopen,
    TCP_FASTOPEN_CONNECT: _set_fastopen_connect,
    TCP_FASTOPEN_NO_COOKIE: _set_fastopen_no_cookie,
}
_GETTERS: dict[int, Callable[[TcpSock], Any]] = {
    TCP_NODELAY: lambda sk: int(bool(sk.nonagle & TCP_NAGLE_OFF)),
    TCP_MAXSEG: _get_maxseg,
    TCP_CORK: lambda sk: int(bool(sk.nonagle & TCP_NAGLE_CORK)),
    TCP_KEEPIDLE: lambda sk: tcp_keepalive.keepalive_time_when(sk) // sk.net.profile.hz,
    TCP_KEEPINTVL: lambda sk: tcp_keepalive.keepalive_intvl_when(sk) // sk.net.profile.hz,
    TCP_KEEPCNT: tcp_keepalive.keepalive_probes,
    TCP_SYNCNT: lambda sk: sk.icsk_syn_retries or sk.net.sysctl.tcp_syn_retries,
    TCP_LINGER2: lambda sk: (
        sk.linger2 // sk.net.profile.hz if sk.linger2 > 0 else sk.linger2 or sk.net.sysctl.tcp_fin_timeout
    ),
    TCP_DEFER_ACCEPT: _get_defer_accept,
    TCP_WINDOW_CLAMP: lambda sk: sk.window_clamp,
    TCP_INFO: tcp_info.tcp_get_info,
    TCP_QUICKACK: lambda sk: int(sk.ack_pingpong < sk.net.sysctl.tcp_pingpong_thresh),
    TCP_CONGESTION: lambda sk: sk.icsk_ca_ops.name,
    TCP_USER_TIMEOUT: lambda sk: sk.icsk_user_timeout,
    TCP_NOTSENT_LOWAT: lambda sk: sk.notsent_lowat,
    TCP_INQ: lambda sk: int(sk.recvmsg_inq),
    TCP_FASTOPEN: lambda sk: sk.tfo.max_qlen,
    TCP_FASTOPEN_CONNECT: lambda sk: int(sk.tfo.fastopen_connect),
    TCP_FASTOPEN_NO_COOKIE: lambda sk: int(sk.tfo.fastopen_no_cookie),
    TCP_FASTOPEN_KEY: lambda sk: b"".join(sk.tfo.keys or ()),
}
