"""SYN cookies: a handshake whose state the peer keeps, in its sequence number (net/ipv4/syncookies.c).

The number holds the minute, which of four MSS values was asked for, and a hash of both ends; window scale, SACK and ECN
are in the lowest six bits of the timestamp, so that they are lost without timestamps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import Options, Packet, Tcp
from netemu.packet.tcp import ACK, RST
from netemu.stack import route, tcp_minisocks, tcp_request
from netemu.stack.request_sock import RequestSock
from netemu.stack.tcp_accecn_h import tcp_accecn_ace

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack

MSSTAB_V4, MSSTAB_V6 = (536, 1300, 1440, 1460), (1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60)
COOKIEBITS, COOKIEMASK = 24, (1 << 24) - 1
MAX_SYNCOOKIE_AGE = 2
TSBITS, TS_OPT_WSCALE_MASK, TS_OPT_SACK, TS_OPT_ECN = 6, 0xF, 1 << 4, 1 << 5
_MASK = 0xFFFFFFFF
_PERIOD_S, _VALID_S = 60, 120


def tcp_synq_overflow(sk: TcpSock) -> None:
    """Cookies are being sent now: only then is an ACK out of nowhere taken for one."""
    sk.synq_overflow_ts = max(sk.net.jiffies, 1)


def tcp_synq_no_recent_overflow(sk: TcpSock) -> bool:
    """Whether the last cookie was sent so long ago that none can come back."""
    stamp, now = sk.synq_overflow_ts, sk.net.jiffies
    return not stamp or now > stamp + _VALID_S * sk.net.profile.hz


def _cookie_time(net: LinuxStack) -> int:
    return net.now_ns // (_PERIOD_S * 1_000_000_000)


def _table(packet: Packet) -> tuple[int, ...]:
    return MSSTAB_V6 if packet.version == 6 else MSSTAB_V4


def _hash(net: LinuxStack, packet: Packet, tcp: Tcp, count: int, which: int) -> int:
    ends = (packet.source, packet.destination, tcp.source_port, tcp.destination_port)
    return net.random.keyed("cookie", *ends, count, which) & _MASK


def cookie_v4_init_sequence(net: LinuxStack, packet: Packet, tcp: Tcp, mss: int) -> tuple[int, int]:
    """The cookie that answers a SYN, and the MSS that it remembers: the largest of the table that is no larger."""
    table = _table(packet)
    index = max((i for i, size in enumerate(table) if mss >= size), default=0)
    count = _cookie_time(net)
    inner = (_hash(net, packet, tcp, count, 1) + index) & COOKIEMASK
    cookie = _hash(net, packet, tcp, 0, 0) + tcp.seq + (count << COOKIEBITS) + inner
    return cookie & _MASK, table[index]


def cookie_mss(net: LinuxStack, packet: Packet, tcp: Tcp) -> int:
    """The MSS in the cookie that an ACK brings back; 0 when it is none of ours or too old (__cookie_v4_check)."""
    cookie, seq = tcp.ack_seq - 1, tcp.seq - 1
    cookie = (cookie - _hash(net, packet, tcp, 0, 0) - seq) & _MASK
    count = _cookie_time(net)
    age = (count - (cookie >> COOKIEBITS)) & (_MASK >> COOKIEBITS)
    if age >= MAX_SYNCOOKIE_AGE:
        return 0
    index = (cookie - _hash(net, packet, tcp, count - age, 1)) & COOKIEMASK
    table = _table(packet)
    return table[index] if index < len(table) else 0


def cookie_init_timestamp(req: RequestSock) -> int:
    """The clock in ms, set back so far that its lowest bits may hold the options."""
    options = req.snd_wscale if req.wscale_ok else TS_OPT_WSCALE_MASK
    options |= TS_OPT_SACK * req.sack_ok | TS_OPT_ECN * req.ecn_ok
    now = req.net.now_ns // req.net.ts_tick_ns
    stamp = (now >> TSBITS << TSBITS) | options
    return stamp - (1 << TSBITS) if stamp > now else stamp


def cookie_v4_check(sk: TcpSock, skb: SkBuff) -> TcpSock | None:
    """A segment without SYN at a listening socket: the new connection if it brings a cookie back, ``sk`` if it is no
    business of cookies, None when it has been dropped."""
    net, packet, options = sk.net, skb.packet, skb.options
    if not net.sysctl.tcp_syncookies or skb.tcp_flags & (ACK | RST) != ACK:
        return sk
    assert isinstance(packet, Packet)
    assert isinstance(packet.body, Tcp)
    assert isinstance(options, Options)
    if tcp_synq_no_recent_overflow(sk):
        return sk
    mss = cookie_mss(net, packet, packet.body)
    if not mss:
        net.mib.inc("SyncookiesFailed")
        return sk
    net.mib.inc("SyncookiesRecv")
    dst = route.ip_route_output(net, packet.source)
    if dst is None:
        return None
    req = _cookie_request(sk, skb, packet, packet.body, dst)
    req.mss = mss
    if not _decode_options(req, options):
        return None
    # Its options are never looked at, nor is the mark of the SYN known.
    if req.ecn_ok and "tcp_ecn_option" not in net.profile.sysctls_lacking:
        req.accecn_ok = tcp_accecn_ace(skb.tcp_flags) > 1
    # Reckoned with the cookie's MSS, without timestamps: not quite the window that the SYN-ACK offered.
    tcp_minisocks.select_initial_rwin(req, sk, req.mss)
    child = tcp_minisocks.tcp_v4_syn_recv_sock(sk, skb, req, dst)
    if child is not None:
        tcp_request.inet_csk_reqsk_queue_add(sk, child)
    return child


def _cookie_request(sk: TcpSock, skb: SkBuff, packet: Packet, tcp: Tcp, dst: route.Dst) -> RequestSock:
    """The request that was never kept, from what the ACK tells (cookie_tcp_reqsk_init)."""
    req = RequestSock(
        sk.net, sk, sk.sk_family, packet.destination, tcp.destination_port, packet.source, tcp.source_port, dst
    )
    sk.net.sockets_created += 1
    req.sk_cookie = sk.net.sockets_created
    req.rcv_isn, req.snt_isn = skb.seq - 1, skb.ack_seq - 1
    req.rcv_nxt = skb.seq
    req.syncookie = True
    return req


def _decode_options(req: RequestSock, options: Options) -> bool:
    """cookie_timestamp_decode: options from the echoed timestamp; False when one of them is now switched off."""
    sysctl = req.net.sysctl
    if options.ts_val is None:
        return True
    if not sysctl.tcp_timestamps:
        return False
    req.tstamp_ok, req.ts_recent = True, options.ts_val
    req.ts_off = tcp_request.secure_tcp_ts_off(req.net, req.ir_loc_addr, req.ir_rmt_addr)
    bits = ((options.ts_ecr or 0) - req.ts_off) & _MASK
    req.sack_ok = bool(bits & TS_OPT_SACK)
    if req.sack_ok and not sysctl.tcp_sack:
        return False
    req.ecn_ok = bool(bits & TS_OPT_ECN) and bool(sysctl.tcp_ecn)
    if bits & TS_OPT_WSCALE_MASK == TS_OPT_WSCALE_MASK:
        return True
    req.wscale_ok, req.snd_wscale = True, bits & TS_OPT_WSCALE_MASK
    return sysctl.tcp_window_scaling
