"""A SYN meets a listening socket: the SYN queue, its SYN-ACKs and their timer (tcp_conn_request of tcp_input.c,
reqsk_timer_handler of inet_connection_sock.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from netemu.packet.ip import IPPROTO_TCP, Options, Packet, Tcp
from netemu.stack import (
    ip_output,
    route,
    sock_wake,
    syncookies,
    tcp_accecn,
    tcp_ecn,
    tcp_fastopen,
    tcp_input,
    tcp_metrics,
    tcp_minisocks,
    tcp_reply,
    tcp_send,
)
from netemu.stack.request_sock import RequestSock
from netemu.stack.tcp_accecn_h import tcp_accecn_syn_requested
from netemu.stack.tcp_fastopen_h import FastopenCookie, tcp_parse_fastopen_option
from netemu.stack.timer import Timer

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack

TCP_SYNACK_NORMAL, TCP_SYNACK_FASTOPEN, TCP_SYNACK_COOKIE, TCP_SYNACK_RETRANS = range(4)
TCP_MSS_DEFAULT, TCP_MSS_DEFAULT_V6 = 536, 1220
TCP_MAX_WSCALE = 14
_MASK = 0xFFFFFFFF


def sk_acceptq_is_full(sk: TcpSock) -> bool:
    """Whether more than ``backlog`` connections wait for accept(): one more than asked for fits"""
    return sk.sk_ack_backlog > sk.sk_max_ack_backlog


def inet_csk_reqsk_queue_is_full(sk: TcpSock) -> bool:
    """Whether the SYN queue takes no more; like the accept queue it takes one more than ``backlog`` by now."""
    return len(sk.icsk_request_socks) >= sk.sk_max_ack_backlog + sk.net.profile.synq_takes_one_more


def tcp_listendrop(sk: TcpSock) -> None:
    """A SYN or the ACK of a handshake is dropped."""
    sk.sk_drops += 1
    sk.net.mib.inc("ListenDrops")


def tcp_v4_init_seq_and_ts_off(net: LinuxStack, packet: Packet, tcp: Tcp) -> tuple[int, int]:
    """The initial sequence number that answers a SYN, and the offset of the clock in timestamps to that peer."""
    ends = (packet.destination, tcp.destination_port, packet.source, tcp.source_port)
    return secure_tcp_seq(net, *ends), secure_tcp_ts_off(net, packet.destination, packet.source)


def secure_tcp_seq(net: LinuxStack, saddr: str, sport: int, daddr: str, dport: int) -> int:
    """An initial sequence number: a hash of the ends, and a clock of 64 ns (net/core/secure_seq.c; RFC 6528)."""
    return (net.random.keyed("isn", saddr, sport, daddr, dport) + (net.now_ns >> 6)) & _MASK


def secure_tcp_ts_off(net: LinuxStack, saddr: str, daddr: str) -> int:
    """What is added to the clock in timestamps: a hash of the addresses, 0 unless tcp_timestamps is 1; before 4.10
    the same for all peers."""
    begin_s = net.profile.timestamps_from_s
    if begin_s is not None:
        return begin_s * 1_000_000 // net.ts_tick_us & _MASK
    return net.random.keyed("ts", saddr, daddr) & _MASK if net.sysctl.tcp_timestamps == 1 else 0


def tcp_v4_conn_request(sk: TcpSock, skb: SkBuff) -> None:
    """Answer a SYN, with a cookie when the SYN queue is full, or drop it (tcp_conn_request). Never a reset."""
    net, isn = sk.net, skb.tcp_tw_isn
    want_cookie = False
    syncookies_asked = net.sysctl.tcp_syncookies
    if not isn and (syncookies_asked == 2 or inet_csk_reqsk_queue_is_full(sk)):
        net.mib.inc("TCPReqQFullDoCookies" if syncookies_asked else "TCPReqQFullDrop")
        want_cookie = bool(syncookies_asked)
        if not want_cookie:
            tcp_listendrop(sk)
            return
    if sk_acceptq_is_full(sk):
        net.mib.inc("ListenOverflows")
        tcp_listendrop(sk)
        return
    _answer_syn(sk, skb, isn, want_cookie=want_cookie)


def _answer_syn(sk: TcpSock, skb: SkBuff, isn: int, *, want_cookie: bool) -> None:
    """The rest of it: a request, or a cookie, and the SYN-ACK. ``isn``: prescribed by a TIME_WAIT that ended, or 0."""
    net, packet, options = sk.net, skb.packet, skb.options
    assert isinstance(packet, Packet)
    assert isinstance(packet.body, Tcp)
    assert isinstance(options, Options)
    dst = route.ip_route_output(net, packet.source)
    if dst is None:
        net.mib.inc("IpOutNoRoutes")
        tcp_listendrop(sk)
        return
    tcp = packet.body
    req = RequestSock(
        net, sk, sk.sk_family, packet.destination, tcp.destination_port, packet.source, tcp.source_port, dst
    )
    tcp_openreq_init(req, sk, skb, options, keep=not want_cookie or options.ts_val is not None)
    seq, ts_off = tcp_v4_init_seq_and_ts_off(net, packet, tcp)
    if req.tstamp_ok:
        req.ts_off = ts_off
    if want_cookie:
        isn, req.mss = syncookies.cookie_v4_init_sequence(net, packet, tcp, req.mss)
        req.syncookie = True
    elif not isn:
        if not net.sysctl.tcp_syncookies and _keeps_last_quarter(sk, packet):
            tcp_listendrop(sk)
            return
        isn = seq
    if net.sysctl.tcp_ecn >= 3 and tcp_accecn_syn_requested(skb.tcp_flags):
        req.ecn_ok = req.accecn_ok = True
        req.syn_ect_rcv = skb.tos & 3
    else:
        req.ecn_ok = tcp_ecn.tcp_ecn_create_request(sk, skb)
    req.ecn_ok = req.ecn_ok and not (want_cookie and not req.tstamp_ok)
    req.snt_isn = isn
    req.syn_tos = packet.tos
    tcp_minisocks.tcp_openreq_init_rwin(req, sk, dst)
    if want_cookie:
        syncookies.tcp_synq_overflow(sk)
        net.mib.inc("SyncookiesSent")
        tcp_v4_send_synack(sk, req, TCP_SYNACK_COOKIE)
        return
    foc = tcp_parse_fastopen_option(options, only_exp=net.profile.fastopen_experimental)
    child = tcp_fastopen.tcp_try_fastopen(sk, skb, req, foc, dst)
    if child is not None:
        tcp_v4_send_synack(child, req, TCP_SYNACK_FASTOPEN, foc)
        inet_csk_reqsk_queue_add(sk, child)
        sock_wake.sk_data_ready(sk)
        return
    inet_csk_reqsk_queue_hash_add(sk, req)
    tcp_v4_send_synack(sk, req, TCP_SYNACK_NORMAL, foc)


def _keeps_last_quarter(sk: TcpSock, packet: Packet) -> bool:
    """Without cookies the last quarter of tcp_max_syn_backlog is for peers whose RTT an earlier connection measured."""
    limit = sk.net.sysctl.tcp_max_syn_backlog
    if limit - len(sk.icsk_request_socks) >= limit >> 2:
        return False
    return not tcp_metrics.tcp_peer_is_proven(sk.net, packet.destination, packet.source)


def tcp_openreq_init(req: RequestSock, sk: TcpSock, skb: SkBuff, options: Options, *, keep: bool) -> None:
    """Take the SYN's options as far as this host uses them; ``keep`` False: a cookie has room for the MSS alone."""
    net, sysctl = sk.net, sk.net.sysctl
    net.sockets_created += 1
    req.sk_cookie = net.sockets_created
    req.rcv_isn, req.rcv_nxt = skb.seq, skb.seq + 1
    mss = TCP_MSS_DEFAULT if ":" not in req.ir_rmt_addr else TCP_MSS_DEFAULT_V6
    if options.mss:
        mss = options.mss
    req.mss = min(mss, sk.user_mss) if sk.user_mss and options.mss else mss
    if not keep:
        return
    if options.ts_val is not None and sysctl.tcp_timestamps:
        req.tstamp_ok, req.ts_recent = True, options.ts_val
    req.sack_ok = options.sack_permitted and sysctl.tcp_sack
    if options.window_scale is not None and sysctl.tcp_window_scaling:
        req.wscale_ok, req.snd_wscale = True, min(options.window_scale, TCP_MAX_WSCALE)


def tcp_v4_send_synack(sk: TcpSock, req: RequestSock, synack_type: int, foc: FastopenCookie | None = None) -> bool:
    """Send the SYN-ACK, with Fast Open's cookie; False when it could not leave (ip_build_and_send_pkt)."""
    ts_val = None
    if synack_type == TCP_SYNACK_COOKIE and req.tstamp_ok:
        ts_val = (syncookies.cookie_init_timestamp(req) + req.ts_off) & _MASK
    req.syn_ect_snt = sk.tos & 3
    segment, length = tcp_send.tcp_make_synack(sk, req.dst, req, synack_type, ts_val, foc)
    net, tos = sk.net, sk.tos
    if net.sysctl.tcp_reflect_tos:
        tos = req.syn_tos & ~3 | tos & 3
    dont_fragment = ip_output.ip_dont_fragment(sk.pmtudisc, req.dst)
    ident = 0 if dont_fragment else net.random.u32() & 0xFFFF
    failed = ip_output.ip_local_out(
        net, req.dst, req.ir_loc_addr, IPPROTO_TCP, segment, length=length, tos=tos, ttl=sk.ttl,
        dont_fragment=dont_fragment, ident=ident,
    )  # fmt: skip
    return not failed


def inet_csk_reqsk_queue_hash_add(sk: TcpSock, req: RequestSock) -> None:
    """Put the request into the SYN queue, with a second until its SYN-ACK is sent again."""
    net = sk.net
    net.hashinfo.ehash[req.key] = req
    sk.icsk_request_socks[req.key] = req
    sk.icsk_young += 1
    req.timeout = net.profile.timeout_init_s * net.profile.hz
    req.rsk_timer = Timer(partial(reqsk_timer_handler, req))
    net.timers.mod_timer(req.rsk_timer, net.jiffies + req.timeout)


def inet_csk_reqsk_queue_drop(req: RequestSock) -> None:
    """Take it out of the SYN queue."""
    sk, net = req.rsk_listener, req.net
    if sk.icsk_request_socks.pop(req.key, None) is not None and not req.num_timeout:
        sk.icsk_young -= 1
    if net.hashinfo.ehash.get(req.key) is req:
        del net.hashinfo.ehash[req.key]
    net.timers.del_timer(req.rsk_timer)


def inet_csk_complete_hashdance(sk: TcpSock, child: TcpSock, req: RequestSock) -> TcpSock:
    """The handshake is complete: from the SYN queue to the accept queue."""
    inet_csk_reqsk_queue_drop(req)
    inet_csk_reqsk_queue_add(sk, child)
    return child


def inet_csk_reqsk_queue_add(sk: TcpSock, child: TcpSock) -> None:
    """Let ``child`` wait for accept()."""
    sk.icsk_accept_queue.append(child)
    sk.sk_ack_backlog += 1


def tcp_reqsk_timeout(req: RequestSock) -> int:
    """Jiffies until the SYN-ACK is sent again: doubled each time."""
    return min(req.timeout << req.num_timeout, req.rsk_listener.icsk_rto_max)


def tcp_rtx_synack(sk: TcpSock, req: RequestSock) -> bool:
    """Send the SYN-ACK again; False when it could not leave (tcp_output.c)."""
    if not tcp_v4_send_synack(sk, req, TCP_SYNACK_RETRANS):
        return False
    net = sk.net
    net.mib.inc("RetransSegs")
    net.mib.inc("TCPSynRetrans")
    if tcp_fastopen.tcp_passive_fastopen(sk):
        sk.total_retrans += 1
    net.trace("tcp_retransmit_synack", {"sport": req.ir_num, "dport": req.ir_rmt_port})
    req.num_retrans += 1
    return True


def tcp_reqsk_send_challenge_ack(sk: TcpSock, skb: SkBuff, req: RequestSock) -> None:
    """Ask a peer that reset the handshake with a number in the window, but not the exact one, what it meant."""
    net, now = sk.net, sk.net.jiffies
    limit = net.sysctl.tcp_invalid_ratelimit_ms * net.profile.hz // 1000
    if req.last_oow_ack_time and 0 <= now - req.last_oow_ack_time < limit:
        net.mib.inc("TCPACKSkippedChallenge")
        return
    req.last_oow_ack_time = now
    if tcp_input.tcp_challenge_ack_allowed(sk):
        net.mib.inc("TCPChallengeACK")
        tcp_reply.tcp_v4_reqsk_send_ack(sk, skb, req)


def reqsk_timer_handler(req: RequestSock) -> None:
    """No ACK came: send the SYN-ACK again, or give up; earlier while old requests fill the queue."""
    sk, net = req.rsk_listener, req.net
    retries = sk.icsk_syn_retries or net.sysctl.tcp_synack_retries
    qlen = len(sk.icsk_request_socks)
    if qlen << 1 > max(8, sk.sk_max_ack_backlog):
        young = sk.icsk_young << 1
        while retries > 2 and qlen >= young:
            retries -= 1
            young <<= 1
    expire, resend = _syn_ack_recalc(req, retries, sk.defer_accept)
    net.mib.inc("TCPTimeouts")
    if not expire and (not resend or tcp_rtx_synack(sk, req) or req.acked):
        tcp_accecn.tcp_accecn_synack_again(req)
        if req.num_timeout == 0:
            sk.icsk_young -= 1
        req.num_timeout += 1
        net.timers.mod_timer(req.rsk_timer, net.jiffies + tcp_reqsk_timeout(req))
        return
    inet_csk_reqsk_queue_drop(req)


def _syn_ack_recalc(req: RequestSock, retries: int, defer_accept: int) -> tuple[bool, bool]:
    """Whether the request is given up, and whether its SYN-ACK is sent again (TCP_DEFER_ACCEPT waits for data)."""
    if not defer_accept:
        return req.num_timeout >= retries, True
    expire = req.num_timeout >= retries and (not req.acked or req.num_timeout >= defer_accept)
    return expire, not req.acked or req.num_timeout >= defer_accept - 1
