"""BBR's model of a path: samples of the rate, rounds, full pipes, policers, ACKs in bunches."""

from __future__ import annotations

from typing import Any, cast

import pytest

from netemu.stack import tcp_bbr_model as model
from netemu.stack.cong import RateSample
from netemu.stack.profile import Profile
from netemu.stack.sock import TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_bbr_model import BW_UNIT, Bbr


def _sock(**fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test"), Sysctl(), 1), 2, cast(Any, None))
    sk.mss_cache, sk.snd_cwnd = 1000, 100
    for name, value in fields.items():
        setattr(sk, name, value)
    return sk


def _bbr(sk: TcpSock) -> Bbr:
    bbr = Bbr()
    bbr.begin(sk)
    return bbr


def _sample(delivered: int = 10, interval_us: int = 10_000, **fields: Any) -> RateSample:
    rs = RateSample()
    rs.delivered, rs.interval_us, rs.acked_sacked = delivered, interval_us, 1
    for name, value in fields.items():
        setattr(rs, name, value)
    return rs


def test_a_rate_in_bytes_is_one_percent_less() -> None:
    assert model.rate_bytes_per_sec(_sock(), BW_UNIT // 1000, 256) == pytest.approx(990_000, rel=1e-3)
    assert model.rate_bytes_per_sec(_sock(), BW_UNIT // 1000, 512) == pytest.approx(1_980_000, rel=1e-3)


def test_a_round_ends_when_what_was_sent_in_it_is_delivered() -> None:
    sk = _sock(delivered=100)
    bbr = _bbr(sk)
    sk.delivered = 110
    model.update_bw(sk, bbr, _sample(prior_delivered=99))
    assert (bbr.rtt_cnt, bbr.round_start) == (0, False)
    model.update_bw(sk, bbr, _sample(prior_delivered=100))
    assert (bbr.rtt_cnt, bbr.round_start, bbr.next_rtt_delivered) == (1, True, 110)
    model.update_bw(sk, bbr, _sample(interval_us=0))
    assert not bbr.round_start


def test_a_sender_without_data_raises_the_estimate_but_never_lowers_it() -> None:
    sk = _sock()
    bbr = _bbr(sk)
    for delivered, app_limited, best in ((10, False, 10), (30, True, 30), (5, True, 30)):
        model.update_bw(sk, bbr, _sample(delivered, is_app_limited=app_limited))
        assert bbr.bw() == best * BW_UNIT // 10_000


def test_an_estimate_is_ten_rounds_old_at_most() -> None:
    sk = _sock()
    bbr = _bbr(sk)
    model.update_bw(sk, bbr, _sample(50))
    for _ in range(12):
        sk.delivered += 10
        model.update_bw(sk, bbr, _sample(20, prior_delivered=sk.delivered))
    assert bbr.bw() == 20 * BW_UNIT // 10_000


def test_the_pipe_is_full_after_three_rounds_of_little_growth() -> None:
    bbr = _bbr(_sock())
    bbr.round_start = True
    for bw, count, full in ((100, 0, False), (125, 0, False), (150, 1, False), (155, 2, False), (152, 3, True)):
        bbr.max_bw.reset(0, bw)
        model.check_full_bw_reached(bbr, _sample())
        assert (bbr.full_bw_cnt, bbr.full_bw_reached) == (count, full)
    limited = _bbr(_sock())
    limited.round_start = True
    model.check_full_bw_reached(limited, _sample(is_app_limited=True))
    assert limited.full_bw_cnt == 0


def test_two_lossy_intervals_of_one_rate_are_a_policer() -> None:
    sk = _sock(delivered_mstamp=10**6)
    bbr = _bbr(sk)
    assert not bbr.lt_is_sampling
    model.lt_bw_sampling(sk, bbr, _sample(losses=1))
    for _ in range(2):
        for _ in range(4):
            bbr.round_start = True
            sk.delivered += 50
            sk.lost += 15
            sk.delivered_mstamp += 100_000
            model.lt_bw_sampling(sk, bbr, _sample(losses=3))
    assert bbr.lt_use_bw
    assert bbr.bw() == pytest.approx(200 * BW_UNIT / 400_000, rel=0.01)
    bbr.mode = model.PROBE_BW
    for _ in range(48):
        model.lt_bw_sampling(sk, bbr, _sample())
    assert not bbr.lt_use_bw


def test_little_loss_no_data_and_long_intervals_are_no_policer() -> None:
    sk = _sock(delivered_mstamp=10**6)
    bbr = _bbr(sk)
    model.lt_bw_sampling(sk, bbr, _sample(losses=1))
    bbr.round_start = True
    for _ in range(5):
        sk.delivered += 100
        sk.lost += 1
        sk.delivered_mstamp += 100_000
        model.lt_bw_sampling(sk, bbr, _sample(losses=1))
    assert bbr.lt_bw == 0
    for _ in range(12):
        model.lt_bw_sampling(sk, bbr, _sample())
    assert not bbr.lt_is_sampling
    model.lt_bw_sampling(sk, bbr, _sample(losses=1))
    model.lt_bw_sampling(sk, bbr, _sample(is_app_limited=True))
    assert not bbr.lt_is_sampling


def test_acks_in_bunches_are_room_for_more() -> None:
    sk = _sock(delivered_mstamp=0)
    bbr = _bbr(sk)
    bbr.max_bw.reset(0, BW_UNIT // 1000)
    model.update_ack_aggregation(sk, bbr, _sample(acked_sacked=10))
    assert bbr.extra_acked == [10, 0]
    sk.delivered_mstamp = 4_000
    model.update_ack_aggregation(sk, bbr, _sample(acked_sacked=2))
    assert bbr.extra_acked == [10, 0]
    sk.delivered_mstamp = 13_000
    model.update_ack_aggregation(sk, bbr, _sample(acked_sacked=3))
    assert bbr.ack_epoch_mstamp == 13_000
    bbr.round_start = True
    for _ in range(5):
        model.update_ack_aggregation(sk, bbr, _sample(acked_sacked=1))
    assert bbr.extra_acked_win_idx == 1
