"""A segment arrives: whose is it, and into which numbers is it unwrapped (net/ipv4/tcp_ipv4.c, net/ipv6/tcp_ipv6.c).

The wire's 32-bit numbers become unbounded here, once: the sequence number near what the socket expects next, the
acknowledgement and SACK blocks near what it has unacknowledged.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from netemu.packet.ip import Options, Packet, Tcp
from netemu.packet.tcp import ACK, FIN, RST, SYN
from netemu.stack import (
    inet_hashtables,
    skb_alloc,
    syncookies,
    tcp_err,
    tcp_input,
    tcp_minisocks,
    tcp_prequeue,
    tcp_reply,
    tcp_request,
    tcp_timewait,
)
from netemu.stack.inet_timewait_sock import TimewaitSock, inet_twsk_deschedule_put
from netemu.stack.request_sock import RequestSock
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import TCP_ESTABLISHED, TCP_LISTEN, TCP_SYN_SENT

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock
    from netemu.stack.stack import LinuxStack

_HALF, _MASK = 0x80000000, 0xFFFFFFFF

received = lru_cache(maxsize=4096)(skb_alloc.received)
"""What a packet of so many bytes costs, and the room behind it; most packets have one of a few lengths."""
sent = lru_cache(maxsize=4096)(skb_alloc.sent)
"""The same for so much payload, where a sender's own segment arrives."""


def unwrap(number: int, near: int) -> int:
    """The unbounded number congruent to ``number`` that is closest to ``near``."""
    return near + ((number - near + _HALF) & _MASK) - _HALF


def tcp_v4_fill_cb(net: LinuxStack, packet: Packet, tcp: Tcp, rcv_near: int, snd_near: int) -> SkBuff:
    """The arrived segment as the stack's queues hold it."""
    seq = rcv_near + ((tcp.seq - rcv_near + _HALF) & _MASK) - _HALF
    flags, data = tcp.flags, tcp.payload
    end_seq = seq + len(data)
    if flags & (SYN | FIN):
        end_seq += (flags & SYN) // SYN + (flags & FIN)
    small_heads = net.profile.skb_small_heads
    if net.behind_tun:
        truesize, tailroom = skb_alloc.tun_received(packet.length, small_heads)
    elif net.carried_by_kernel:
        truesize, tailroom = sent(len(data), small_heads)
    else:
        truesize, tailroom = received(packet.length, small_heads)
    if tcp.truesize and net.carried_by_kernel:
        truesize = tcp.truesize
    skb = SkBuff(seq, end_seq, flags, data, truesize)
    skb.tailroom = tailroom
    skb.ack_seq = snd_near + ((tcp.ack_seq - snd_near + _HALF) & _MASK) - _HALF
    skb.window = tcp.window
    skb.tos = packet.tos
    skb.packet = packet
    options = tcp.options
    if options.sack:
        blocks = tuple([(unwrap(start, snd_near), unwrap(end, snd_near)) for start, end in options.sack])
        options = Options(
            options.mss, options.window_scale, options.sack_permitted, options.ts_val, options.ts_ecr, blocks,
            options.other, options.accecn,
        )  # fmt: skip
    skb.options = options
    if tcp.gso_size:
        skb.gso_size = tcp.gso_size
    return skb


def tcp_v4_rcv(net: LinuxStack, interface: str, packet: Packet) -> None:
    """A segment for this host."""
    counts = net.mib.counts
    counts["InSegs"] += 1
    tcp = packet.body
    if not isinstance(tcp, Tcp):
        counts["InErrs"] += 1
        return
    sk = net.hashinfo.ehash.get((packet.destination, tcp.destination_port, packet.source, tcp.source_port))
    if sk is None:
        listener = inet_hashtables.inet_lookup_listener(
            net, packet.destination, tcp.destination_port, (packet.source, tcp.source_port), interface
        )
        if listener is None:
            tcp_reply.tcp_v4_send_reset(net, None, packet)
        else:
            _rcv_listen(listener, packet, tcp, 0)
    elif isinstance(sk, TimewaitSock):
        _rcv_timewait(sk, interface, packet, tcp)
    elif isinstance(sk, RequestSock):
        _rcv_request(sk, interface, packet, tcp)
    else:
        _rcv_connected(sk, packet, tcp)


def _rcv_connected(sk: TcpSock, packet: Packet, tcp: Tcp) -> None:
    if sk.sk_state == TCP_SYN_SENT:
        skb = tcp_v4_fill_cb(sk.net, packet, tcp, tcp.seq, sk.snd_una)
    else:
        skb = tcp_v4_fill_cb(sk.net, packet, tcp, sk.rcv_nxt, sk.snd_una)
    sk.segs_in += 1
    if skb.data:
        sk.data_segs_in += 1
    if sk.sk_owned:
        tcp_add_backlog(sk, skb)
    elif sk.ucopy is None or not tcp_prequeue.tcp_prequeue(sk, skb):
        tcp_v4_do_rcv(sk, skb)


def tcp_add_backlog(sk: TcpSock, skb: SkBuff) -> None:
    """A process holds the socket: it will look at the segment when it lets go (tcp_add_backlog)."""
    limit = (sk.sk_rcvbuf << 1) + (sk.sk_sndbuf >> 1) + 64 * 1024
    if sk.sk_backlog_len + sk.sk_rmem_alloc > limit:
        sk.sk_drops += 1
        sk.net.mib.inc("TCPBacklogDrop")
        return
    sk.sk_backlog.append(skb)
    sk.sk_backlog_len += skb.truesize


def tcp_v4_do_rcv(sk: TcpSock, skb: SkBuff) -> None:
    """sk_backlog_rcv: what a segment does to the socket it belongs to."""
    state = sk.sk_state
    if state == TCP_ESTABLISHED:
        tcp_input.tcp_rcv_established(sk, skb)
        return
    if state == TCP_LISTEN and not skb.tcp_flags & SYN:
        child = syncookies.cookie_v4_check(sk, skb)
        if child is None:
            return
        if child is not sk:
            if tcp_minisocks.tcp_child_process(sk, child, skb):
                send_reset(child, skb)
            return
    if tcp_input.tcp_rcv_state_process(sk, skb):
        send_reset(sk, skb)


def send_reset(sk: TcpSock, skb: SkBuff) -> None:
    """Refuse a segment in the name of ``sk``."""
    assert isinstance(skb.packet, Packet)
    tcp_reply.tcp_v4_send_reset(sk.net, sk, skb.packet)


def _rcv_listen(sk: TcpSock, packet: Packet, tcp: Tcp, tw_isn: int) -> None:
    """A segment that only a listening socket takes. ``tw_isn``: the SYN ended a TIME_WAIT; 0: it did not."""
    skb = tcp_v4_fill_cb(sk.net, packet, tcp, tcp.seq, tcp.ack_seq)
    skb.tcp_tw_isn = tw_isn
    if sk.sk_owned:
        # A SYN is never queued behind a process in listen() or close(): the kernel takes it without the lock.
        flags = tcp.flags & (SYN | ACK | RST | FIN)
        if flags == SYN:
            tcp_request.tcp_v4_conn_request(sk, skb)
        return
    tcp_v4_do_rcv(sk, skb)


def _rcv_request(req: RequestSock, interface: str, packet: Packet, tcp: Tcp) -> None:
    """A segment of a connection in the SYN queue."""
    sk = req.rsk_listener
    if sk.sk_state != TCP_LISTEN:
        tcp_request.inet_csk_reqsk_queue_drop(req)
        tcp_v4_rcv(req.net, interface, packet)
        return
    skb = tcp_v4_fill_cb(req.net, packet, tcp, req.rcv_nxt, req.snt_isn + 1)
    child = tcp_minisocks.tcp_check_req(sk, skb, req, False)
    if child is None:
        sk.sk_drops += 1
    elif child is sk:
        tcp_v4_do_rcv(sk, skb)
    elif tcp_minisocks.tcp_child_process(sk, child, skb):
        send_reset(child, skb)


def _rcv_timewait(tw: TimewaitSock, interface: str, packet: Packet, tcp: Tcp) -> None:
    net = tw.net
    skb = tcp_v4_fill_cb(net, packet, tcp, tw.tw_rcv_nxt, tw.tw_snd_nxt)
    status, isn = tcp_timewait.tcp_timewait_state_process(tw, skb)
    if status == tcp_timewait.TCP_TW_SYN:
        sk = inet_hashtables.inet_lookup_listener(
            net, packet.destination, tcp.destination_port, (packet.source, tcp.source_port), interface
        )
        if sk is not None:
            inet_twsk_deschedule_put(tw)
            _rcv_listen(sk, packet, tcp, isn)
            return
        status = tcp_timewait.TCP_TW_ACK
    if status in (tcp_timewait.TCP_TW_ACK, tcp_timewait.TCP_TW_ACK_OOW):
        tcp_reply.tcp_v4_timewait_ack(tw, packet, out_of_window=status == tcp_timewait.TCP_TW_ACK_OOW)
    elif status == tcp_timewait.TCP_TW_RST:
        tcp_reply.tcp_v4_send_reset(net, tw, packet)
        inet_twsk_deschedule_put(tw)


def tcp_v4_mtu_reduced(sk: TcpSock) -> None:
    """What release_sock makes up for when ICMP met a held socket."""
    tcp_err.tcp_v4_mtu_reduced(sk)
