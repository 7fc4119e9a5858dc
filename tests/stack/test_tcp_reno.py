"""Reno: a segment per ACK, then per window; half after a loss; back when the loss was none."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.stack.profile import Profile
from netemu.stack.sock import TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_reno import tcp_reno


def _sock(**fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test"), Sysctl(), 1), 2, tcp_reno)
    for name, value in ({"is_cwnd_limited": True} | fields).items():
        setattr(sk, name, value)
    return sk


def test_slow_start_doubles_per_round_trip() -> None:
    sk = _sock(snd_cwnd=10)
    tcp_reno.cong_avoid(sk, 0, 10)
    assert sk.snd_cwnd == 20


def test_an_ack_across_ssthresh_is_shared_between_the_two() -> None:
    sk = _sock(snd_cwnd=10, snd_ssthresh=12)
    tcp_reno.cong_avoid(sk, 0, 14)
    assert (sk.snd_cwnd, sk.snd_cwnd_cnt) == (13, 0)


def test_congestion_avoidance_grows_by_one_per_window() -> None:
    sk = _sock(snd_cwnd=10, snd_ssthresh=5)
    for _ in range(9):
        tcp_reno.cong_avoid(sk, 0, 1)
    assert sk.snd_cwnd == 10
    tcp_reno.cong_avoid(sk, 0, 1)
    assert sk.snd_cwnd == 11


def test_a_window_that_is_not_used_does_not_grow() -> None:
    sk = _sock(snd_cwnd=10, is_cwnd_limited=False, max_packets_out=5)
    tcp_reno.cong_avoid(sk, 0, 10)
    assert sk.snd_cwnd == 10


@pytest.mark.parametrize(("cwnd", "ssthresh"), [(1, 2), (3, 2), (4, 2), (21, 10)])
def test_a_loss_halves_but_not_below_two(cwnd: int, ssthresh: int) -> None:
    assert tcp_reno.ssthresh(_sock(snd_cwnd=cwnd)) == ssthresh


def test_undo_returns_to_the_window_before() -> None:
    assert tcp_reno.undo_cwnd(_sock(snd_cwnd=5, prior_cwnd=20)) == 20
    assert tcp_reno.undo_cwnd(_sock(snd_cwnd=25, prior_cwnd=20)) == 25
