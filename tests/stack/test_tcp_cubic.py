"""CUBIC: the curve, its friendliness, and HyStart, in the kernel's integers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.stack import tcp_cubic
from netemu.stack.cong import CA_EVENT_LOSS, CA_EVENT_TX_START, AckSample
from netemu.stack.profile import Profile
from netemu.stack.sock import TCP_CA_Loss, TCP_CA_Recovery, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_cubic import BicTcp, cubic_root, cubictcp

HZ = 250


def _sock(**fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test", hz=HZ), Sysctl(), 1), 2, cubictcp)
    for name, value in ({"is_cwnd_limited": True, "sk_pacing_rate": 10**6} | fields).items():
        setattr(sk, name, value)
    sk.icsk_ca_priv = cubictcp.ca_priv()
    cubictcp.init(sk)
    return sk


def _pass(sk: TcpSock, jiffies: int) -> None:
    sk.net.timers.advance(sk.net.timers.now_ns + jiffies * sk.net.timers.tick_ns)
    sk.tcp_mstamp = sk.net.timers.now_ns // 1000


def test_scale_factors_are_the_kernels() -> None:
    assert (tcp_cubic.BETA_SCALE, tcp_cubic.CUBE_RTT_SCALE, tcp_cubic.CUBE_FACTOR) == (15, 410, 2_681_735_677)


@given(st.integers(64, (1 << 63) - 1))
def test_cubic_root_is_near_the_cube_root(a: int) -> None:
    assert cubic_root(a) == pytest.approx(a ** (1 / 3), rel=0.06, abs=1)


@pytest.mark.parametrize("segments", [1, 10, 100, 1000, 10_000])
def test_cubic_root_is_within_half_a_percent_where_it_is_used(segments: int) -> None:
    a = tcp_cubic.CUBE_FACTOR * segments
    assert cubic_root(a) == pytest.approx(a ** (1 / 3), rel=0.005)


@pytest.mark.parametrize(("cwnd", "ssthresh"), [(100, 70), (10, 7), (3, 2), (1, 2)])
def test_a_loss_leaves_seven_tenths(cwnd: int, ssthresh: int) -> None:
    sk = _sock(snd_cwnd=cwnd)
    assert cubictcp.ssthresh(sk) == ssthresh
    assert sk.icsk_ca_priv.last_max_cwnd == cwnd


def test_a_loss_below_the_last_maximum_leaves_room_for_others() -> None:
    sk = _sock(snd_cwnd=100)
    cubictcp.ssthresh(sk)
    sk.snd_cwnd = 80
    cubictcp.ssthresh(sk)
    assert sk.icsk_ca_priv.last_max_cwnd == 80 * (1024 + 717) // 2048


def _grow(sk: TcpSock, seconds: float, rtt_jiffies: int = 25) -> list[int]:
    """The window round trip after round trip, all of it acknowledged each time."""
    windows = []
    for _ in range(round(seconds * HZ / rtt_jiffies)):
        _pass(sk, rtt_jiffies)
        for _ in range(sk.snd_cwnd):
            cubictcp.cong_avoid(sk, 0, 1)
        windows.append(sk.snd_cwnd)
    return windows


def test_after_a_loss_the_window_returns_along_the_curve_and_goes_past_it() -> None:
    """W(t) = 0.4 (t - K)**3 + 500 with K = cbrt(150 / 0.4) = 7.2 s (RFC 9438), from 350 segments."""
    sk = _sock(snd_cwnd=500)
    sk.icsk_ca_priv.delay_min = 100_000
    sk.snd_cwnd = sk.snd_ssthresh = cubictcp.ssthresh(sk)
    windows = _grow(sk, 12)
    for at_s in (2, 4, 7, 9, 12):
        expected = 0.4 * (at_s + 0.1 - 7.2) ** 3 + 500
        assert windows[at_s * 10 - 1] == pytest.approx(expected, rel=0.04), at_s


def test_before_any_loss_it_grows_by_five_percent_per_round_trip_at_least() -> None:
    sk = _sock(snd_cwnd=100, snd_ssthresh=50)
    assert _grow(sk, 0.1)[-1] >= 105


def test_a_small_window_is_no_slower_than_renos() -> None:
    sk = _sock(snd_cwnd=10)
    sk.snd_cwnd = sk.snd_ssthresh = cubictcp.ssthresh(sk)
    sk.icsk_ca_priv.delay_min = 20_000
    reno = 7 + 0.53 * 50  # RFC 9438 section 4.3: 3 (1 - beta) / (1 + beta) segments per round trip
    assert _grow(sk, 1, rtt_jiffies=5)[-1] >= 0.9 * reno


def test_far_below_the_origin_the_target_wraps_as_the_kernels_32_bits_do() -> None:
    ca = BicTcp()
    ca.epoch_start, ca.last_time, ca.last_max_cwnd = 1000, 1000, 20
    ca.bic_K, ca.bic_origin_point = 40_000, 20
    ca.update(10, 1, 1020, HZ)
    assert ca.cnt == 2


def test_an_idle_sender_goes_on_where_the_curve_stood() -> None:
    sk = _sock(snd_cwnd=20)
    _pass(sk, 1000)
    sk.icsk_ca_priv.epoch_start = sk.net.jiffies - 300
    sk.lsndtime = sk.net.jiffies - 100
    cubictcp.cwnd_event(sk, CA_EVENT_LOSS)
    assert sk.icsk_ca_priv.epoch_start == sk.net.jiffies - 300
    cubictcp.cwnd_event(sk, CA_EVENT_TX_START)
    assert sk.icsk_ca_priv.epoch_start == sk.net.jiffies - 200


def test_a_timeout_forgets_all_and_recovery_nothing() -> None:
    sk = _sock(snd_cwnd=20)
    ca = sk.icsk_ca_priv
    ca.last_max_cwnd, ca.found, ca.delay_min = 50, True, 1000
    cubictcp.set_state(sk, TCP_CA_Recovery)
    assert ca.last_max_cwnd == 50
    cubictcp.set_state(sk, TCP_CA_Loss)
    assert (ca.last_max_cwnd, ca.found, ca.delay_min) == (0, False, 0)


def test_hystart_leaves_slow_start_when_acks_come_close_together_for_half_the_rtt() -> None:
    sk = _sock(snd_cwnd=20, snd_nxt=1000, snd_una=900)
    ca = sk.icsk_ca_priv
    ca.hystart_reset(sk)
    threshold_us = (40_000 + 261) // 2  # 1 MB/s: four bursts of 65535 bytes are 262 ms, more than the cap of 1 ms
    while not ca.found:
        sk.tcp_mstamp += 1_000
        cubictcp.pkts_acked(sk, AckSample(1, 40_000, 20))
    assert threshold_us < sk.tcp_mstamp - ca.round_start <= threshold_us + 1_500
    assert sk.snd_ssthresh == 20
    assert sk.net.mib["TCPHystartTrainDetect"] == 1
    assert sk.net.mib["TCPHystartTrainCwnd"] == 20


def test_hystart_leaves_slow_start_when_the_rtt_has_grown() -> None:
    sk = _sock(snd_cwnd=20, snd_nxt=1000, snd_una=900)
    ca = sk.icsk_ca_priv
    ca.delay_min = 40_000
    for _ in range(9):
        assert not ca.found
        sk.tcp_mstamp += 3_000  # too far apart for a train
        cubictcp.pkts_acked(sk, AckSample(1, 45_001, 20))
    assert ca.found
    assert sk.net.mib["TCPHystartDelayDetect"] == 1


def test_hystart_waits_for_sixteen_segments_and_for_a_second_after_recovery() -> None:
    sk = _sock(snd_cwnd=15, snd_una=0)
    for _ in range(50):
        sk.tcp_mstamp += 1_000
        cubictcp.pkts_acked(sk, AckSample(1, 10_000, 20))
    assert not sk.icsk_ca_priv.found
    sk.icsk_ca_priv.epoch_start = sk.net.jiffies - HZ + 1
    cubictcp.pkts_acked(sk, AckSample(1, 5_000, 20))
    assert sk.icsk_ca_priv.delay_min == 10_000
    cubictcp.pkts_acked(sk, AckSample(1, -1, 20))
    sk.icsk_ca_priv.epoch_start = 0
    cubictcp.pkts_acked(sk, AckSample(1, 0, 20))
    assert sk.icsk_ca_priv.delay_min == 1
