"""BIC: a binary search for the window of the last loss (net/ipv4/tcp_bic.c, 7.2; Xu, Harfoush and Rhee 2004).

The default from 2.6.8 to 2.6.18, and a module since. Below ``last_max_cwnd`` a round trip covers a quarter of the way
there, ``MAX_INCREMENT`` segments at most; near it, and just past it, the window hardly moves; further past it grows
faster again. Small windows (``LOW_WINDOW``) grow and shrink as reno's. What is wanted becomes ``cnt``: a segment more
for every ``cnt`` acknowledged, fewer where the peer acknowledges several segments at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_cong
from netemu.stack.cong import AckSample, TcpCongestionOps
from netemu.stack.sock import TCP_CA_Loss, TCP_CA_Open
from netemu.stack.tcp_reno import tcp_reno

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

BICTCP_BETA_SCALE, BETA, BICTCP_B = 1024, 819, 4
MAX_INCREMENT, LOW_WINDOW, SMOOTH_PART = 16, 14, 20
ACK_RATIO_SHIFT = 4


class BicTcp:
    """``struct bictcp``: windows in segments, times in jiffies, ``delayed_ack`` segments per ACK, times 16."""

    __slots__ = ("cnt", "delayed_ack", "epoch_start", "last_cwnd", "last_max_cwnd", "last_time")

    def __init__(self) -> None:
        self.cnt = self.last_max_cwnd = self.last_cwnd = self.last_time = self.epoch_start = self.delayed_ack = 0

    def reset(self) -> None:
        """No loss is remembered, and every second segment is acknowledged (bictcp_reset)."""
        self.cnt = self.last_max_cwnd = self.last_cwnd = self.last_time = self.epoch_start = 0
        self.delayed_ack = 2 << ACK_RATIO_SHIFT

    def update(self, cwnd: int, now: int, hz: int) -> None:
        """Set ``cnt`` for window ``cwnd`` at jiffy ``now``; for the same window 32 times a second (bictcp_update)."""
        if self.last_cwnd == cwnd and now - self.last_time <= hz // 32:
            return
        self.last_cwnd = cwnd
        self.last_time = now
        self.epoch_start = self.epoch_start or now
        if cwnd <= LOW_WINDOW:
            self.cnt = cwnd
            return
        cnt = _search(cwnd, self.last_max_cwnd) if cwnd < self.last_max_cwnd else _probe(cwnd, self.last_max_cwnd)
        if not self.last_max_cwnd:  # no loss yet: 5 % per round trip at least
            cnt = min(cnt, 20)
        self.cnt = (cnt << ACK_RATIO_SHIFT) // self.delayed_ack or 1


def _search(cwnd: int, last_max_cwnd: int) -> int:
    """Segments to be acknowledged for one more, below the last maximum."""
    step = (last_max_cwnd - cwnd) // BICTCP_B
    if step > MAX_INCREMENT:
        return cwnd // MAX_INCREMENT
    return cwnd * SMOOTH_PART // BICTCP_B if step <= 1 else cwnd // step


def _probe(cwnd: int, last_max_cwnd: int) -> int:
    """The same at and above it, where a new maximum is sought."""
    if cwnd < last_max_cwnd + BICTCP_B:
        return cwnd * SMOOTH_PART // BICTCP_B
    if cwnd < last_max_cwnd + MAX_INCREMENT * (BICTCP_B - 1):
        return cwnd * (BICTCP_B - 1) // (cwnd - last_max_cwnd)
    return cwnd // MAX_INCREMENT


class Bic(TcpCongestionOps):
    """``bictcp``: the members, on a :class:`BicTcp` per socket."""

    name = "bic"

    def ca_priv(self) -> BicTcp:
        """All zero."""
        return BicTcp()

    def init(self, sk: TcpSock) -> None:
        """bictcp_init."""
        sk.icsk_ca_priv.reset()

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        """Slow start below ssthresh, then the search (bictcp_cong_avoid)."""
        if not tcp_cong.tcp_is_cwnd_limited(sk):
            return
        if sk.snd_cwnd < sk.snd_ssthresh:
            acked = tcp_cong.tcp_slow_start(sk, acked)
            if not acked:
                return
        ca = sk.icsk_ca_priv
        ca.update(sk.snd_cwnd, sk.net.jiffies, sk.net.profile.hz)
        tcp_cong.tcp_cong_avoid_ai(sk, ca.cnt, acked)

    def ssthresh(self, sk: TcpSock) -> int:
        """Four fifths of the window, half of a small one; a loss below the last maximum leaves room for others
        (bictcp_recalc_ssthresh)."""
        ca, cwnd = sk.icsk_ca_priv, sk.snd_cwnd
        ca.epoch_start = 0
        if cwnd < ca.last_max_cwnd:
            ca.last_max_cwnd = cwnd * (BICTCP_BETA_SCALE + BETA) // (2 * BICTCP_BETA_SCALE)
        else:
            ca.last_max_cwnd = cwnd
        return max(cwnd >> 1 if cwnd <= LOW_WINDOW else cwnd * BETA // BICTCP_BETA_SCALE, 2)

    def undo_cwnd(self, sk: TcpSock) -> int:
        """As reno's (tcp_reno_undo_cwnd)."""
        return tcp_reno.undo_cwnd(sk)

    def set_state(self, sk: TcpSock, new_state: int) -> None:
        """A timeout forgets the last maximum (bictcp_state)."""
        if new_state == TCP_CA_Loss:
            sk.icsk_ca_priv.reset()

    def pkts_acked(self, sk: TcpSock, sample: AckSample) -> None:
        """Learn how many segments an ACK stands for, a sixteenth of the way each time (bictcp_acked)."""
        if sk.icsk_ca_state == TCP_CA_Open:
            ca = sk.icsk_ca_priv
            ca.delayed_ack += sample.pkts_acked - (ca.delayed_ack >> ACK_RATIO_SHIFT)


bictcp = Bic()
