"""ICMP tells a connection of an error on its way (tcp_v4_err, tcp_v4_mtu_reduced of tcp_ipv4.c; tcp_ipv6.c)."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from netemu.seq import unwrap
from netemu.stack import (
    ip_output,
    route,
    sock_wake,
    tcp_close,
    tcp_mss,
    tcp_request,
    tcp_retransmit,
    tcp_rtt,
    tcp_timer,
)
from netemu.stack.inet_timewait_sock import TimewaitSock
from netemu.stack.ip_h import IP_PMTUDISC_PROBE
from netemu.stack.request_sock import RequestSock
from netemu.stack.sock import (
    ICSK_TIME_RETRANS,
    TCP_CLOSE,
    TCP_LISTEN,
    TCP_MTU_REDUCED_DEFERRED,
    TCP_SYN_RECV,
    TCP_SYN_SENT,
)

if TYPE_CHECKING:
    from netemu.packet.ip import Packet, Tcp
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack


def tcp_v4_err(
    net: LinuxStack, quoted: Packet, tcp: Tcp, code: int, *, no_route: bool, ends_request: bool, mtu: int
) -> None:
    """An error about a segment that this host sent; it ends no connection (RFC 1122 section 4.2.3.9).

    ``code``: its errno; ``no_route``: a timeout's back-off is taken back (RFC 6069); ``ends_request``: so it does where
    a SYN-ACK is meant; ``mtu``: what the way takes, 0 if it is about something else."""
    sk = net.hashinfo.ehash.get((quoted.source, tcp.source_port, quoted.destination, tcp.destination_port))
    if sk is None:
        net.mib.inc("Icmp6InErrors" if quoted.version == 6 else "IcmpInErrors")
        return
    if isinstance(sk, TimewaitSock):
        return
    if isinstance(sk, RequestSock):
        _tcp_req_err(sk, tcp.seq, abort=ends_request)
        return
    if sk.sk_owned and not mtu:
        net.mib.inc("LockDroppedIcmps")
    if sk.sk_state == TCP_CLOSE:
        return
    seq = unwrap(tcp.seq, sk.snd_una)
    snd_una = sk.snd_una if sk.fastopen_rsk is None else sk.fastopen_rsk.snt_isn
    if sk.sk_state != TCP_LISTEN and not snd_una <= seq <= sk.snd_nxt:
        net.mib.inc("OutOfWindowIcmps")
        return
    if mtu:
        _note_mtu(sk, mtu)
    else:
        if no_route and sk.fastopen_rsk is None:
            tcp_ld_rto_revert(sk, seq)
        _note_error(sk, code)


def _note_error(sk: TcpSock, code: int) -> None:
    """An attempt to connect ends; a connection goes on, and the error is its reason should it time out."""
    accepted = sk.fastopen_rsk is not None and sk.fastopen_rsk.sk is None
    if sk.sk_state in (TCP_SYN_SENT, TCP_SYN_RECV) and not accepted:
        if sk.sk_owned:
            sk.sk_err_soft = code
        else:
            tcp_close.tcp_done_with_error(sk, code)
    elif sk.recverr and not sk.sk_owned:
        sk.sk_err = code
        sock_wake.sk_error_report(sk)
    else:
        sk.sk_err_soft = code


def _tcp_req_err(req: RequestSock, seq: int, *, abort: bool) -> None:
    """About a SYN-ACK, whose sequence number must be right (tcp_req_err)."""
    if seq != req.snt_isn & 0xFFFFFFFF:
        req.net.mib.inc("OutOfWindowIcmps")
    elif abort:
        tcp_request.inet_csk_reqsk_queue_drop(req)
        tcp_request.tcp_listendrop(req.rsk_listener)


def _note_mtu(sk: TcpSock, mtu: int) -> None:
    if sk.sk_state == TCP_LISTEN:
        return
    sk.mtu_info = mtu
    if sk.sk_owned:
        sk.sk_tsq_flags |= TCP_MTU_REDUCED_DEFERRED
    else:
        tcp_v4_mtu_reduced(sk)


def tcp_v4_mtu_reduced(sk: TcpSock) -> None:
    """The way takes packets of ``mtu_info`` bytes: note it, and send again what was too long."""
    if sk.sk_state in (TCP_LISTEN, TCP_CLOSE) or sk.sk_dst is None:
        return
    dst = sk.sk_dst
    mtu = sk.mtu_info
    if tcp_mss.tcp_mtu_to_mss(sk, mtu) >= sk.mss_cache:
        return
    route.ipv4_sk_update_pmtu(dst, mtu)
    if mtu < route.dst_mtu(dst) and ip_output.ip_dont_fragment(sk.pmtudisc, dst):
        sk.sk_err_soft = errno.EMSGSIZE
    mtu = route.dst_mtu(dst)
    if sk.pmtudisc < IP_PMTUDISC_PROBE and sk.pmtudisc and sk.icsk_pmtu_cookie > mtu:
        tcp_mss.tcp_sync_mss(sk, mtu)
        tcp_retransmit.tcp_simple_retransmit(sk)


def tcp_ld_rto_revert(sk: TcpSock, seq: int) -> None:
    """The way is broken, and it was a retransmission that showed it: take one doubling of the RTO back (RFC 6069)."""
    if seq != sk.snd_una or not sk.icsk_retransmits or not sk.icsk_backoff:
        return
    skb = sk.tcp_rtx_queue.head
    if sk.sk_owned or skb is None:
        return
    net = sk.net
    sk.icsk_backoff -= 1
    rto = tcp_rtt.__tcp_set_rto(sk) if sk.srtt_us else net.profile.hz
    sk.icsk_rto = min(rto << sk.icsk_backoff, sk.icsk_rto_max)
    elapsed_us = net.now_ns // 1000 - skb.skb_mstamp_ns // 1000
    remaining = sk.icsk_rto - elapsed_us * net.profile.hz // 1_000_000
    if remaining > 0:
        tcp_timer.inet_csk_reset_xmit_timer(sk, ICSK_TIME_RETRANS, remaining, sk.icsk_rto_max)
    else:
        tcp_timer.tcp_retransmit_timer(sk)
