"""Opening connections: bind, listen, accept, connect (net/ipv4/inet_connection_sock.c, af_inet.c, tcp_ipv4.c)."""

from __future__ import annotations

import errno
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from netemu.stack import (
    inet_hashtables,
    route,
    sock_lock,
    sock_wake,
    tcp_close,
    tcp_fastopen,
    tcp_fastopen_active,
    tcp_fastopen_cookie,
    tcp_request,
    tcp_send,
    tcp_sendmsg,
    tcp_trace,
)
from netemu.stack.inet_bind import inet_csk_get_port
from netemu.stack.sock import TCP_CLOSE, TCP_LISTEN, TCP_SYN_RECV, TCP_SYN_SENT
from netemu.stack.task import KernelError
from netemu.stack.tcp_fastopen_h import TFO_SERVER_ENABLE, TFO_SERVER_WO_SOCKOPT1
from netemu.stack.tcp_state import tcp_set_state

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock
    from netemu.stack.udp_sock import UdpSock

SS_UNCONNECTED, SS_CONNECTING, SS_CONNECTED, SS_DISCONNECTING = 1, 2, 3, 4
_ANY = ("0.0.0.0", "::", "")
_MAPPED = "::ffff:"
TCP_MSS_DEFAULT, TCP_MSS_DEFAULT_V6 = 536, 1220


def inner_address(sk: TcpSock | UdpSock, address: str) -> str:
    """An address as the stack's tables have it: the wildcard as "", an IPv4-mapped one as IPv4.

    :raises KernelError: EAFNOSUPPORT, ENETUNREACH: not of the socket's family.
    """
    if address in _ANY:
        return ""
    if address.startswith(_MAPPED):
        if sk.ipv6only:
            raise KernelError(errno.ENETUNREACH)
        return address.removeprefix(_MAPPED)
    if (":" in address) != (sk.sk_family == inet_hashtables.AF_INET6):
        raise KernelError(errno.EAFNOSUPPORT)
    return address


def outer_address(sk: TcpSock | UdpSock, address: str) -> str:
    """The same as the process sees it."""
    if sk.sk_family == inet_hashtables.AF_INET6:
        if not address:
            return "::"
        return address if ":" in address else _MAPPED + address
    return address or "0.0.0.0"  # INADDR_ANY, not a socket of this machine


def inet_bind(sk: TcpSock, address: str, port: int) -> None:
    """bind(): take an address of this host and a port, 0 for any.

    :raises KernelError: EINVAL, EADDRNOTAVAIL, EADDRINUSE, EAFNOSUPPORT.
    """
    inner = inner_address(sk, address)
    if inner and not sk.net.fib.is_local(inner):
        raise KernelError(errno.EADDRNOTAVAIL)
    if sk.sk_state != TCP_CLOSE or sk.inet_sport:
        raise KernelError(errno.EINVAL)
    sk.inet_saddr = inner
    try:
        inet_csk_get_port(sk, port)
    except KernelError:
        sk.inet_saddr = ""
        raise
    sk.inet_bound_addr, sk.inet_bound_port = bool(inner), bool(port)


def inet_listen(sk: TcpSock, backlog: int) -> None:
    """listen(): also changes the backlog of a socket that listens already.

    :raises KernelError: EINVAL, EADDRINUSE.
    """
    if sk.ss_state != SS_UNCONNECTED or sk.sk_state not in (TCP_CLOSE, TCP_LISTEN):
        raise KernelError(errno.EINVAL)
    somaxconn = sk.net.sysctl.core_somaxconn
    sk.sk_max_ack_backlog = min(backlog & 0xFFFFFFFF, somaxconn)
    if sk.sk_state == TCP_LISTEN:
        return
    wanted = sk.net.sysctl.tcp_fastopen
    if wanted & TFO_SERVER_WO_SOCKOPT1 and wanted & TFO_SERVER_ENABLE and not sk.tfo.max_qlen:
        tcp_fastopen.fastopen_queue_tune(sk, sk.sk_max_ack_backlog)
        tcp_fastopen_cookie.tcp_fastopen_init_key_once(sk.net)
    sk.tfo.qlen = 0
    sk.tfo.rskq_rst.clear()
    sk.sk_ack_backlog = 0
    sk.ack_pingpong = sk.ack_quick = sk.ack_pending = 0
    # The state is changed first: a port that is shared by SO_REUSEADDR has one listener at most.
    sk.sk_state = TCP_LISTEN
    try:
        inet_csk_get_port(sk, sk.inet_sport)
    except KernelError:
        sk.sk_state = TCP_CLOSE
        raise
    sk.sk_dst = None
    inet_hashtables.inet_hash(sk)
    tcp_trace.trace_inet_sock_set_state(sk, TCP_CLOSE, TCP_LISTEN)


def inet_csk_accept(sk: TcpSock, nonblock: bool) -> Generator[None, None, TcpSock]:
    """accept(): the oldest connection of the accept queue.

    :raises KernelError: EINVAL, EAGAIN, EINTR.
    """
    sock_lock.lock_sock(sk)
    try:
        if sk.sk_state != TCP_LISTEN:
            raise KernelError(errno.EINVAL)
        timeo = 0 if nonblock else sk.sk_rcvtimeo
        while not sk.icsk_accept_queue:
            if not timeo:
                raise KernelError(errno.EAGAIN)
            if sk.net.current.interrupted:
                raise KernelError(errno.EINTR)
            timeo = yield from sock_lock.sk_wait_event(sk, timeo, lambda: bool(sk.icsk_accept_queue))
            if not sk.icsk_accept_queue and sk.sk_state != TCP_LISTEN:
                raise KernelError(errno.EINVAL)
        child = sk.icsk_accept_queue.popleft()
        sk.sk_ack_backlog -= 1
        child.ss_state = SS_CONNECTED
        if child.fastopen_rsk is not None:
            child.fastopen_rsk.sk = None
        return child
    finally:
        sock_lock.release_sock(sk)


def inet_csk_listen_stop(sk: TcpSock) -> None:
    """The listener ends: its requests are forgotten, connections that nobody accepted are reset."""
    for req in list(sk.icsk_request_socks.values()):
        tcp_request.inet_csk_reqsk_queue_drop(req)
    while sk.icsk_accept_queue:
        child = sk.icsk_accept_queue.popleft()
        sk.sk_ack_backlog -= 1
        tcp_close.tcp_disconnect(child)
        child.sk_dead = True
        sk.net.tcp_orphan_count += 1
        tcp_close.inet_csk_destroy_sock(child)


def tcp_v4_connect(sk: TcpSock, daddr: str, dport: int) -> None:
    """Choose route, source address and port, and send the SYN.

    :raises KernelError: ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, and what the SYN's way out says.
    """
    net = sk.net
    inner = inner_address(sk, daddr) or ("::1" if sk.sk_family == inet_hashtables.AF_INET6 else "127.0.0.1")
    dst = route.ip_route_output(net, inner)
    if dst is None:
        net.mib.inc("Ip6OutNoRoutes" if ":" in inner else "IpOutNoRoutes")
        raise KernelError(errno.ENETUNREACH)
    bound = sk.inet_saddr
    sk.inet_saddr = bound or dst.saddr
    if sk.ts_recent_stamp and sk.inet_daddr != inner:
        sk.ts_recent = sk.ts_recent_stamp = sk.write_seq = 0
    sk.inet_daddr, sk.inet_dport = inner, dport
    sk.mss_clamp = TCP_MSS_DEFAULT_V6 if ":" in inner else TCP_MSS_DEFAULT
    tcp_set_state(sk, TCP_SYN_SENT)
    try:
        inet_hashtables.inet_hash_connect(sk)
        route.sk_setup_caps(sk, dst)
        if not sk.write_seq:
            sk.write_seq = tcp_request.secure_tcp_seq(net, sk.inet_saddr, sk.inet_sport, inner, dport)
        sk.tsoffset = tcp_request.secure_tcp_ts_off(net, sk.inet_saddr, inner)
        sk.inet_id = net.random.u32() & 0xFFFF
        if tcp_fastopen_active.tcp_fastopen_defer_connect(sk):
            return
        err = tcp_send.tcp_connect(sk)
        if err:
            raise KernelError(-err)
    except KernelError:
        tcp_set_state(sk, TCP_CLOSE)
        sk.inet_saddr, sk.inet_dport, sk.inet_daddr = bound, 0, ""
        raise


def inet_stream_connect(sk: TcpSock, address: str, port: int, nonblock: bool) -> Generator[None, None, None]:
    """connect().

    :raises KernelError: EISCONN, EALREADY, EINPROGRESS, EINTR, or why the connection could not be made.
    """
    sock_lock.lock_sock(sk)
    try:
        yield from stream_connect(sk, (address, port), nonblock)
    finally:
        sock_lock.release_sock(sk)


def inet_stream_disconnect(sk: TcpSock) -> None:
    """connect() to AF_UNSPEC (__inet_stream_connect, net/ipv4/af_inet.c)."""
    sock_lock.lock_sock(sk)
    try:
        sk.sk_disconnects += 1
        tcp_close.tcp_disconnect(sk)
        sk.ss_state = SS_UNCONNECTED
    finally:
        sock_lock.release_sock(sk)


def stream_connect(
    sk: TcpSock, address: tuple[Any, ...] | None, nonblock: bool, is_sendmsg: bool = False
) -> Generator[None, None, None]:
    """The same with the socket held (__inet_stream_connect). ``is_sendmsg``: by a write that opens the connection."""
    err = _begin_connect(sk, address, is_sendmsg)
    if not err:
        return
    timeo = tcp_sendmsg.sock_sndtimeo(sk, nonblock)
    if sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV):
        disconnects = sk.sk_disconnects
        if not timeo:
            raise KernelError(err)
        yield from _inet_wait_for_connect(sk, timeo, err)
        if disconnects != sk.sk_disconnects:
            raise KernelError(errno.EPIPE)
    if sk.sk_state == TCP_CLOSE:
        err, sk.sk_err = sk.sk_err or errno.ECONNABORTED, 0
        sk.ss_state = SS_UNCONNECTED
        sk.sk_disconnects += 1
        tcp_close.tcp_disconnect(sk)
        sk.sk_err = 0
        raise KernelError(err)
    sk.ss_state = SS_CONNECTED


def _begin_connect(sk: TcpSock, address: tuple[Any, ...] | None, is_sendmsg: bool) -> int:
    """Send the SYN, unless that was done; the error of not waiting for the answer, 0: there is none to wait for."""
    if sk.ss_state == SS_CONNECTED:
        raise KernelError(errno.EISCONN)
    if sk.ss_state == SS_CONNECTING:
        if sk.defer_connect:
            return errno.EINPROGRESS if is_sendmsg else errno.EISCONN
        return errno.EALREADY
    if sk.ss_state != SS_UNCONNECTED or address is None:
        raise KernelError(errno.EINVAL)
    if sk.sk_state != TCP_CLOSE:
        raise KernelError(errno.EISCONN)
    tcp_v4_connect(sk, address[0], address[1])
    sk.ss_state = SS_CONNECTING
    return 0 if sk.defer_connect else errno.EINPROGRESS


def _inet_wait_for_connect(sk: TcpSock, timeo: int, err: int) -> Generator[None, None, None]:
    """Sleep until the handshake is over; ``err``: what a time-out means."""

    def over() -> bool:
        return sk.sk_state not in (TCP_SYN_SENT, TCP_SYN_RECV)

    fo = sk.tfo.fastopen_req
    writebias = int(fo is not None and fo.data is not None)  # more is to be sent at once: it can carry the third ACK
    sk.sk_write_pending += writebias
    while not over():
        timeo = yield from sock_lock.sk_wait_event(sk, timeo, over)
        if not over() and (sk.net.current.interrupted or not timeo):
            break
    sk.sk_write_pending -= writebias
    if not over():
        raise KernelError(errno.EINTR if sk.net.current.interrupted else err)


def inet_shutdown(sk: TcpSock, how: int) -> None:
    """shutdown(): ``how`` is 0 to stop reading, 1 writing, 2 both (af_inet.c).

    :raises KernelError: EINVAL, ENOTCONN.
    """
    if how not in (0, 1, 2):
        raise KernelError(errno.EINVAL)
    mask = how + 1
    sock_lock.lock_sock(sk)
    try:
        if sk.ss_state == SS_CONNECTING:
            sk.ss_state = SS_DISCONNECTING if sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV, TCP_CLOSE) else SS_CONNECTED
        _shutdown(sk, mask)
    finally:
        sock_lock.release_sock(sk)


def _shutdown(sk: TcpSock, mask: int) -> None:
    failed = 0
    if sk.sk_state == TCP_CLOSE:
        failed = errno.ENOTCONN
        sk.sk_shutdown |= mask
        tcp_close.tcp_shutdown(sk, mask)
    elif sk.sk_state == TCP_LISTEN:
        if mask & 1:
            tcp_close.tcp_disconnect(sk)
            sk.ss_state = SS_UNCONNECTED
    elif sk.sk_state == TCP_SYN_SENT:
        tcp_close.tcp_disconnect(sk)
        sk.ss_state = SS_UNCONNECTED
    else:
        sk.sk_shutdown |= mask
        tcp_close.tcp_shutdown(sk, mask)
    sock_wake.sk_state_change(sk)
    if failed:
        raise KernelError(failed)
