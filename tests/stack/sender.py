"""A sender without a network: what it transmits is noted, what the peer acknowledges is said by the test.

Sequence numbers are told in segments: segment 0 is the first one, each has ``MSS`` bytes. Times are in ms.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, cast

import pytest

from netemu.packet.ip import Options, Packet, Tcp
from netemu.stack import cong, stack, tcp_ack, tcp_output, tcp_timer
from netemu.stack.eras import PROFILES
from netemu.stack.events import Transmit
from netemu.stack.profile import sysctl_of
from netemu.stack.route import Dst, Interface
from netemu.stack.skbuff import TCPCB_LOST, TCPCB_SACKED_ACKED, TCPCB_SACKED_RETRANS, SkBuff
from netemu.stack.sock import TCP_ESTABLISHED, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.tcp_h import FLAG_SLOWPATH

MSS, HEADERS = 1000, 40
FIRST = 1
"""Sequence number of the first byte."""
MS = 1_000_000


class Sender:
    """An established connection with ``cwnd`` segments of window and an endless supply of data, if wanted."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        sack: bool = True,
        cwnd: int = 10,
        era: str = "linux-7",
        **sysctls: Any,
    ) -> None:
        profile = PROFILES[era]
        self.net = net = LinuxStack("h", profile, sysctl_of(profile), 1)
        for name, value in sysctls.items():
            setattr(net.sysctl, name, value)
        ops = cong.tcp_ca_find("reno")
        assert ops is not None
        self.sk = sk = TcpSock(net, 2, ops)
        tcp_timer.tcp_init_xmit_timers(sk)
        hz = profile.hz
        sk.sk_state = TCP_ESTABLISHED
        sk.sack_ok = sack
        sk.icsk_rto, sk.icsk_rto_min, sk.icsk_rto_max = hz, hz // 5, 120 * hz
        sk.write_seq = sk.snd_nxt = sk.snd_una = sk.snd_up = sk.snd_sml = FIRST
        sk.snd_wl1 = sk.rcv_nxt = 1
        sk.mss_cache, sk.snd_cwnd, sk.snd_wnd, sk.max_window = MSS, cwnd, 1000 * MSS, 1000 * MSS
        sk.inet_saddr, sk.inet_sport, sk.inet_daddr, sk.inet_dport = "10.0.0.1", 1025, "10.0.0.2", 80
        sk.sk_dst = Dst(net, "10.0.0.2", "10.0.0.1", Interface("h-eth0", HEADERS + MSS), None)
        sk.tcp_header_len, sk.icsk_pmtu_cookie = 20, HEADERS + MSS
        sk.ack_rcv_mss, sk.sk_rcvbuf = MSS, 131_072
        sk.rcv_wnd = sk.window_clamp = sk.rcv_ssthresh = 65_535
        sk.sk_sndbuf = 1 << 30
        self.sent: list[tuple[float, int]] = []
        """(ms, segment) of every transmission."""
        monkeypatch.setattr(stack, "Transmit", self._transmit)
        self.at(1000)

    def _transmit(self, interface: str, packet: Packet, context: str) -> Transmit:
        assert isinstance(packet.body, Tcp)
        self.sent.append((self.net.now_ns / MS, (packet.body.seq - FIRST) // MSS))
        return Transmit(interface, packet, context)

    def at(self, ms: float) -> None:
        """Let time pass until ``ms``, with every timer that fires on the way."""
        until_ns = round(ms * MS)
        while (deadline := self.net.timers.next_ns()) is not None and deadline <= until_ns:
            self.net.now_ns = deadline
            self.net.timers.advance(deadline)
            self.net.timers.run()
        self.net.now_ns = until_ns
        self.net.timers.advance(until_ns)

    def write(self, segments: int) -> None:
        """The process writes that many full segments, and what may leave leaves."""
        sk = self.sk
        for _ in range(segments):
            skb = SkBuff(sk.write_seq, sk.write_seq + MSS, 0x10, bytes(MSS), MSS + 1024)
            sk.write_seq += MSS
            sk.sk_wmem_queued += skb.truesize
            sk.sk_write_queue.append(skb)
        tcp_output.tcp_push_pending_frames(sk)
        self.check()

    def ack(
        self, segment: int, sacks: Iterable[tuple[int, int]] = (), *, echo_ms: float | None = None, flags: int = 0x10
    ) -> list[int]:
        """The peer acknowledges all below ``segment`` and has the segments of ``sacks`` (first, beyond the last);
        ``echo_ms``: the time of the timestamp it echoes. The segments that are sent because of it."""
        sk = self.sk
        before = len(self.sent)
        sk.tcp_clock_cache = self.net.now_ns
        sk.tcp_mstamp = self.net.now_ns // 1000
        sk.saw_tstamp = echo_ms is not None
        sk.rcv_tsecr = round(echo_ms or 0)
        skb = SkBuff(1, 1, flags)
        skb.ack_seq = FIRST + segment * MSS
        skb.window = sk.snd_wnd
        skb.options = Options(sack=tuple((FIRST + a * MSS, FIRST + b * MSS) for a, b in sacks))
        tcp_ack.tcp_ack(sk, skb, FLAG_SLOWPATH)
        tcp_output.tcp_push_pending_frames(sk)
        self.check()
        return [which for _, which in self.sent[before:]]

    def check(self) -> None:
        """The scoreboard's counts agree with the queue's tags."""
        sk = self.sk
        queue = list(sk.tcp_rtx_queue)
        assert sk.packets_out == sum(skb.tcp_gso_segs for skb in queue)
        assert sk.lost_out == _tagged(queue, TCPCB_LOST)
        assert sk.retrans_out == _tagged(queue, TCPCB_SACKED_RETRANS)
        if sk.sack_ok:
            assert sk.sacked_out == _tagged(queue, TCPCB_SACKED_ACKED)
        assert sk.sacked_out + sk.lost_out <= sk.packets_out
        assert all(a.end_seq == b.seq for a, b in pairwise(queue))
        assert not any(skb.sacked & TCPCB_SACKED_ACKED and skb.sacked & TCPCB_LOST for skb in queue)
        tsorted = list(sk.tsorted_sent_queue)
        assert [skb.skb_mstamp_ns for skb in tsorted] == sorted(skb.skb_mstamp_ns for skb in tsorted)
        assert sk.sk_wmem_queued == sum(skb.truesize for skb in [*queue, *sk.sk_write_queue])

    def counted(self, name: str) -> int:
        """A counter of the host."""
        return self.net.mib[name]

    @property
    def outstanding(self) -> list[int]:
        """The first segment of each outstanding one in the queue."""
        return [(skb.seq - FIRST) // MSS for skb in cast("Any", self.sk.tcp_rtx_queue)]


def _tagged(queue: list[SkBuff], bit: int) -> int:
    return sum(skb.tcp_gso_segs for skb in queue if skb.sacked & bit)


def established(monkeypatch: pytest.MonkeyPatch, *, rtt_ms: float = 100, **how: Any) -> Sender:
    """A sender that has measured ``rtt_ms`` by one segment (numbered 0), at 1000 ms + that."""
    sender = Sender(monkeypatch, **how)
    sender.write(1)
    sender.at(1000 + rtt_ms)
    sender.ack(1)
    return sender
