"""How a connection ends: close, shutdown, abort, and sockets that nobody holds any more (net/ipv4/tcp.c)."""

from __future__ import annotations

import errno
from collections.abc import Generator
from typing import TYPE_CHECKING

from netemu.stack import (
    inet_bind,
    inet_connection_sock,
    sock_lock,
    sock_wake,
    tcp_cong,
    tcp_fastopen,
    tcp_fastopen_active,
    tcp_init,
    tcp_keepalive,
    tcp_minisocks,
    tcp_recvmsg,
    tcp_rmem,
    tcp_send,
    tcp_timer,
)
from netemu.stack.inet_timewait_sock import TCP_TIMEWAIT_LEN_S
from netemu.stack.sock import (
    SEND_SHUTDOWN,
    SHUTDOWN_MASK,
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT1,
    TCP_FIN_WAIT2,
    TCP_INFINITE_SSTHRESH,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
    TCP_CA_Open,
    fields_of,
)
from netemu.stack.tcp_state import tcp_set_state

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

_NEW_STATE = {
    TCP_ESTABLISHED: (TCP_FIN_WAIT1, True),
    TCP_SYN_RECV: (TCP_FIN_WAIT1, True),
    TCP_CLOSE_WAIT: (TCP_LAST_ACK, True),
    TCP_FIN_WAIT1: (TCP_FIN_WAIT1, False),
    TCP_FIN_WAIT2: (TCP_FIN_WAIT2, False),
    TCP_LAST_ACK: (TCP_LAST_ACK, False),
    TCP_CLOSING: (TCP_CLOSING, False),
}
"""State -> state after the process is done sending, and whether a FIN is due (new_state[])."""

_NEEDS_RESET = (TCP_ESTABLISHED, TCP_CLOSE_WAIT, TCP_FIN_WAIT1, TCP_FIN_WAIT2, TCP_SYN_RECV)


def tcp_close_state(sk: TcpSock) -> bool:
    """Go to the state that follows the end of sending; whether a FIN must be sent."""
    state, fin = _NEW_STATE.get(sk.sk_state, (TCP_CLOSE, False))
    tcp_set_state(sk, state)
    return fin


def tcp_shutdown(sk: TcpSock, how: int) -> None:
    """shutdown(): a FIN for SEND_SHUTDOWN; reading is shut by a flag alone."""
    sending = sk.sk_state in (TCP_ESTABLISHED, TCP_SYN_SENT, TCP_CLOSE_WAIT)
    if how & SEND_SHUTDOWN and sending and tcp_close_state(sk):
        tcp_send.tcp_send_fin(sk)


def tcp_done_with_error(sk: TcpSock, err: int) -> None:
    """End the connection with an error for its process."""
    sk.sk_err = err
    tcp_send.tcp_write_queue_purge(sk)
    tcp_done(sk)
    if not sk.sk_dead:
        sock_wake.sk_error_report(sk)


def tcp_done(sk: TcpSock) -> None:
    """The connection is over; its process hears of it, or, if there is none, the socket is gone."""
    if sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV):
        sk.net.mib.inc("AttemptFails")
    tcp_set_state(sk, TCP_CLOSE)
    tcp_timer.tcp_clear_xmit_timers(sk)
    tcp_fastopen.tcp_fastopen_done(sk)
    sk.sk_shutdown = SHUTDOWN_MASK
    if sk.sk_dead:
        inet_csk_destroy_sock(sk)
    else:
        sock_wake.sk_state_change(sk)


def inet_csk_destroy_sock(sk: TcpSock) -> None:
    """Free everything that an orphan holds (inet_connection_sock.c, tcp_v4_destroy_sock, sk_stream_kill_queues)."""
    tcp_timer.tcp_clear_xmit_timers(sk)
    tcp_cong.tcp_cleanup_congestion_control(sk)
    tcp_send.tcp_write_queue_purge(sk)
    tcp_fastopen_active.tcp_fastopen_active_disable_ofo_check(sk)
    _purge_receive_queues(sk)
    inet_bind.inet_put_port(sk)
    sk.net.tcp_orphan_count -= 1
    sk.net.tcp_sockets.discard(sk)


def _purge_receive_queues(sk: TcpSock) -> None:
    for queue in (sk.out_of_order_queue, sk.sk_receive_queue):
        while (skb := queue.pop()) is not None:
            tcp_rmem.sock_rfree(sk, skb)


def tcp_close(sk: TcpSock, timeout: int) -> Generator[None, None, None]:
    """close() of the last descriptor. ``timeout``: jiffies that SO_LINGER lets it wait for the peer."""
    sock_lock.lock_sock(sk)
    sk.sk_shutdown = SHUTDOWN_MASK
    if sk.sk_state == TCP_LISTEN:
        tcp_set_state(sk, TCP_CLOSE)
        inet_connection_sock.inet_csk_listen_stop(sk)
    else:
        _stop_reading_and_sending(sk)
        if sk.sk_state != TCP_CLOSE and timeout:
            yield from _sk_stream_wait_close(sk, timeout)
    _adjudge_to_death(sk)
    if sk.sk_state != TCP_CLOSE or sk.sk_backlog:
        sock_lock.release_sock(sk)
    sk.sk_owned = False


def _stop_reading_and_sending(sk: TcpSock) -> None:
    """Throw away what nobody will read, and tell the peer: FIN, or a reset where data is lost."""
    unread = False
    while (skb := sk.sk_receive_queue.head) is not None:
        end_seq = skb.end_seq - (skb.tcp_flags & 1)
        unread = unread or end_seq > sk.copied_seq
        tcp_recvmsg.tcp_eat_recv_skb(sk, skb)
    if sk.sk_state == TCP_CLOSE:
        return
    if unread:
        sk.net.mib.inc("TCPAbortOnClose")
        tcp_set_state(sk, TCP_CLOSE)
        tcp_send.tcp_send_active_reset(sk)
    elif sk.sk_linger and not sk.sk_lingertime:
        tcp_disconnect(sk)
        sk.net.mib.inc("TCPAbortOnData")
    elif tcp_close_state(sk):
        tcp_send.tcp_send_fin(sk)


def _sk_stream_wait_close(sk: TcpSock, timeout: int) -> Generator[None, None, None]:
    """SO_LINGER: wait until the peer has acknowledged everything (net/core/stream.c)."""

    def closed() -> bool:
        return sk.sk_state not in (TCP_FIN_WAIT1, TCP_CLOSING, TCP_LAST_ACK)

    while not closed() and timeout and not sk.net.current.interrupted:
        timeout = yield from sock_lock.sk_wait_event(sk, timeout, closed)


def _adjudge_to_death(sk: TcpSock) -> None:
    """The socket has no process any more; it goes on by itself, or ends here."""
    net, state = sk.net, sk.sk_state
    sk.sk_dead = True
    sk.fd = -1
    net.tcp_orphan_count += 1
    sock_lock.sk_flush_backlog(sk)
    if state != TCP_CLOSE and sk.sk_state == TCP_CLOSE:
        return
    if sk.sk_state == TCP_FIN_WAIT2 and _leave_fin_wait2(sk):
        return
    if sk.sk_state != TCP_CLOSE and tcp_check_oom(sk, 0):
        tcp_set_state(sk, TCP_CLOSE)
        tcp_send.tcp_send_active_reset(sk)
        net.mib.inc("TCPAbortOnMemory")
    if sk.sk_state == TCP_CLOSE:
        tcp_fastopen.tcp_fastopen_done(sk)
        inet_csk_destroy_sock(sk)


def _leave_fin_wait2(sk: TcpSock) -> bool:
    """An orphan in FIN_WAIT2 waits tcp_fin_timeout for the peer's FIN; True when a time-wait socket does it."""
    if sk.linger2 < 0:
        tcp_set_state(sk, TCP_CLOSE)
        tcp_send.tcp_send_active_reset(sk)
        sk.net.mib.inc("TCPAbortOnLinger")
        return False
    return wait_for_fin(sk, stay=False)


def wait_for_fin(sk: TcpSock, *, stay: bool) -> bool:
    """Wait tcp_fin_timeout for the peer's FIN; True when a time-wait socket does it in place of this one.

    A timeout longer than TIME_WAIT is waited for here in its first part; all of it with ``stay``.
    """
    tmo = tcp_keepalive.tcp_fin_time(sk)
    time_wait = TCP_TIMEWAIT_LEN_S * sk.net.profile.hz
    if tmo > time_wait:
        tcp_keepalive.inet_csk_reset_keepalive_timer(sk, tmo - time_wait)
        return False
    if stay:
        tcp_keepalive.inet_csk_reset_keepalive_timer(sk, tmo)
        return False
    tcp_minisocks.tcp_time_wait(sk, TCP_FIN_WAIT2, tmo)
    return True


def tcp_check_oom(sk: TcpSock, shift: int) -> bool:
    """Whether there are too many orphans, or memory is out, so that this one must go (tcp.c)."""
    net = sk.net
    if net.tcp_orphan_count << shift > net.sysctl.tcp_max_orphans:
        return True
    return sk.sk_wmem_queued > 2048 * 2 and net.tcp_memory_allocated > net.sysctl.tcp_mem[2]


def tcp_disconnect(sk: TcpSock) -> None:
    """connect() to AF_UNSPEC, and abort: the socket is as new, with a reset for the peer where it expects data."""
    old = sk.sk_state
    if old != TCP_CLOSE:
        tcp_set_state(sk, TCP_CLOSE)
    if old == TCP_LISTEN:
        inet_connection_sock.inet_csk_listen_stop(sk)
    elif old in _NEEDS_RESET or (sk.snd_nxt != sk.write_seq and old in (TCP_CLOSING, TCP_LAST_ACK)):
        tcp_send.tcp_send_active_reset(sk)
        sk.sk_err = errno.ECONNRESET
    elif old == TCP_SYN_SENT:
        sk.sk_err = errno.ECONNRESET
    tcp_timer.tcp_clear_xmit_timers(sk)
    tcp_fastopen_active.tcp_fastopen_active_disable_ofo_check(sk)
    _purge_receive_queues(sk)
    tcp_send.tcp_write_queue_purge(sk)
    tcp_cong.tcp_cleanup_congestion_control(sk)
    tcp_fastopen.tcp_fastopen_done(sk)
    sk.tfo.disconnected()
    _as_new(sk)
    sock_wake.sk_error_report(sk)


_KEPT_AT_DISCONNECT = (
    "fd", "sk_cookie", "sk_err", "sk_err_soft", "sk_dead", "sk_urginline", "sk_keepopen", "sk_linger", "sk_lingertime",
    "sk_reuse", "sk_reuseport", "sk_bound_if", "sk_userlocks", "sk_sndbuf", "sk_rcvbuf", "sk_rcvlowat", "sk_rcvtimeo",
    "sk_sndtimeo", "sk_wmem_queued", "sk_wmem_alloc", "sk_rmem_alloc", "sk_forward_alloc", "sk_drops", "sk_write_queue",
    "sk_receive_queue", "sk_backlog", "sk_backlog_len", "sk_owned", "sk_wq", "sk_watchers", "sk_timer",
    "sk_max_pacing_rate", "sk_pacing_shift", "sk_max_ack_backlog", "sk_priority", "inet_saddr", "inet_sport",
    "inet_bound_port", "inet_bound_addr", "tos", "ttl", "pmtudisc", "recverr", "ipv6only", "nonblocking",
    "icsk_retransmit_timer", "icsk_delack_timer", "pacing_timer", "compressed_ack_timer", "icsk_user_timeout",
    "icsk_syn_retries", "icsk_ca_ops", "icsk_ca_setsockopt", "icsk_accept_queue", "icsk_request_socks", "nonagle",
    "notsent_lowat", "keepalive_time", "keepalive_intvl", "keepalive_probes", "linger2", "defer_accept", "user_mss",
    "recvmsg_inq", "tcp_rtx_queue", "out_of_order_queue", "sk_disconnects", "sk_write_pending", "rcv_nxt",
    "scaling_ratio", "syn_data", "tfo",
)  # fmt: skip


def _as_new(sk: TcpSock) -> None:
    """Everything that tcp_disconnect sets back: all but what the user set and what the socket is made of."""
    seq = (sk.write_seq + sk.max_window + 2) & 0xFFFFFFFF or 1
    fresh = tcp_init.tcp_init_sock(sk.net, sk.sk_family)
    sk.net.tcp_sockets.discard(fresh)
    kept = set(_KEPT_AT_DISCONNECT)
    for name in fields_of(type(sk)):
        if name not in kept and name not in ("net", "sk_family"):
            setattr(sk, name, getattr(fresh, name))
    sk.write_seq = seq
    sk.copied_seq = sk.rcv_nxt
    sk.icsk_ca_priv = sk.icsk_ca_ops.ca_priv()
    sk.icsk_ca_state = TCP_CA_Open
    sk.snd_ssthresh = TCP_INFINITE_SSTHRESH
    if not sk.inet_bound_addr:
        sk.inet_saddr = ""
