"""Fast Open at the server: a SYN with a cookie makes a connection, whose data the process has before the handshake
is over (net/ipv4/tcp_fastopen.c, 7.2; RFC 7413).

::

    SYN, cookie request        --> SYN-ACK with a cookie, an ordinary handshake
    SYN, good cookie, data     --> SYN-ACK for all of it; the connection is in SYN_RECV, and in the accept queue
    SYN, bad cookie, data      --> SYN-ACK for the SYN, with a cookie that is good
    more than max_qlen pending --> as without Fast Open

The connection sends its SYN-ACK again itself, by its retransmission timer; ``fastopen_rsk`` is the request that has
what the SYN-ACK says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import Packet
from netemu.packet.tcp import FIN, SYN
from netemu.stack import (
    sock_wake,
    tcp_accecn,
    tcp_input,
    tcp_loss,
    tcp_minisocks,
    tcp_request,
    tcp_rmem,
    tcp_timeout,
    tcp_timer,
    tcp_undo,
)
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import ICSK_TIME_RETRANS, TCP_LISTEN, TCP_SYN_RECV, TCP_CA_Loss, tcp_time_stamp_ts
from netemu.stack.tcp_fastopen_cookie import tcp_fastopen_cookie_gen, tcp_fastopen_cookie_gen_check
from netemu.stack.tcp_fastopen_h import (
    TFO_SERVER_COOKIE_NOT_REQD,
    TFO_SERVER_ENABLE,
    FastopenCookie,
)

if TYPE_CHECKING:
    from netemu.stack.request_sock import RequestSock
    from netemu.stack.route import Dst
    from netemu.stack.sock import TcpSock

_RST_WAIT_S = 60  # how long a connection that was reset counts against max_qlen


def tcp_passive_fastopen(sk: TcpSock) -> bool:
    """Whether ``sk`` is a connection that may be used though its handshake is not over (include/linux/tcp.h)."""
    return sk.sk_state == TCP_SYN_RECV and sk.fastopen_rsk is not None


def tcp_try_fastopen(sk: TcpSock, skb: SkBuff, req: RequestSock, foc: FastopenCookie, dst: Dst) -> TcpSock | None:
    """Open a connection by a SYN alone; None: an ordinary handshake. ``foc``: the SYN's, and then the SYN-ACK's."""
    net, sysctl = sk.net, sk.net.sysctl.tcp_fastopen
    asked, foc.value = foc.value, None
    syn_data = skb.end_seq != skb.seq + 1
    if asked == b"":
        net.mib.inc("TCPFastOpenCookieReqd")
    if not sysctl & TFO_SERVER_ENABLE or not (syn_data or asked is not None) or not tcp_fastopen_queue_check(sk):
        return None
    assert isinstance(skb.packet, Packet)
    key = 0
    if not (sysctl & TFO_SERVER_COOKIE_NOT_REQD or sk.tfo.fastopen_no_cookie):
        if not asked:
            if asked is not None:
                foc.value = tcp_fastopen_cookie_gen(sk, skb.packet)
            return None
        key, foc.value = tcp_fastopen_cookie_gen_check(sk, skb.packet, asked)
        if not key:
            net.mib.inc("TCPFastOpenPassiveFail")
            return None
    child = tcp_fastopen_create_child(sk, skb, req, dst)
    if child is None:
        net.mib.inc("TCPFastOpenPassiveFail")
        return None
    if key == 2:
        net.mib.inc("TCPFastOpenPassiveAltKey")
    else:
        foc.value = None
    net.mib.inc("TCPFastOpenPassive")
    child.tfo.syn_fastopen_child = True
    return child


def tcp_fastopen_queue_check(sk: TcpSock) -> bool:
    """Whether the listener wants Fast Open and has room for one more. One that was reset counts for a minute."""
    queue = sk.tfo
    if not queue.max_qlen:
        return False
    if queue.qlen >= queue.max_qlen:
        if not queue.rskq_rst or queue.rskq_rst[0] > sk.net.jiffies:
            sk.net.mib.inc("TCPFastOpenListenOverflow")
            return False
        queue.rskq_rst.popleft()
        queue.qlen -= 1
    return True


def tcp_fastopen_create_child(sk: TcpSock, skb: SkBuff, req: RequestSock, dst: Dst) -> TcpSock | None:
    """The connection, in SYN_RECV with the SYN's data in its receive queue; None when the accept queue is full."""
    child = tcp_minisocks.tcp_v4_syn_recv_sock(sk, skb, req, dst)
    if child is None:
        return None
    sk.tfo.qlen += 1
    child.fastopen_rsk = req
    req.sk = child
    child.snd_wnd = child.max_window = skb.window  # never scaled in a SYN
    req.timeout = child.net.profile.timeout_init_s * child.net.profile.hz
    tcp_timer.tcp_reset_xmit_timer(child, ICSK_TIME_RETRANS, req.timeout, False)
    tcp_input.tcp_init_transfer(child)
    child.rcv_nxt = skb.seq + 1
    tcp_fastopen_add_skb(child, skb)
    req.rcv_nxt = child.rcv_wup = child.rcv_nxt
    child.rcv_mwnd_seq = child.rcv_wup + child.rcv_wnd
    return child


def tcp_fastopen_add_skb(sk: TcpSock, skb: SkBuff) -> None:
    """Queue what a SYN, or a SYN-ACK, carried besides."""
    if skb.end_seq == sk.rcv_nxt:
        return
    clone = SkBuff(skb.seq + 1, skb.end_seq, skb.tcp_flags & ~SYN, skb.data, skb.truesize)
    clone.ack_seq, clone.window, clone.tos, clone.tailroom = skb.ack_seq, skb.window, skb.tos, skb.tailroom
    clone.options, clone.packet = skb.options, skb.packet
    sk.segs_in = 1
    sk.data_segs_in += bool(skb.data)
    tcp_rmem.sk_forced_mem_schedule(sk, clone.truesize)
    tcp_rmem.skb_set_owner_r(clone, sk)
    sk.rcv_nxt = clone.end_seq
    sk.sk_receive_queue.append(clone)
    sk.tfo.syn_data_acked = True
    sk.bytes_received = len(clone.data)
    if clone.tcp_flags & FIN:
        tcp_input.tcp_fin(sk)


def reqsk_fastopen_remove(sk: TcpSock, req: RequestSock, reset: bool) -> None:
    """The handshake is over, or the connection is. ``reset``: by an RST, which a forged SYN's victim would send."""
    listener = req.rsk_listener
    queue = listener.tfo
    sk.fastopen_rsk = None
    queue.qlen -= 1
    if req.sk is not None or not reset or listener.sk_state != TCP_LISTEN:
        return
    queue.rskq_rst.append(sk.net.jiffies + _RST_WAIT_S * sk.net.profile.hz)
    queue.qlen += 1


def tcp_fastopen_done(sk: TcpSock) -> None:
    """A connection ends before its handshake does."""
    if sk.fastopen_rsk is not None:
        reqsk_fastopen_remove(sk, sk.fastopen_rsk, False)


def tcp_rcv_synrecv_state_fastopen(sk: TcpSock) -> None:
    """The handshake's last ACK has come: from here on the retransmission timer is for data (tcp_input.c)."""
    if sk.icsk_ca_state == TCP_CA_Loss and not sk.packets_out:
        tcp_undo.tcp_try_undo_recovery(sk)
    tcp_loss.tcp_update_rto_time(sk)
    sk.icsk_retransmits = 0
    if sk.net.profile.retrans_stamp_renewed:
        tcp_undo.tcp_retrans_stamp_cleanup(sk)
    else:
        sk.retrans_stamp = 0
    tcp_fastopen_done(sk)
    tcp_timer.tcp_rearm_rto(sk)


def tcp_fastopen_synack_timer(sk: TcpSock, req: RequestSock) -> None:
    """The SYN-ACK was not acknowledged: send it again, once more than another's, before giving up (tcp_timer.c)."""
    tcp_timer.tcp_syn_ack_timeout(req.rsk_listener)
    if req.num_timeout >= (sk.icsk_syn_retries or sk.net.sysctl.tcp_synack_retries + 1):
        tcp_timeout.tcp_write_err(sk)
        return
    if sk.icsk_retransmits == 1:
        tcp_loss.tcp_enter_loss(sk)
    tcp_request.tcp_rtx_synack(sk, req)
    tcp_accecn.tcp_accecn_synack_again(req)
    req.num_timeout += 1
    tcp_timer.tcp_update_rto_stats(sk)
    if not sk.retrans_stamp:
        sk.retrans_stamp = tcp_time_stamp_ts(sk)
    tcp_timer.tcp_reset_xmit_timer(sk, ICSK_TIME_RETRANS, req.timeout << req.num_timeout, False)


def fastopen_queue_tune(sk: TcpSock, backlog: int) -> None:
    """How many connections of the listener may be unfinished (include/linux/tcp.h)."""
    sk.tfo.max_qlen = min(backlog & 0xFFFFFFFF, sk.net.sysctl.core_somaxconn)


def wake_listener(sk: TcpSock) -> None:
    """A connection waits for accept()."""
    sock_wake.sk_data_ready(sk)
