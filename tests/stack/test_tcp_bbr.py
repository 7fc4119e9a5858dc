"""BBR on a path of one bottleneck: its modes, rates and windows."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.stack import tcp_bbr_model as model
from netemu.stack.cong import CA_EVENT_LOSS, CA_EVENT_TX_START, RateSample
from netemu.stack.profile import Profile
from netemu.stack.sock import TCP_CA_Loss, TCP_CA_Open, TCP_CA_Recovery, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_bbr import tcp_bbr_cong_ops as bbr_ops

MSS = 1000


def _sock(seed: int = 1, **fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test"), Sysctl(), seed), 2, bbr_ops)
    sk.net.now_ns = 10**9
    sk.net.timers.advance(10**9)
    sk.mss_cache, sk.snd_cwnd, sk.srtt_us, sk.rtt_min_us = MSS, 10, 8 * 20_000, 20_000
    sk.tcp_mstamp = sk.delivered_mstamp = 10**6
    for name, value in fields.items():
        setattr(sk, name, value)
    sk.icsk_ca_priv = bbr_ops.ca_priv()
    bbr_ops.init(sk)
    return sk


class Path:
    """A bottleneck of one segment per ms (8 Mbit/s) and 20 ms: the sender fills its window as fast as it is paced."""

    def __init__(self, sk: TcpSock) -> None:
        self.sk = sk
        self.modes: list[str] = []
        self.gains: set[int] = set()
        self.sent: list[tuple[int, int]] = []  # (delivered, us) as the segments in flight left
        self.credit_bytes = 0

    def run(self, ms: int) -> None:
        """ACKs of one segment each, one per ms while as many are in flight."""
        sk = self.sk
        for _ in range(ms):
            now_us = sk.tcp_mstamp + 1000
            sk.tcp_mstamp = sk.delivered_mstamp = now_us
            sk.net.now_ns = sk.tcp_clock_cache = now_us * 1000
            sk.net.timers.advance(now_us * 1000)
            self.ack(now_us)
            if not self.modes or self.modes[-1] != sk.icsk_ca_priv.mode:
                self.modes.append(sk.icsk_ca_priv.mode)
            if sk.icsk_ca_priv.mode == model.PROBE_BW:
                self.gains.add(sk.icsk_ca_priv.pacing_gain)

    def ack(self, now_us: int) -> None:
        """The oldest segment in flight is acknowledged, if its 20 ms are over, and the window filled again."""
        sk = self.sk
        if self.sent and now_us - self.sent[0][1] >= 20_000:
            delivered, left_us = self.sent.pop(0)
            sk.delivered += 1
            rs = RateSample()
            rs.prior_delivered = delivered
            rs.delivered = sk.delivered - delivered
            rs.interval_us = rs.rtt_us = now_us - left_us
            rs.acked_sacked = 1
            rs.prior_in_flight = sk.packets_out
            sk.packets_out = len(self.sent)
            bbr_ops.cong_control(sk, 0, 0, rs)
        self.credit_bytes = min(self.credit_bytes + sk.sk_pacing_rate // 1000, 3 * MSS)
        while len(self.sent) < sk.snd_cwnd and self.credit_bytes >= MSS:
            self.sent.append((sk.delivered, now_us))
            self.credit_bytes -= MSS
        sk.packets_out = len(self.sent)


def test_it_starts_paced_at_high_gain() -> None:
    sk = _sock()
    assert sk.sk_pacing_needed
    assert sk.sk_pacing_rate == pytest.approx(2.885 * 10 * MSS / 0.020 * 0.99, rel=0.01)
    unknown = _sock(srtt_us=0)
    assert unknown.sk_pacing_rate == pytest.approx(2.885 * 10 * MSS / 0.001 * 0.99, rel=0.01)


def test_it_goes_through_its_modes_and_settles_at_the_bottlenecks_rate() -> None:
    sk = _sock()
    path = Path(sk)
    path.run(3_000)
    assert path.modes[:3] == [model.STARTUP, model.DRAIN, model.PROBE_BW]
    bbr = sk.icsk_ca_priv
    assert bbr.full_bw_reached
    assert bbr.bw() * 1000 / model.BW_UNIT == pytest.approx(1, rel=0.01)
    assert path.gains == {320, 192, 256}
    assert 2 * 20 <= sk.snd_cwnd <= 2 * 20 + 25
    assert sk.sk_pacing_rate == pytest.approx(bbr.pacing_gain / 256 * 1_000_000 * 0.99, rel=0.02)


def test_without_a_new_smallest_rtt_for_ten_seconds_it_empties_the_pipe() -> None:
    sk = _sock()
    path = Path(sk)
    path.run(3_000)
    sk.icsk_ca_priv.min_rtt_us = 15_000  # a route that was shorter
    lowest = 100
    for _ in range(11_000):
        path.run(1)
        lowest = min(lowest, sk.snd_cwnd)
    assert model.PROBE_RTT in path.modes
    assert path.modes[-1] == model.PROBE_BW
    assert lowest == 4
    assert sk.icsk_ca_priv.min_rtt_us >= 20_000


def test_the_first_phase_of_probe_bw_is_the_hosts_random_choice_and_never_the_draining_one() -> None:
    phases = set()
    for seed in range(60):
        sk = _sock(seed)
        sk.icsk_ca_priv.reset_probe_bw_mode(sk)
        phases.add(sk.icsk_ca_priv.cycle_idx)
    assert phases == {0, 2, 3, 4, 5, 6, 7}
    again = _sock(7)
    again.icsk_ca_priv.reset_probe_bw_mode(again)
    same = _sock(7)
    same.icsk_ca_priv.reset_probe_bw_mode(same)
    assert again.icsk_ca_priv.cycle_idx == same.icsk_ca_priv.cycle_idx


def _sample(acked: int = 1, losses: int = 0) -> RateSample:
    rs = RateSample()
    rs.delivered, rs.acked_sacked, rs.interval_us, rs.losses, rs.rtt_us = 1, acked, 1000, losses, 20_000
    return rs


def test_recovery_conserves_packets_and_its_end_restores_the_window() -> None:
    sk = _sock(snd_cwnd=50)
    bbr = sk.icsk_ca_priv
    assert bbr_ops.ssthresh(sk) == sk.snd_ssthresh
    assert bbr.prior_cwnd == 50
    sk.icsk_ca_state, sk.packets_out, sk.lost_out = TCP_CA_Recovery, 30, 5
    rs = _sample(acked=2, losses=5)
    rs.prior_delivered = -1
    bbr_ops.cong_control(sk, 0, 0, rs)
    assert sk.snd_cwnd == 25 + 2
    sk.icsk_ca_state = TCP_CA_Open
    bbr_ops.cong_control(sk, 0, 0, _sample())
    assert sk.snd_cwnd >= 50


def test_a_timeout_ends_the_round_and_looks_for_a_policer() -> None:
    sk = _sock(delivered=500, lost=7)
    bbr = sk.icsk_ca_priv
    bbr.full_bw = 99
    bbr_ops.set_state(sk, TCP_CA_Recovery)
    assert bbr.full_bw == 99
    bbr_ops.set_state(sk, TCP_CA_Loss)
    assert (bbr.full_bw, bbr.round_start, bbr.prev_ca_state) == (0, True, TCP_CA_Loss)
    assert bbr.lt_is_sampling
    assert bbr.lt_last_lost == 7


def test_after_silence_it_sends_at_the_estimated_rate() -> None:
    sk = _sock()
    Path(sk).run(3_000)
    bbr = sk.icsk_ca_priv
    bbr_ops.cwnd_event(sk, CA_EVENT_TX_START)
    assert not bbr.idle_restart
    sk.app_limited = 1
    bbr_ops.cwnd_event(sk, CA_EVENT_LOSS)
    assert not bbr.idle_restart
    bbr_ops.cwnd_event(sk, CA_EVENT_TX_START)
    assert bbr.idle_restart
    assert sk.sk_pacing_rate == pytest.approx(990_000, rel=0.01)


def test_undo_keeps_the_window_and_looks_again_whether_the_pipe_is_full() -> None:
    sk = _sock(snd_cwnd=33)
    sk.icsk_ca_priv.full_bw = 5
    assert bbr_ops.undo_cwnd(sk) == 33
    assert sk.icsk_ca_priv.full_bw == 0
    assert bbr_ops.sndbuf_expand(sk) == 3


@pytest.mark.parametrize(("rate_bytes", "segments"), [(149_999, 1), (150_000, 2)])
def test_slow_senders_send_segments_one_by_one(rate_bytes: int, segments: int) -> None:
    sk = _sock()
    sk.sk_pacing_rate = rate_bytes
    assert bbr_ops.min_tso_segs(sk) == segments
