"""A receiving socket on a host of its own, for tests of one function at a time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from netemu.packet.ip import NO_OPTIONS, Packet, Tcp
from netemu.packet.tcp import ACK
from netemu.stack import skb_alloc, tcp_ack_snd, tcp_send, tcp_timer, tcp_window
from netemu.stack.eras import PROFILES
from netemu.stack.host import make_host
from netemu.stack.profile import Profile
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import TCP_ESTABLISHED, TcpSock
from netemu.stack.tcp_init import tcp_init_sock
from netemu.stack.tcp_rmem import sk_rmem_schedule, skb_set_owner_r

MSS = 1448


def receiver(profile: Profile = PROFILES["linux-7"]) -> TcpSock:
    """An established socket that has received nothing yet; its windows are as a handshake leaves them."""
    net = make_host("host", profile, interfaces=())
    sk = tcp_init_sock(net, 2)
    sk.sk_state = TCP_ESTABLISHED
    sk.fd = 3
    sk.advmss = sk.mss_cache = sk.ack_rcv_mss = MSS
    sk.rcv_nxt = sk.copied_seq = sk.rcv_wup = 1
    sk.snd_una = sk.snd_nxt = sk.write_seq = 1
    sk.sack_ok = sk.tstamp_ok = sk.wscale_ok = True
    sk.tcp_header_len = 32
    sk.rcv_wscale = 7
    sk.rcv_wnd = sk.rcv_ssthresh = 64_000
    sk.rcv_mwnd_seq = sk.rcv_wup + sk.rcv_wnd
    sk.window_clamp = 65_536
    sk.icsk_rto = 100
    sk.rcvq_space_space = 10 * MSS
    return sk


def segment(seq: int, length: int, flags: int = ACK, window: int = 500) -> SkBuff:
    """A data segment as tcp_v4_rcv hands it on; its bytes are the low eight bits of their sequence numbers."""
    data = bytes((seq + offset) & 0xFF for offset in range(length))
    tcp = Tcp(1000, 2000, seq & 0xFFFFFFFF, 1, flags, window, data)
    packet = Packet(4, "10.0.0.1", "10.0.0.2", 6, 20 + 32 + length, tcp)
    truesize, tailroom = skb_alloc.received(packet.length)
    skb = SkBuff(seq, seq + length + (flags & 1), flags, data, truesize)
    skb.tailroom, skb.ack_seq, skb.window = tailroom, 1, window
    skb.options, skb.packet = NO_OPTIONS, packet
    return skb


def queue(sk: TcpSock, skb: SkBuff) -> None:
    """Put a segment at the end of the receive queue, charged."""
    assert sk_rmem_schedule(sk, skb.truesize)
    sk.sk_receive_queue.append(skb)
    skb_set_owner_r(skb, sk)
    sk.rcv_nxt = skb.end_seq


def charged(sk: TcpSock) -> int:
    """Truesize of everything queued."""
    return sum(skb.truesize for held in (sk.sk_receive_queue, sk.out_of_order_queue) for skb in held)


@dataclass
class Acks:
    """ACKs that a socket sent, with the window and the SACK blocks of each; what sending one does to it is done."""

    sent: list[tuple[int, int, tuple[tuple[int, int], ...]]]

    def __call__(self, sk: TcpSock, flags: int = 0) -> None:
        window = tcp_window.tcp_select_window(sk)
        duplicate = () if sk.duplicate_sack is None else (sk.duplicate_sack,)
        self.sent.append((sk.rcv_nxt, window, (*duplicate, *sk.selective_acks)))
        sk.duplicate_sack = None
        if sk.compressed_ack:
            sk.compressed_ack = 0
            sk.net.timers.del_timer(sk.compressed_ack_timer)
        tcp_ack_snd.tcp_dec_quickack_mode(sk)
        tcp_timer.inet_csk_clear_delack(sk)

    @property
    def numbers(self) -> list[int]:
        """What was acknowledged."""
        return [number for number, _, _ in self.sent]


@pytest.fixture
def acks(monkeypatch: pytest.MonkeyPatch) -> Acks:
    """In place of tcp_send_ack."""
    found = Acks([])
    monkeypatch.setattr(tcp_send, "tcp_send_ack", found)
    return found
