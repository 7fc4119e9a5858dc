"""BIC: a binary search for the last maximum, then a probe beyond it, in the kernel's integers."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.stack.cong import AckSample, tcp_ca_find
from netemu.stack.profile import Profile
from netemu.stack.sock import TCP_CA_Loss, TCP_CA_Open, TCP_CA_Recovery, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_bic import BicTcp, bictcp

HZ = 250


def _sock(**fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test", hz=HZ), Sysctl(), 1), 2, bictcp)
    for name, value in ({"is_cwnd_limited": True} | fields).items():
        setattr(sk, name, value)
    sk.icsk_ca_priv = bictcp.ca_priv()
    bictcp.init(sk)
    return sk


def _cnt(cwnd: int, last_max_cwnd: int) -> int:
    """Segments for one more, with each of them acknowledged by itself."""
    ca = BicTcp()
    ca.reset()
    ca.last_max_cwnd, ca.delayed_ack = last_max_cwnd, 16
    ca.update(cwnd, 1, HZ)
    return ca.cnt


def test_it_is_known_by_its_name() -> None:
    assert tcp_ca_find("bic") is bictcp


@pytest.mark.parametrize(
    ("cwnd", "last_max_cwnd", "cnt"),
    [
        (14, 100, 14),  # a small window: reno's
        (20, 100, 1),  # far below: 16 segments in a round trip
        (60, 100, 6),  # a quarter of the way in a round trip
        (98, 100, 490),  # nearly there: a segment in five round trips
        (100, 100, 500),  # just past it: the same
        (110, 100, 33),  # further past it: faster, a third of what lies behind
        (160, 100, 10),  # at last 16 segments in a round trip again
        (400, 0, 20),  # no loss yet: 5 % in a round trip
    ],
)
def test_the_search_for_the_last_maximum_and_the_probe_past_it(cwnd: int, last_max_cwnd: int, cnt: int) -> None:
    assert _cnt(cwnd, last_max_cwnd) == cnt


def test_the_same_window_is_looked_at_again_after_a_32nd_of_a_second() -> None:
    ca = BicTcp()
    ca.reset()
    ca.last_max_cwnd = 100
    ca.update(60, 1000, HZ)
    before, ca.last_max_cwnd = ca.cnt, 64
    ca.update(60, 1000 + HZ // 32, HZ)
    assert ca.cnt == before
    ca.update(60, 1001 + HZ // 32, HZ)
    assert ca.cnt != before


@pytest.mark.parametrize(("cwnd", "ssthresh"), [(100, 79), (15, 11), (14, 7), (3, 2), (1, 2)])
def test_a_loss_leaves_four_fifths_and_half_of_a_small_window(cwnd: int, ssthresh: int) -> None:
    sk = _sock(snd_cwnd=cwnd)
    assert bictcp.ssthresh(sk) == ssthresh
    assert sk.icsk_ca_priv.last_max_cwnd == cwnd


def test_a_loss_below_the_last_maximum_leaves_room_for_others() -> None:
    sk = _sock(snd_cwnd=100)
    bictcp.ssthresh(sk)
    sk.snd_cwnd = 80
    bictcp.ssthresh(sk)
    assert sk.icsk_ca_priv.last_max_cwnd == 80 * (1024 + 819) // 2048


def test_slow_start_then_a_segment_for_each_cnt() -> None:
    sk = _sock(snd_cwnd=10, snd_ssthresh=14)
    bictcp.cong_avoid(sk, 0, 3)
    assert sk.snd_cwnd == 13
    bictcp.cong_avoid(sk, 0, 15)
    assert (sk.snd_cwnd, sk.snd_cwnd_cnt) == (15, 0), "one segment to ssthresh, the other 14 make one more"
    sk.is_cwnd_limited = False
    bictcp.cong_avoid(sk, 0, 100)
    assert sk.snd_cwnd == 15


def test_acks_for_many_segments_are_made_up_for() -> None:
    sk = _sock(icsk_ca_state=TCP_CA_Open)
    ca = sk.icsk_ca_priv
    for _ in range(200):
        bictcp.pkts_acked(sk, AckSample(4, 1000, 0))
    assert ca.delayed_ack >> 4 == 4
    ca.last_max_cwnd = 100
    ca.update(60, 1, HZ)
    assert ca.cnt == (6 << 4) // ca.delayed_ack
    sk.icsk_ca_state = TCP_CA_Recovery
    before = ca.delayed_ack
    bictcp.pkts_acked(sk, AckSample(50, 1000, 0))
    assert ca.delayed_ack == before


def test_a_timeout_forgets_the_last_maximum_and_an_undo_restores_the_window() -> None:
    sk = _sock(snd_cwnd=100, prior_cwnd=100)
    sk.snd_ssthresh = bictcp.ssthresh(sk)
    sk.snd_cwnd = 1
    assert bictcp.undo_cwnd(sk) == 100
    bictcp.set_state(sk, TCP_CA_Recovery)
    assert sk.icsk_ca_priv.last_max_cwnd == 100
    bictcp.set_state(sk, TCP_CA_Loss)
    assert sk.icsk_ca_priv.last_max_cwnd == 0
