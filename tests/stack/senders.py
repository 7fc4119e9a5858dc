"""Connected sockets of one host for tests of the sending half, and what they give to their device."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from netemu.packet.ip import Packet, Tcp
from netemu.stack import stack
from netemu.stack.cong import tcp_ca_find
from netemu.stack.eras import PROFILES
from netemu.stack.events import Transmit
from netemu.stack.host import Interface, make_host
from netemu.stack.ip_h import IPV4_HEADER
from netemu.stack.route import ip_route_output
from netemu.stack.sock import TCP_ESTABLISHED, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.tcp_timer import tcp_init_xmit_timers

AF_INET = 2
MSS = 1448
HEAD = 960  # what a segment costs before its payload in linux-7


@dataclass
class Wire:
    """What left, with the length of its TCP header and payload."""

    segments: list[Tcp] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def transmit(self, interface: str, packet: Packet, context: str) -> Transmit:
        assert isinstance(packet.body, Tcp)
        self.segments.append(packet.body)
        self.lengths.append(packet.length - IPV4_HEADER)
        return Transmit(interface, packet, context)


def cut_off(sk: TcpSock) -> None:
    """No route leads to the peer any more: what is sent fails with EHOSTUNREACH."""
    sk.sk_dst, sk.inet_daddr = None, "192.0.2.1"


def make_net(era: str = "linux-7") -> LinuxStack:
    """A host 10.0.0.1/24 at 1 s."""
    net = make_host("h1", PROFILES[era], interfaces=[Interface("h1-eth0", 1500, ("10.0.0.1/24",))])
    wait_ns(net, 1_000_000_000)
    return net


def wait_ns(net: LinuxStack, duration_ns: int) -> None:
    """Let time pass without a timer firing."""
    net.now_ns += duration_ns
    net.timers.advance(net.now_ns)


def make_sender(net: LinuxStack | None = None) -> TcpSock:
    """An established socket to 10.0.0.2:80 with timestamps and SACK, MSS 1448, a window of 64 KiB, cwnd 10, reno."""
    net = make_net() if net is None else net
    reno = tcp_ca_find("reno")
    assert reno is not None
    sk = TcpSock(net, AF_INET, reno)
    sk.inet_saddr, sk.inet_sport, sk.inet_daddr, sk.inet_dport = "10.0.0.1", 1025, "10.0.0.2", 80
    sk.sk_dst = ip_route_output(net, "10.0.0.2")
    tcp_init_xmit_timers(sk)
    sk.sk_state = TCP_ESTABLISHED
    sk.write_seq = sk.snd_nxt = sk.snd_una = sk.pushed_seq = sk.snd_up = sk.snd_sml = 1001
    sk.rcv_nxt = sk.rcv_wup = sk.copied_seq = 5001
    sk.snd_wnd = sk.max_window = 65536
    sk.tstamp_ok = sk.sack_ok = sk.wscale_ok = True
    sk.rcv_wscale = 7
    sk.tcp_header_len = 32
    sk.mss_clamp, sk.mss_cache, sk.advmss, sk.icsk_pmtu_cookie = 1460, MSS, 1460, 1500
    sk.snd_cwnd = 10
    sk.lsndtime = sk.snd_cwnd_stamp = net.jiffies
    sk.sk_sndbuf, sk.sk_rcvbuf = 87040, 131072
    sk.rcv_wnd = sk.window_clamp = sk.rcv_ssthresh = 65536
    sk.ack_rcv_mss = 536
    sk.scaling_ratio = 128
    sk.icsk_rto = net.profile.hz // 5
    sk.icsk_rto_min, sk.icsk_rto_max = net.profile.hz // 5, 120 * net.profile.hz
    sk.srtt_us = 8 * 10_000
    return sk


def queued(sk: TcpSock) -> int:
    """What the queues' segments are charged, added up."""
    return sum(skb.truesize for queue in (sk.sk_write_queue, sk.tcp_rtx_queue) for skb in queue)


def send(sk: TcpSock, data: bytes, flags: int = 0) -> int:
    """``send`` that must not sleep: the count it returns."""
    from netemu.stack.tcp_sendmsg import tcp_sendmsg

    call = tcp_sendmsg(sk, data, flags)
    try:
        next(call)
    except StopIteration as end:
        return int(end.value)
    raise AssertionError("send() went to sleep")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Hears what any host gives to its device."""
    made = Wire()
    monkeypatch.setattr(stack, "Transmit", made.transmit)
    return made
