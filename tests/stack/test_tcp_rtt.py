"""RTT, deviation and RTO as Linux reckons them."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.stack import tcp_rtt
from netemu.stack.cong import RateSample
from netemu.stack.profile import Profile
from netemu.stack.request_sock import RequestSock
from netemu.stack.route import Dst, Interface
from netemu.stack.sock import TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_h import FLAG_ACK_MAYBE_DELAYED, FLAG_ACKED, FLAG_DATA_ACKED


def _sock(hz: int = 100) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test", hz=hz), Sysctl(), 1), 2, cast(Any, None))
    sk.icsk_rto_min, sk.icsk_rto_max = hz // 5, 120 * hz
    return sk


def test_the_first_measurement_sets_everything() -> None:
    sk = _sock()
    tcp_rtt.tcp_rtt_estimator(sk, 60_000)
    tcp_rtt.tcp_set_rto(sk)
    assert (sk.srtt_us >> 3, sk.mdev_us, sk.rttvar_us) == (60_000, 120_000, 200_000)
    assert sk.icsk_rto == 26  # 60 ms and the floor of 200 ms


def test_before_3_15_all_of_it_is_in_ticks() -> None:
    sk = TcpSock(LinuxStack("h", Profile("test", hz=250, rtt_in_jiffies=True), Sysctl(), 1), 2, cast(Any, None))
    sk.icsk_rto_min, sk.icsk_rto_max = 50, 30_000
    tcp_rtt.tcp_rtt_estimator(sk, 900)  # less than a tick is one
    tcp_rtt.tcp_set_rto(sk)
    assert (sk.srtt_us, sk.mdev_us, sk.icsk_rto) == (8 * 4000, 2 * 4000, 51)
    for _ in range(3):
        tcp_rtt.tcp_rtt_estimator(sk, 43_999)  # ten ticks
    assert sk.srtt_us == (8 + 9 + 8 + 7) * 4000
    assert not sk.rttvar_us % 4000


def test_a_falling_rtt_does_not_raise_the_deviation_as_a_rising_one_does() -> None:
    rising, falling = _sock(), _sock()
    for sk, rtt in ((rising, 500_000), (falling, 20_000)):
        tcp_rtt.tcp_rtt_estimator(sk, 260_000)
        for _ in range(40):
            tcp_rtt.tcp_rtt_estimator(sk, 260_000)
        sk.mdev_us = 0
        tcp_rtt.tcp_rtt_estimator(sk, rtt)
    assert rising.mdev_us == pytest.approx(240_000, abs=8)
    assert falling.mdev_us == pytest.approx(30_000, abs=8)


def test_the_variance_term_falls_once_a_round_trip_and_not_below_its_floor() -> None:
    sk = _sock()
    tcp_rtt.tcp_rtt_estimator(sk, 400_000)
    assert sk.rttvar_us == 800_000
    tcp_rtt.tcp_rtt_estimator(sk, 400_000)
    assert sk.rttvar_us == 800_000
    for i in range(100):
        sk.snd_una, sk.snd_nxt = i + 1, i + 2
        sk.rtt_seq = i
        tcp_rtt.tcp_rtt_estimator(sk, 400_000)
    assert sk.rttvar_us == pytest.approx(200_000, abs=10)


def test_the_rto_is_bounded() -> None:
    sk = _sock()
    tcp_rtt.tcp_rtt_estimator(sk, 100_000_000)
    tcp_rtt.tcp_set_rto(sk)
    assert sk.icsk_rto == 12_000


@given(st.lists(st.integers(1, 5_000_000), min_size=1, max_size=50))
def test_the_rto_never_falls_below_the_smoothed_rtt_and_its_floor(samples: list[int]) -> None:
    sk = _sock()
    for i, rtt in enumerate(samples):
        sk.snd_una, sk.snd_nxt = i, i + 1
        tcp_rtt.tcp_rtt_estimator(sk, rtt)
        tcp_rtt.tcp_set_rto(sk)
        assert sk.srtt_us >= 1
        assert sk.rttvar_us >= 200_000
        assert sk.icsk_rto * 10_000 >= min((sk.srtt_us >> 3) + 200_000, 120_000_000)
        assert min(samples) <= (sk.srtt_us >> 3) + 1 <= max(samples) + 1


def test_an_rtt_that_the_peer_may_have_delayed_does_not_enter_the_minimum() -> None:
    sk = _sock()
    tcp_rtt.tcp_update_rtt_min(sk, 40_000, 0)
    tcp_rtt.tcp_update_rtt_min(sk, 80_000, FLAG_ACK_MAYBE_DELAYED)
    assert sk.rtt_min_us == 40_000
    tcp_rtt.tcp_update_rtt_min(sk, 30_000, FLAG_ACK_MAYBE_DELAYED)
    assert sk.rtt_min_us == 30_000
    tcp_rtt.tcp_update_rtt_min(sk, 0, 0)
    assert sk.rtt_min_us == 10_000, "no time at all counts as one tick"


def test_the_echo_is_used_where_sending_times_are_ambiguous() -> None:
    sk = _sock()
    sk.tcp_mstamp = 2_000_000
    rs = RateSample()
    assert not tcp_rtt.tcp_ack_update_rtt(sk, FLAG_DATA_ACKED, -1, -1, -1, rs)
    sk.saw_tstamp, sk.rcv_tsecr = True, 1_940
    sk.icsk_backoff = 3
    assert tcp_rtt.tcp_ack_update_rtt(sk, FLAG_DATA_ACKED, -1, -1, -1, rs)
    assert (rs.rtt_us, sk.srtt_us >> 3, sk.icsk_backoff) == (60_000, 60_000, 0)
    assert not tcp_rtt.tcp_ack_update_rtt(sk, 0, -1, -1, -1, rs), "nothing was acknowledged"
    assert FLAG_ACKED & FLAG_DATA_ACKED


def test_an_echo_of_what_was_sent_again_is_no_smallest_rtt() -> None:
    profile = Profile("test", hz=100, rtt_prefers_echo=True)
    sk = TcpSock(LinuxStack("h", profile, Sysctl(), 1), 2, cast(Any, None))
    sk.tcp_mstamp, sk.saw_tstamp, sk.rcv_tsecr = 2_000_000, True, 1_940
    before, rs = sk.rtt_min_us, RateSample()
    assert tcp_rtt.tcp_ack_update_rtt(sk, FLAG_DATA_ACKED, -1, -1, -1, rs)
    assert (rs.rtt_us, sk.srtt_us >> 3, sk.rtt_min_us) == (-1, 60_000, before)


def test_a_passive_open_is_measured_from_its_only_synack() -> None:
    sk = _sock()
    sk.net.now_ns = 1_050_000_000
    dst = Dst(sk.net, "10.0.0.2", "10.0.0.1", Interface("eth0"), None)
    req = RequestSock(sk.net, sk, 2, "10.0.0.1", 80, "10.0.0.2", 1025, dst)
    req.snt_synack = 1_000_000
    tcp_rtt.tcp_synack_rtt_meas(sk, req)
    assert sk.srtt_us >> 3 == 50_000
    other = _sock()
    req.num_retrans = 1
    tcp_rtt.tcp_synack_rtt_meas(other, req)
    tcp_rtt.tcp_synack_rtt_meas(other, None)
    assert other.srtt_us == 0
