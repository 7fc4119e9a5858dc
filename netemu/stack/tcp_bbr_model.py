"""What BBR knows of a path: delivery rate, round trips, how ACKs bunch, whether a policer limits it (tcp_bbr.c, 7.2).

Rates are in segments per microsecond times 2**24 (``BW_UNIT``), gains in 1/256 (``BBR_UNIT``), as in the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netemu.stack.profile import BBR_PHASES
from netemu.stack.sock import TCP_CA_Open, TCP_CA_Recovery
from netemu.stack.win_minmax import MinMax

if TYPE_CHECKING:
    from netemu.stack.cong import RateSample
    from netemu.stack.sock import TcpSock

BW_SCALE, BBR_SCALE = 24, 8
BW_UNIT, BBR_UNIT = 1 << BW_SCALE, 1 << BBR_SCALE
STARTUP, DRAIN, PROBE_BW, PROBE_RTT = "Startup", "Drain", "ProbeBW", "ProbeRTT"
NO_RTT = 0xFFFFFFFF

CYCLE_LEN, BBR_BW_RTTS, BBR_MIN_RTT_WIN_SEC = 8, 10, 10
BBR_HIGH_GAIN = BBR_UNIT * 2885 // 1000 + 1  # 2 / ln 2: the least that doubles the rate per round trip
BBR_DRAIN_GAIN = BBR_UNIT * 1000 // 2885
BBR_CWND_GAIN = BBR_UNIT * 2
BBR_PACING_GAIN = (BBR_UNIT * 5 // 4, BBR_UNIT * 3 // 4, *(BBR_UNIT,) * 6)
BBR_FULL_BW_THRESH, BBR_FULL_BW_CNT = BBR_UNIT * 5 // 4, 3
BBR_LT_INTVL_MIN_RTTS, BBR_LT_LOSS_THRESH, BBR_LT_BW_RATIO, BBR_LT_BW_DIFF = 4, 50, BBR_UNIT // 8, 4000 // 8
BBR_LT_BW_MAX_RTTS = 48
BBR_EXTRA_ACKED_WIN_RTTS, BBR_ACK_EPOCH_ACKED_RESET_THRESH = 5, 1 << 20
BBR_PACING_MARGIN_PERCENT = 1

_U64 = (1 << 64) - 1


class Bbr:
    """``struct bbr``: ``*_us`` and ``*_mstamp`` in us, ``min_rtt_stamp`` and ``probe_rtt_done_stamp`` in jiffies."""

    __slots__ = (
        "ack_epoch_acked", "ack_epoch_mstamp", "cwnd_gain", "cycle_idx", "cycle_mstamp", "extra_acked",
        "extra_acked_win_idx", "extra_acked_win_rtts", "full_bw", "full_bw_cnt", "full_bw_reached", "has_seen_rtt",
        "idle_restart", "lt_bw", "lt_is_sampling", "lt_last_delivered", "lt_last_lost", "lt_last_stamp", "lt_rtt_cnt",
        "lt_use_bw", "max_bw", "min_rtt_stamp", "min_rtt_us", "mode", "next_rtt_delivered", "pacing_gain",
        "packet_conservation", "prev_ca_state", "prior_cwnd", "probe_rtt_done_stamp", "probe_rtt_round_done",
        "round_start", "rtt_cnt",
    )  # fmt: skip

    def __init__(self) -> None:
        self._zero()

    def _zero(self) -> None:
        self.prior_cwnd = self.rtt_cnt = self.full_bw = self.full_bw_cnt = self.cycle_mstamp = self.cycle_idx = 0
        self.pacing_gain = self.cwnd_gain = self.next_rtt_delivered = self.prev_ca_state = 0
        self.packet_conservation = self.round_start = self.idle_restart = self.full_bw_reached = False
        self.probe_rtt_round_done = self.has_seen_rtt = self.lt_use_bw = self.lt_is_sampling = False
        self.min_rtt_us = self.min_rtt_stamp = self.probe_rtt_done_stamp = self.ack_epoch_mstamp = 0
        self.lt_bw = self.lt_last_stamp = self.lt_last_delivered = self.lt_last_lost = self.lt_rtt_cnt = 0
        self.ack_epoch_acked = self.extra_acked_win_rtts = self.extra_acked_win_idx = 0
        self.extra_acked = [0, 0]
        self.max_bw = MinMax(0, 0, largest=True)
        self.mode = STARTUP

    def begin(self, sk: TcpSock) -> None:
        """The connection is there: Startup, and nothing known but the handshake's RTT (bbr_init)."""
        self._zero()
        self.next_rtt_delivered = sk.delivered
        self.prev_ca_state = TCP_CA_Open
        self.min_rtt_us = sk.rtt_min_us
        self.min_rtt_stamp = sk.net.jiffies
        self.reset_lt_bw_sampling(sk)
        self.ack_epoch_mstamp = sk.tcp_mstamp

    def bw(self) -> int:
        """The estimated rate: a policer's if one was found (bbr_bw)."""
        return self.lt_bw if self.lt_use_bw else self.max_bw.get()

    def save_cwnd(self, sk: TcpSock) -> None:
        """Remember the window for after recovery or ProbeRTT (bbr_save_cwnd)."""
        if self.prev_ca_state < TCP_CA_Recovery and self.mode != PROBE_RTT:
            self.prior_cwnd = sk.snd_cwnd
        else:
            self.prior_cwnd = max(self.prior_cwnd, sk.snd_cwnd)

    def advance_cycle_phase(self, sk: TcpSock) -> None:
        """bbr_advance_cycle_phase."""
        self.cycle_idx = (self.cycle_idx + 1) & (CYCLE_LEN - 1)
        self.cycle_mstamp = sk.delivered_mstamp

    def reset_probe_bw_mode(self, sk: TcpSock) -> None:
        """Begin ProbeBW, in any phase but the draining one (bbr_reset_probe_bw_mode)."""
        self.mode = PROBE_BW
        drawn = sk.net.profile.bbr_phase
        self.cycle_idx = CYCLE_LEN - 1 - (sk.net.random.below(BBR_PHASES) if drawn is None else drawn)
        self.advance_cycle_phase(sk)

    def reset_mode(self, sk: TcpSock) -> None:
        """After ProbeRTT (bbr_reset_mode)."""
        if self.full_bw_reached:
            self.reset_probe_bw_mode(sk)
        else:
            self.mode = STARTUP

    def update_gains(self) -> None:
        """What the mode asks for (bbr_update_gains)."""
        if self.mode == STARTUP:
            self.pacing_gain = self.cwnd_gain = BBR_HIGH_GAIN
        elif self.mode == DRAIN:
            self.pacing_gain, self.cwnd_gain = BBR_DRAIN_GAIN, BBR_HIGH_GAIN
        elif self.mode == PROBE_BW:
            self.pacing_gain = BBR_UNIT if self.lt_use_bw else BBR_PACING_GAIN[self.cycle_idx]
            self.cwnd_gain = BBR_CWND_GAIN
        else:
            self.pacing_gain = self.cwnd_gain = BBR_UNIT

    def reset_lt_bw_sampling_interval(self, sk: TcpSock) -> None:
        """bbr_reset_lt_bw_sampling_interval."""
        self.lt_last_stamp = sk.delivered_mstamp // 1000
        self.lt_last_delivered = sk.delivered
        self.lt_last_lost = sk.lost
        self.lt_rtt_cnt = 0

    def reset_lt_bw_sampling(self, sk: TcpSock) -> None:
        """bbr_reset_lt_bw_sampling."""
        self.lt_bw = 0
        self.lt_use_bw = self.lt_is_sampling = False
        self.reset_lt_bw_sampling_interval(sk)


def rate_bytes_per_sec(sk: TcpSock, rate: int, gain: int) -> int:
    """A rate in bytes per second, times ``gain``, less 1 % (bbr_rate_bytes_per_sec)."""
    rate = ((rate * sk.mss_cache * gain) & _U64) >> BBR_SCALE
    rate = (rate * (1_000_000 // 100 * (100 - BBR_PACING_MARGIN_PERCENT))) & _U64
    return rate >> BW_SCALE


def update_bw(sk: TcpSock, bbr: Bbr, rs: RateSample) -> None:
    """Count round trips and take in one sample of the delivery rate (bbr_update_bw).

    A sample of a sender that had no more to send tells less, and counts only when it is as large as the estimate.
    """
    bbr.round_start = False
    if rs.delivered < 0 or rs.interval_us <= 0:
        return
    if rs.prior_delivered >= bbr.next_rtt_delivered:
        bbr.next_rtt_delivered = sk.delivered
        bbr.rtt_cnt += 1
        bbr.round_start = True
        bbr.packet_conservation = False
    lt_bw_sampling(sk, bbr, rs)
    bw = rs.delivered * BW_UNIT // rs.interval_us
    if not rs.is_app_limited or bw >= bbr.max_bw.get():
        bbr.max_bw.running(BBR_BW_RTTS, bbr.rtt_cnt, bw)


def update_ack_aggregation(sk: TcpSock, bbr: Bbr, rs: RateSample) -> None:
    """How much more than the rate accounts for was acknowledged at once, of 5 to 10 round trips (since 5.1)."""
    if rs.acked_sacked <= 0 or rs.delivered < 0 or rs.interval_us <= 0:
        return
    if bbr.round_start:
        bbr.extra_acked_win_rtts = min(0x1F, bbr.extra_acked_win_rtts + 1)
        if bbr.extra_acked_win_rtts >= BBR_EXTRA_ACKED_WIN_RTTS:
            bbr.extra_acked_win_rtts = 0
            bbr.extra_acked_win_idx = 1 - bbr.extra_acked_win_idx
            bbr.extra_acked[bbr.extra_acked_win_idx] = 0
    epoch_us = max(sk.delivered_mstamp - bbr.ack_epoch_mstamp, 0)
    expected_acked = bbr.bw() * epoch_us // BW_UNIT
    acked = bbr.ack_epoch_acked + rs.acked_sacked
    if bbr.ack_epoch_acked <= expected_acked or acked >= BBR_ACK_EPOCH_ACKED_RESET_THRESH:
        bbr.ack_epoch_mstamp = sk.delivered_mstamp
        expected_acked = 0
        acked = rs.acked_sacked
    bbr.ack_epoch_acked = min(0xFFFFF, acked)
    extra_acked = min(bbr.ack_epoch_acked - expected_acked, sk.snd_cwnd)
    at = bbr.extra_acked_win_idx
    bbr.extra_acked[at] = max(bbr.extra_acked[at], extra_acked)


def check_full_bw_reached(bbr: Bbr, rs: RateSample) -> None:
    """The pipe is full when the rate has not grown by a quarter for three rounds (bbr_check_full_bw_reached)."""
    if bbr.full_bw_reached or not bbr.round_start or rs.is_app_limited:
        return
    max_bw = bbr.max_bw.get()
    if max_bw >= bbr.full_bw * BBR_FULL_BW_THRESH >> BBR_SCALE:
        bbr.full_bw = max_bw
        bbr.full_bw_cnt = 0
        return
    bbr.full_bw_cnt += 1
    bbr.full_bw_reached = bbr.full_bw_cnt >= BBR_FULL_BW_CNT


def lt_bw_sampling(sk: TcpSock, bbr: Bbr, rs: RateSample) -> None:
    """Find a policer: two intervals of the same rate that both lost more than a fifth (bbr_lt_bw_sampling)."""
    if bbr.lt_use_bw:
        if bbr.mode == PROBE_BW and bbr.round_start:
            bbr.lt_rtt_cnt += 1
            if bbr.lt_rtt_cnt >= BBR_LT_BW_MAX_RTTS:
                bbr.reset_lt_bw_sampling(sk)
                bbr.reset_probe_bw_mode(sk)
        return
    if not bbr.lt_is_sampling:
        if not rs.losses:
            return
        bbr.reset_lt_bw_sampling_interval(sk)
        bbr.lt_is_sampling = True
    if rs.is_app_limited:
        bbr.reset_lt_bw_sampling(sk)
        return
    if bbr.round_start:
        bbr.lt_rtt_cnt += 1
    if bbr.lt_rtt_cnt < BBR_LT_INTVL_MIN_RTTS:
        return
    if bbr.lt_rtt_cnt > 4 * BBR_LT_INTVL_MIN_RTTS:
        bbr.reset_lt_bw_sampling(sk)
    elif rs.losses:
        _end_lt_interval(sk, bbr)


def _end_lt_interval(sk: TcpSock, bbr: Bbr) -> None:
    """A loss ends an interval, since the policer's tokens are used up then."""
    lost = sk.lost - bbr.lt_last_lost
    delivered = sk.delivered - bbr.lt_last_delivered
    if not delivered or lost << BBR_SCALE < BBR_LT_LOSS_THRESH * delivered:
        return
    t_ms = sk.delivered_mstamp // 1000 - bbr.lt_last_stamp
    if t_ms < 1:
        return
    if t_ms >= 0xFFFFFFFF // 1000:
        bbr.reset_lt_bw_sampling(sk)
        return
    bw = delivered * BW_UNIT // (t_ms * 1000)
    if bbr.lt_bw:
        diff = abs(bw - bbr.lt_bw)
        alike = diff * BBR_UNIT <= BBR_LT_BW_RATIO * bbr.lt_bw
        if alike or rate_bytes_per_sec(sk, diff, BBR_UNIT) <= BBR_LT_BW_DIFF:
            bbr.lt_bw = (bw + bbr.lt_bw) >> 1
            bbr.lt_use_bw = True
            bbr.pacing_gain = BBR_UNIT
            bbr.lt_rtt_cnt = 0
            return
    bbr.lt_bw = bw
    bbr.reset_lt_bw_sampling_interval(sk)
