"""Reno (net/ipv4/tcp_cong.c, 7.2; RFC 5681): a segment per window, half the window after a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import mypyc_attr

from netemu.stack import tcp_cong
from netemu.stack.cong import TcpCongestionOps

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


@mypyc_attr(allow_interpreted_subclasses=True)
class TcpReno(TcpCongestionOps):
    """Slow start and congestion avoidance as Jacobson had them, for ACKs of many segments too."""

    name = "reno"

    def ssthresh(self, sk: TcpSock) -> int:
        """Half the window, two segments at least (tcp_reno_ssthresh)."""
        return max(sk.snd_cwnd >> 1, 2)

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        """Slow start below ssthresh, then a segment per window (tcp_reno_cong_avoid)."""
        if not tcp_cong.tcp_is_cwnd_limited(sk):
            return
        if sk.snd_cwnd < sk.snd_ssthresh:
            acked = tcp_cong.tcp_slow_start(sk, acked)
            if not acked:
                return
        tcp_cong.tcp_cong_avoid_ai(sk, sk.snd_cwnd, acked)

    def undo_cwnd(self, sk: TcpSock) -> int:
        """The window before the loss that was none, or the present one if larger (tcp_reno_undo_cwnd)."""
        return max(sk.snd_cwnd, sk.prior_cwnd)


tcp_reno = TcpReno()
