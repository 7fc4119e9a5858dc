"""What became of a probe of a larger path MTU (RFC 4821): it was acknowledged, or lost (net/ipv4/tcp_input.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack import tcp_mss
from netemu.stack.tcp_h import tcp_current_ssthresh

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock


def tcp_mtup_probe_failed(sk: TcpSock) -> None:
    """The path does not carry packets of the probe's size."""
    sk.mtup_search_high = sk.mtup_probe_size - 1
    sk.mtup_probe_size = 0
    sk.net.mib.inc("TCPMTUPFail")


def tcp_mtup_probe_success(sk: TcpSock) -> None:
    """It does: segments grow, and the window keeps its size in bytes."""
    sk.prior_ssthresh = tcp_current_ssthresh(sk)
    sk.snd_cwnd = max(1, sk.snd_cwnd * tcp_mss.tcp_mss_to_mtu(sk, sk.mss_cache) // sk.mtup_probe_size)
    sk.snd_cwnd_cnt = 0
    sk.snd_cwnd_stamp = sk.net.jiffies
    sk.snd_ssthresh = tcp_current_ssthresh(sk)
    sk.mtup_search_low = sk.mtup_probe_size
    sk.mtup_probe_size = 0
    tcp_mss.tcp_sync_mss(sk, sk.icsk_pmtu_cookie)
    sk.net.mib.inc("TCPMTUPSuccess")
