"""Segments that leave without a connection: resets, and ACKs of TIME_WAIT and of the SYN queue (tcp_ipv4.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.ip import IPPROTO_TCP, NO_OPTIONS, Options, Packet, Tcp
from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.stack import ip_output, route

if TYPE_CHECKING:
    from netemu.stack.inet_timewait_sock import TimewaitSock
    from netemu.stack.request_sock import RequestSock
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack

_MASK = 0xFFFFFFFF
_ECN_MASK = 3
_HEADER, _TIMESTAMPS = 20, 12


def tcp_v4_send_reset(net: LinuxStack, sk: TcpSock | TimewaitSock | None, packet: Packet) -> None:
    """Answer ``packet`` with a reset, never a reset. ``sk``: the socket that refuses it, None when there is none."""
    tcp = packet.body
    if not isinstance(tcp, Tcp) or tcp.flags & RST:
        return
    if tcp.flags & ACK:
        seq, ack_seq, flags = tcp.ack_seq, 0, RST
    else:
        length = len(tcp.payload) + bool(tcp.flags & SYN) + bool(tcp.flags & FIN)
        seq, ack_seq, flags = 0, (tcp.seq + length) & _MASK, RST | ACK
    segment = Tcp(tcp.destination_port, tcp.source_port, seq, ack_seq, flags, 0)
    net.mib.inc("OutRsts")
    _send_reply(net, packet, segment, _HEADER, packet.tos & ~_ECN_MASK)


def tcp_v4_timewait_ack(tw: TimewaitSock, packet: Packet, *, out_of_window: bool) -> None:
    """What TIME_WAIT says again: the last ACK (tcp_v4_timewait_ack)."""
    net = tw.net
    options, length = NO_OPTIONS, _HEADER
    if tw.tw_ts_recent:
        ts_val = (net.now_ns // net.ts_tick_ns + tw.tw_ts_offset) & _MASK
        options, length = Options(ts_val=ts_val, ts_ecr=tw.tw_ts_recent), _HEADER + _TIMESTAMPS
    segment = Tcp(
        tw.inet_sport, tw.inet_dport, tw.tw_snd_nxt & _MASK, tw.tw_rcv_nxt & _MASK, ACK,
        tw.tw_rcv_wnd >> tw.tw_rcv_wscale, b"", options,
    )  # fmt: skip
    _send_reply(net, packet, segment, length, tw.tos & ~_ECN_MASK if out_of_window else tw.tos)


def tcp_v4_reqsk_send_ack(sk: TcpSock, skb: SkBuff, req: RequestSock) -> None:
    """Tell the peer of a half-open connection what is expected of it (tcp_v4_reqsk_send_ack)."""
    net = sk.net
    options, length = NO_OPTIONS, _HEADER
    if req.ts_recent or req.tstamp_ok:
        ts_val = (net.now_ns // net.ts_tick_ns + req.ts_off) & _MASK
        options, length = Options(ts_val=ts_val, ts_ecr=req.ts_recent), _HEADER + _TIMESTAMPS
    segment = Tcp(
        req.ir_num, req.ir_rmt_port, (req.snt_isn + 1) & _MASK, req.rcv_nxt & _MASK, ACK,
        min(req.rsk_rcv_wnd, 65535) >> req.rcv_wscale, b"", options,
    )  # fmt: skip
    assert isinstance(skb.packet, Packet)
    _send_reply(net, skb.packet, segment, length, skb.packet.tos & ~_ECN_MASK)


def _send_reply(net: LinuxStack, packet: Packet, segment: Tcp, length: int, tos: int) -> None:
    """ip_send_unicast_reply: with DF and no identification; dropped when there is no way back."""
    dst = route.ip_route_output(net, packet.source)
    if dst is None:
        return
    net.mib.inc("OutSegs")
    ip_output.ip_local_out(
        net, dst, packet.destination, IPPROTO_TCP, segment, length=length, tos=tos, dont_fragment=True
    )
