"""Fast Open at the client: data in the SYN, what is learned of the server, and when to leave it
(net/ipv4/tcp_fastopen.c, tcp_output.c, tcp.c and tcp_metrics.c, 7.2; RFC 7413 section 4.1).

A process asks for it by ``sendto(MSG_FASTOPEN)``, or by TCP_FASTOPEN_CONNECT, with which connect() to a server whose
cookie is known only remembers the address. Without a cookie the SYN asks for one, and nothing goes with it.
"""

from __future__ import annotations

import errno
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from netemu.stack import (
    inet_connection_sock,
    tcp_fastopen,
    tcp_fastretrans,
    tcp_metrics,
    tcp_mss,
    tcp_recovery,
    tcp_retransmit,
    tcp_send,
    tcp_state,
    tcp_timer,
    tcp_transmit,
    wmem,
)
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import TCP_CLOSE
from netemu.stack.task import KernelError
from netemu.stack.tcp_chrono import TCP_CHRONO_BUSY, tcp_chrono_start
from netemu.stack.tcp_fastopen_h import (
    TFO_CLIENT_ENABLE,
    TFO_CLIENT_NO_COOKIE,
    TFO_COOKIE_UNAVAILABLE,
    TFO_DATA_NOT_ACKED,
    TFO_SYN_RETRANSMITTED,
    FastopenCookie,
    FastopenRequest,
    tcp_parse_fastopen_option,
)

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

_ACK, _PSH, _FIN = 16, 8, 1
_MOST_PAUSES = 6  # a pause is doubled so often


# ---- what a process calls


def tcp_fastopen_defer_connect(sk: TcpSock) -> bool:
    """Whether connect() leaves the SYN to the first write, which will have data for it."""
    tfo = sk.tfo
    if not tfo.fastopen_connect or tfo.fastopen_req is not None:
        return False
    cookie = FastopenCookie(b"", sk.net.profile.fastopen_experimental)
    if tcp_fastopen_cookie_check(sk, cookie)[0]:
        sk.defer_connect = True
        return True
    tfo.fastopen_req = FastopenRequest(None, cookie)
    return False


def tcp_sendmsg_fastopen(
    sk: TcpSock, data: bytes, nonblock: bool, to: tuple[Any, ...] | None
) -> Generator[None, None, tuple[int, int]]:
    """Connect to ``to`` with a SYN that takes of ``data`` what it can: 0 or a negative errno, and how much it took."""
    if not sk.net.sysctl.tcp_fastopen & TFO_CLIENT_ENABLE:
        return -errno.EOPNOTSUPP, 0
    if sk.tfo.fastopen_req is not None:
        return -errno.EALREADY, 0
    sk.tfo.fastopen_req = FastopenRequest(data, FastopenCookie(b"", sk.net.profile.fastopen_experimental))
    err = 0
    if sk.defer_connect and tcp_send.tcp_connect(sk):
        tcp_state.tcp_set_state(sk, TCP_CLOSE)
        sk.inet_dport = 0
    try:
        yield from inet_connection_sock.stream_connect(sk, to, nonblock, is_sendmsg=True)
    except KernelError as error:
        err = -error.errno
    copied, req = 0, sk.tfo.fastopen_req
    if req is not None:
        copied, sk.tfo.fastopen_req, sk.defer_connect = req.copied, None, False
    return err, copied


# ---- the SYN


def tcp_fastopen_cookie_check(sk: TcpSock, cookie: FastopenCookie) -> tuple[bool, int]:
    """Whether data may go with the SYN, and the server's MSS as far as it is known (0: it is not).

    ``cookie`` becomes what the SYN's option is to say.
    """
    known = tcp_metrics.tcp_get_metrics(sk.net, sk.inet_saddr, sk.inet_daddr)
    mss = 0
    if known is not None:
        mss = known.fopen_mss
        cookie.value = known.fopen_cookie
        cookie.exp = known.fopen_exp or sk.net.profile.fastopen_experimental
        if not cookie.value and known.fopen_try_exp == 1:
            cookie.exp = True
    if tcp_fastopen_active_should_disable(sk):
        cookie.value = None
        return False, mss
    if sk.net.sysctl.tcp_fastopen & TFO_CLIENT_NO_COOKIE or sk.tfo.fastopen_no_cookie:
        cookie.value = None
        return True, mss
    if cookie.value:
        return True, mss
    sk.tfo.fastopen_client_fail = TFO_COOKIE_UNAVAILABLE
    return False, mss


def tcp_send_syn_data(sk: TcpSock, syn: SkBuff, fo: FastopenRequest) -> int:
    """Send the SYN with data, which stands behind it in the queue as a segment of its own; or without, and with a
    request for a cookie. 0, or a negative errno."""
    sk.mss_clamp = sk.advmss
    allowed, mss = tcp_fastopen_cookie_check(sk, fo.cookie)
    sk.mss_clamp = mss or sk.mss_clamp
    if not allowed or not _syn_data_left(sk, syn, fo):
        if fo.cookie.value:
            fo.cookie.value = b""
        err = tcp_transmit.tcp_transmit_skb(sk, syn, True)
        if err:
            sk.tfo.syn_fastopen = False
    else:
        err = 0
    fo.cookie.value = None  # a SYN that is sent again has no such option
    return err


def _syn_data_left(sk: TcpSock, syn: SkBuff, fo: FastopenRequest) -> bool:
    """Send the data with the SYN; False: it has to go without."""
    sk.mss_clamp = tcp_mss.tcp_mss_clamp(sk, sk.mss_clamp)
    tcp_mss.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    # Room for the most options that a middlebox may add.
    space = tcp_mss.__tcp_mtu_to_mss(sk, sk.icsk_pmtu_cookie) - tcp_transmit.MAX_TCP_OPTION_SPACE
    data = fo.data or b""
    space = min(space, len(data))
    skb = wmem.tcp_stream_alloc_skb(sk, False)
    if skb is None:
        return False
    if space:
        space = wmem.tcp_wmem_schedule(sk, space)
    skb.seq, skb.end_seq, skb.tcp_flags = syn.seq, syn.end_seq + space, syn.tcp_flags
    skb.data = data[:space]
    skb.truesize += space
    if space == len(data):
        fo.data = None
    fo.copied = space
    tcp_send.tcp_connect_queue_skb(sk, skb)
    if space:
        tcp_chrono_start(sk, TCP_CHRONO_BUSY)
    err = tcp_transmit.tcp_transmit_skb(sk, skb, True)
    syn.skb_mstamp_ns = skb.skb_mstamp_ns
    skb.seq += 1
    skb.tcp_flags = _ACK | _PSH
    if err:
        sk.sk_write_queue.append(skb)
        sk.packets_out -= 1
        return False
    sk.syn_data = fo.copied > 0
    sk.tcp_rtx_queue.append(skb)
    sk.net.mib.inc("TCPOrigDataSent")
    return True


# ---- the SYN-ACK


def tcp_rcv_fastopen_synack(sk: TcpSock, synack: SkBuff) -> bool:
    """Learn of the server from its SYN-ACK; True when it did not take the SYN's data, which are sent again at once."""
    tfo = sk.tfo
    data = sk.tcp_rtx_queue.head if sk.syn_data else None
    cookie = tcp_parse_fastopen_option(synack.options, only_exp=sk.net.profile.fastopen_experimental)
    mss, try_exp, syn_drop = sk.mss_clamp, 0, False
    if mss == sk.user_mss:
        mss = synack.options.mss or 0
    if not tfo.syn_fastopen:
        cookie.value = None
    elif sk.total_retrans:
        # Neither a cookie nor the data: the server saw only the SYN that was sent again, without either.
        syn_drop = cookie.value is None and data is not None
    elif cookie.value is None and not sk.syn_data:
        try_exp = 2 if tfo.syn_fastopen_exp else 1
    tcp_metrics.tcp_fastopen_cache_set(sk, mss, cookie, syn_drop, try_exp)
    if data is not None:
        tfo.fastopen_client_fail = TFO_SYN_RETRANSMITTED if sk.total_retrans else TFO_DATA_NOT_ACKED
        _send_again(sk, data)
        sk.net.mib.inc("TCPFastOpenActiveFail")
        return True
    tfo.syn_data_acked = sk.syn_data
    if sk.syn_data:
        sk.net.mib.inc("TCPFastOpenActive")
        if sk.delivered > 1:
            sk.delivered -= 1  # the SYN and its data count as one
    tcp_fastopen.tcp_fastopen_add_skb(sk, synack)
    return False


def _send_again(sk: TcpSock, data: SkBuff) -> None:
    """What the SYN carried in vain."""
    skb: SkBuff | None = data
    if not sk.net.profile.fastopen_marks_lost:
        while skb is not None and not tcp_retransmit.__tcp_retransmit_skb(sk, skb, 1):
            skb = skb.next
        tcp_timer.tcp_rearm_rto(sk)
        return
    while skb is not None:
        tcp_recovery.tcp_mark_skb_lost(sk, skb)
        skb = skb.next
    tcp_fastretrans.tcp_non_congestion_loss_retransmit(sk)


# ---- paths on which Fast Open does harm


def tcp_fastopen_active_disable(sk: TcpSock) -> None:
    """Something on the path breaks such connections: ask for none for a while (tcp_fastopen_blackhole_timeout_sec)."""
    net = sk.net
    if net.sysctl.tcp_fastopen_blackhole_timeout_sec:
        net.tfo_active_disable_stamp = net.jiffies
        net.tfo_active_disable_times += 1
        net.mib.inc("TCPFastOpenBlackhole")


def tcp_fastopen_active_should_disable(sk: TcpSock) -> bool:
    """Whether such a pause goes on. Each is twice as long as the one before."""
    net = sk.net
    timeout_s, times = net.sysctl.tcp_fastopen_blackhole_timeout_sec, net.tfo_active_disable_times
    if not timeout_s or not times:
        return False
    pause = timeout_s * net.profile.hz << min(times - 1, _MOST_PAUSES)
    if net.jiffies < net.tfo_active_disable_stamp + pause:
        return True
    sk.tfo.syn_fastopen_ch = True
    return False


def tcp_fastopen_active_disable_ofo_check(sk: TcpSock) -> None:
    """A connection ends: a FIN behind a gap and no data ever show such a path; data after a pause, that it is none."""
    if not sk.tfo.syn_fastopen:
        return
    if not sk.data_segs_in:
        first = sk.out_of_order_queue.head
        if first is not None and first.next is None and first.tcp_flags & _FIN:
            tcp_fastopen_active_disable(sk)
    elif sk.tfo.syn_fastopen_ch and sk.net.tfo_active_disable_times:
        sk.net.tfo_active_disable_times = 0


def tcp_fastopen_active_detect_blackhole(sk: TcpSock, expired: bool) -> None:
    """A timeout: the third in a row of such a connection, or its last, shows such a path."""
    tfo, timeouts = sk.tfo, sk.icsk_retransmits
    if not (tfo.syn_fastopen or sk.syn_data or tfo.syn_data_acked):
        return
    if timeouts == 2 or (timeouts < 2 and expired):
        tcp_fastopen_active_disable(sk)
        sk.net.mib.inc("TCPFastOpenActiveFail")
