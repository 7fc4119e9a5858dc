"""Delivery-rate samples and the pacing rate."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.stack import tcp_rate
from netemu.stack.cong import RateSample
from netemu.stack.skbuff import TCPCB_SACKED_ACKED, SkBuff
from netemu.stack.sock import TcpSock
from tests.forms import replace
from tests.stack.sender import established


def test_a_window_is_delivered_at_its_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sender.at(1205)
    sender.ack(6)
    sender.at(1210)
    sender.ack(11)
    assert sk.rate_delivered == 10
    assert sk.rate_interval_us == 110_000


def test_of_several_segments_the_one_sent_last_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    samples: list[RateSample] = []
    real = tcp_rate.tcp_rate_gen

    def generate(sk: TcpSock, delivered: int, lost: int, reneg: bool, rs: RateSample) -> None:
        real(sk, delivered, lost, reneg, rs)
        samples.append(rs)

    replace(monkeypatch, tcp_rate, "tcp_rate_gen", generate)
    sender.write(2)
    sender.at(1150)
    sender.write(2)
    sender.at(1250)
    sender.ack(5)
    [rs] = samples
    assert (rs.delivered, rs.acked_sacked, rs.losses, rs.snd_interval_us, rs.rcv_interval_us) == (
        4,
        4,
        0,
        50_000,
        150_000,
    )
    assert rs.interval_us == 150_000


def test_what_was_sacked_is_not_sampled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch).sk
    skb = SkBuff(1, 2, 0)
    skb.tx_delivered_mstamp = 5
    skb.sacked = TCPCB_SACKED_ACKED
    rs = RateSample()
    tcp_rate.tcp_rate_skb_delivered(sk, skb, rs)
    assert rs.prior_mstamp == 5
    again = RateSample()
    tcp_rate.tcp_rate_skb_delivered(sk, skb, again)
    assert again.prior_mstamp == 0


@pytest.mark.parametrize("reneg", [True, False])
def test_without_a_segment_to_time_or_while_sacks_are_taken_back_there_is_no_sample(
    monkeypatch: pytest.MonkeyPatch, reneg: bool
) -> None:
    sk = established(monkeypatch).sk
    rs = RateSample()
    rs.prior_mstamp = 5 if reneg else 0
    tcp_rate.tcp_rate_gen(sk, 3, 1, reneg, rs)
    assert (rs.delivered, rs.interval_us, rs.acked_sacked, rs.losses) == (-1, -1, 3, 1)


def test_an_application_that_leaves_the_window_unused_limits_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch).sk
    sk.app_limited = 0
    tcp_rate.tcp_rate_check_app_limited(sk)
    assert sk.app_limited == sk.delivered
    rs = RateSample()
    sk.delivered += 1
    tcp_rate.tcp_rate_gen(sk, 1, 0, False, rs)
    assert sk.app_limited == 0, "all that was sent before the gap is delivered"
    for field, value in (("write_seq", sk.snd_nxt + sk.mss_cache), ("sk_wmem_alloc", 5000), ("lost_out", 1)):
        before: Any = getattr(sk, field)
        setattr(sk, field, value)
        tcp_rate.tcp_rate_check_app_limited(sk)
        assert sk.app_limited == 0, field
        setattr(sk, field, before)


def test_the_pacing_rate_is_twice_the_window_per_round_trip_in_slow_start(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch).sk
    sk.snd_cwnd = 10
    tcp_rate.tcp_update_pacing_rate(sk)
    assert sk.sk_pacing_rate == 2 * 10 * 1000 * 10
    sk.snd_ssthresh = 19
    tcp_rate.tcp_update_pacing_rate(sk)
    assert sk.sk_pacing_rate == 120_000
    sk.sk_max_pacing_rate = 7
    tcp_rate.tcp_update_pacing_rate(sk)
    assert sk.sk_pacing_rate == 7
