"""Urgent data: one byte of the stream that may be read out of band (tcp_urg, net/ipv4/tcp_input.c, Linux 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.packet.tcp import SYN, URG
from netemu.stack import sock_wake, tcp_recvmsg

if TYPE_CHECKING:
    from netemu.stack.skbuff import SkBuff
    from netemu.stack.sock import TcpSock

TCP_URG_VALID, TCP_URG_NOTYET, TCP_URG_READ = 0x100, 0x200, 0x400
"""Bits of ``urg_data`` beside the byte itself (include/net/tcp.h)."""


def tcp_check_urg(sk: TcpSock, skb: SkBuff, pointer: int) -> None:
    """A segment with URG: note where the urgent byte is. Without tcp_stdurg the pointer means the byte before."""
    if pointer and not sk.net.sysctl.tcp_stdurg:
        pointer -= 1
    position = skb.seq + pointer
    if sk.copied_seq > position or position < sk.rcv_nxt or (sk.urg_data and position <= sk.urg_seq):
        return
    if sk.urg_seq == sk.copied_seq and sk.urg_data and not sk.sk_urginline and sk.copied_seq != sk.rcv_nxt:
        # The byte before was urgent and is about to be read as such: it is no part of the stream.
        sk.copied_seq += 1
        head = sk.sk_receive_queue.head
        if head is not None and sk.copied_seq >= head.end_seq:
            tcp_recvmsg.tcp_eat_recv_skb(sk, head)
    sk.urg_data = TCP_URG_NOTYET
    sk.urg_seq = position
    sk.pred_flags = 0


def tcp_urg(sk: TcpSock, skb: SkBuff, pointer: int) -> None:
    """Step 6: the URG bit; ``pointer``: the header's urgent pointer."""
    if skb.tcp_flags & URG:
        tcp_check_urg(sk, skb, pointer)
    if sk.urg_data == TCP_URG_NOTYET:
        offset = sk.urg_seq - skb.seq - (1 if skb.tcp_flags & SYN else 0)
        if 0 <= offset < len(skb.data):
            sk.urg_data = TCP_URG_VALID | skb.data[offset]
            if not sk.sk_dead:
                sock_wake.sk_data_ready(sk)
