"""A receiving socket on a host of its own, for tests of one function at a time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from netemu.packet.ip import NO_OPTIONS, Packet, Tcp
from netemu.packet.tcp import ACK
from netemu.stack import skb_alloc, stack
from netemu.stack.eras import PROFILES
from netemu.stack.events import Transmit
from netemu.stack.host import Interface, make_host
from netemu.stack.profile import Profile
from netemu.stack.route import ip_route_output
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import TCP_ESTABLISHED, TcpSock
from netemu.stack.tcp_init import tcp_init_sock
from netemu.stack.tcp_rmem import sk_rmem_schedule, skb_set_owner_r

MSS = 1448


def receiver(profile: Profile = PROFILES["linux-7"]) -> TcpSock:
    """An established socket that has received nothing yet; its windows are as a handshake leaves them."""
    net = make_host("host", profile, interfaces=[Interface("host-eth0", 1500, ("10.0.0.1/24",))])
    sk = tcp_init_sock(net, 2)
    sk.inet_saddr, sk.inet_sport, sk.inet_daddr, sk.inet_dport = "10.0.0.1", 2000, "10.0.0.2", 1000
    sk.sk_dst = ip_route_output(net, "10.0.0.2")
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
    """ACKs that a socket sent: number, window field and SACK blocks of each."""

    sent: list[tuple[int, int, tuple[tuple[int, int], ...]]]

    def transmit(self, interface: str, packet: Packet, context: str) -> Transmit:
        segment = packet.body
        assert isinstance(segment, Tcp)
        self.sent.append((segment.ack_seq, segment.window, segment.options.sack))
        return Transmit(interface, packet, context)

    @property
    def numbers(self) -> list[int]:
        """What was acknowledged."""
        return [number for number, _, _ in self.sent]


@pytest.fixture
def acks(monkeypatch: pytest.MonkeyPatch) -> Acks:
    """Hears what any host gives to its device."""
    found = Acks([])
    monkeypatch.setattr(stack, "Transmit", found.transmit)
    return found
