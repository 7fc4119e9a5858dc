"""BBR version 1 (net/ipv4/tcp_bbr.c, 7.2; Cardwell et al., ACM Queue 2016): what it does about each ACK.

It keeps a model of the path in :mod:`netemu.stack.tcp_bbr_model`: the largest delivery rate of ten round trips and
the smallest RTT of ten seconds. From that it sets the pacing rate and the window, in one of four modes: Startup doubles
the rate each round trip until it no longer grows, Drain empties the queue that this made, ProbeBW cycles its pacing
around the estimated rate, ProbeRTT empties the pipe for 200 ms each ten seconds without a new smallest RTT.

ProbeBW begins in a phase drawn at random. The model draws it from its host's seed, the kernel from its own numbers:
from then on the two agree in what they do on average, not packet by packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import mypyc_attr

from netemu.stack import tcp_bbr_model as model
from netemu.stack.cong import CA_EVENT_TX_START, RateSample, TcpCongestionOps
from netemu.stack.sock import TCP_INFINITE_SSTHRESH, TCP_CA_Loss, TCP_CA_Recovery
from netemu.stack.tcp_bbr_model import BBR_UNIT, Bbr
from netemu.stack.tcp_h import TCP_INIT_CWND, tcp_packets_in_flight

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

BW_UNIT = model.BW_UNIT
BBR_CWND_MIN_TARGET = 4
BBR_MIN_TSO_RATE_BPS = 1_200_000
BBR_EXTRA_ACKED_MAX_US = 100_000
GSO_LEGACY_MAX_SIZE, MAX_TCP_HEADER = 65_536, 320


@mypyc_attr(allow_interpreted_subclasses=True)
class TcpBbr(TcpCongestionOps):
    """``tcp_bbr_cong_ops``: the members, on a :class:`~netemu.stack.tcp_bbr_model.Bbr` per socket."""

    name = "bbr"
    has_cong_control = True

    def ca_priv(self) -> Bbr:
        """All zero."""
        return Bbr()

    def init(self, sk: TcpSock) -> None:
        """bbr_init."""
        bbr = sk.icsk_ca_priv
        bbr.begin(sk)
        sk.snd_ssthresh = TCP_INFINITE_SSTHRESH
        _init_pacing_rate_from_rtt(sk, bbr)
        sk.sk_pacing_needed = not sk.sk_pacing_fq

    def cong_control(self, sk: TcpSock, ack: int, flag: int, rs: RateSample) -> None:
        """bbr_main: learn from the ACK, then set pacing rate and window."""
        bbr = sk.icsk_ca_priv
        model.update_bw(sk, bbr, rs)
        model.update_ack_aggregation(sk, bbr, rs)
        if bbr.mode == model.PROBE_BW and _is_next_cycle_phase(sk, bbr, rs):
            bbr.advance_cycle_phase(sk)
        model.check_full_bw_reached(bbr, rs)
        _check_drain(sk, bbr)
        _update_min_rtt(sk, bbr, rs)
        bbr.update_gains()
        bw = bbr.bw()
        _set_pacing_rate(sk, bbr, bw, bbr.pacing_gain)
        _set_cwnd(sk, bbr, rs, bw)

    def cwnd_event(self, sk: TcpSock, event: str) -> None:
        """Data after silence goes at the estimated rate (bbr_cwnd_event_tx_start)."""
        if event != CA_EVENT_TX_START or not sk.app_limited:
            return
        bbr = sk.icsk_ca_priv
        bbr.idle_restart = True
        bbr.ack_epoch_mstamp = sk.tcp_mstamp
        bbr.ack_epoch_acked = 0
        if bbr.mode == model.PROBE_BW:
            _set_pacing_rate(sk, bbr, bbr.bw(), BBR_UNIT)
        elif bbr.mode == model.PROBE_RTT:
            _check_probe_rtt_done(sk, bbr)

    def ssthresh(self, sk: TcpSock) -> int:
        """A loss changes nothing but what is remembered (bbr_ssthresh)."""
        sk.icsk_ca_priv.save_cwnd(sk)
        return sk.snd_ssthresh

    def undo_cwnd(self, sk: TcpSock) -> int:
        """The loss was none: look again whether the pipe is full (bbr_undo_cwnd)."""
        bbr = sk.icsk_ca_priv
        bbr.full_bw = bbr.full_bw_cnt = 0
        bbr.reset_lt_bw_sampling(sk)
        return sk.snd_cwnd

    def set_state(self, sk: TcpSock, new_state: int) -> None:
        """A timeout ends a round (bbr_set_state)."""
        if new_state != TCP_CA_Loss:
            return
        bbr = sk.icsk_ca_priv
        rs = RateSample()
        rs.losses = 1
        bbr.prev_ca_state = TCP_CA_Loss
        bbr.full_bw = 0
        bbr.round_start = True
        model.lt_bw_sampling(sk, bbr, rs)

    def sndbuf_expand(self, sk: TcpSock) -> int:
        """It may slow-start even in recovery (bbr_sndbuf_expand)."""
        return 3

    def min_tso_segs(self, sk: TcpSock) -> int:
        """bbr_min_tso_segs."""
        return 1 if sk.sk_pacing_rate < BBR_MIN_TSO_RATE_BPS >> 3 else 2


# ---- pacing


def _bw_to_pacing_rate(sk: TcpSock, bw: int, gain: int) -> int:
    return min(model.rate_bytes_per_sec(sk, bw, gain), sk.sk_max_pacing_rate)


def _init_pacing_rate_from_rtt(sk: TcpSock, bbr: Bbr) -> None:
    """High gain times the window per RTT, or per 1 ms before there is an RTT (bbr_init_pacing_rate_from_rtt)."""
    rtt_us = 1000
    if sk.srtt_us:
        rtt_us = max(sk.srtt_us >> 3, 1)
        bbr.has_seen_rtt = True
    sk.sk_pacing_rate = _bw_to_pacing_rate(sk, sk.snd_cwnd * BW_UNIT // rtt_us, model.BBR_HIGH_GAIN)


def _set_pacing_rate(sk: TcpSock, bbr: Bbr, bw: int, gain: int) -> None:
    """Before the pipe is full the rate only grows (bbr_set_pacing_rate)."""
    rate = _bw_to_pacing_rate(sk, bw, gain)
    if not bbr.has_seen_rtt and sk.srtt_us:
        _init_pacing_rate_from_rtt(sk, bbr)
    if bbr.full_bw_reached or rate > sk.sk_pacing_rate:
        sk.sk_pacing_rate = rate


def _tso_segs_goal(sk: TcpSock) -> int:
    """Segments of one burst at the pacing rate (bbr_tso_segs_goal)."""
    burst_bytes = min(sk.sk_pacing_rate >> sk.sk_pacing_shift, GSO_LEGACY_MAX_SIZE - 1 - MAX_TCP_HEADER)
    least = 1 if sk.sk_pacing_rate < BBR_MIN_TSO_RATE_BPS >> 3 else 2
    return min(max(burst_bytes // sk.mss_cache, least), 0x7F)


# ---- window


def _bdp(bbr: Bbr, bw: int, gain: int) -> int:
    """Bandwidth times smallest RTT times gain, in segments, rounded up (bbr_bdp)."""
    if bbr.min_rtt_us == model.NO_RTT:
        return TCP_INIT_CWND
    return (((bw * bbr.min_rtt_us * gain) >> model.BBR_SCALE) + BW_UNIT - 1) // BW_UNIT


def _quantization_budget(sk: TcpSock, bbr: Bbr, cwnd: int) -> int:
    """Room for bursts on both hosts, even, and more while probing (bbr_quantization_budget)."""
    cwnd = (cwnd + 3 * _tso_segs_goal(sk) + 1) & ~1
    return cwnd + 2 if bbr.mode == model.PROBE_BW and bbr.cycle_idx == 0 else cwnd


def _inflight(sk: TcpSock, bbr: Bbr, bw: int, gain: int) -> int:
    return _quantization_budget(sk, bbr, _bdp(bbr, bw, gain))


def _packets_in_net_at_edt(sk: TcpSock, bbr: Bbr, inflight_now: int) -> int:
    """What will be in the network when pacing lets the next segment out (bbr_packets_in_net_at_edt)."""
    interval_us = max(sk.tcp_wstamp_ns - sk.tcp_clock_cache, 0) // 1000
    inflight_at_edt = inflight_now + (_tso_segs_goal(sk) if bbr.pacing_gain > BBR_UNIT else 0)
    return max(inflight_at_edt - (bbr.bw() * interval_us >> model.BW_SCALE), 0)


def _ack_aggregation_cwnd(bbr: Bbr) -> int:
    """Room for ACKs that come in bunches, at most 100 ms of them (bbr_ack_aggregation_cwnd)."""
    if not bbr.full_bw_reached:
        return 0
    return min(max(bbr.extra_acked), bbr.bw() * BBR_EXTRA_ACKED_MAX_US // BW_UNIT)


def _recover_or_restore(sk: TcpSock, bbr: Bbr, rs: RateSample, acked: int) -> tuple[int, bool]:
    """The window, and whether a segment leaves for each that arrives (bbr_set_cwnd_to_recover_or_restore)."""
    prev_state, state, cwnd = bbr.prev_ca_state, sk.icsk_ca_state, sk.snd_cwnd
    if rs.losses > 0:
        cwnd = max(cwnd - rs.losses, 1)
    if state == TCP_CA_Recovery and prev_state != TCP_CA_Recovery:
        bbr.packet_conservation = True
        bbr.next_rtt_delivered = sk.delivered
        cwnd = tcp_packets_in_flight(sk) + acked
    elif prev_state >= TCP_CA_Recovery and state < TCP_CA_Recovery:
        cwnd = max(cwnd, bbr.prior_cwnd)
        bbr.packet_conservation = False
    bbr.prev_ca_state = state
    if bbr.packet_conservation:
        return max(cwnd, tcp_packets_in_flight(sk) + acked), True
    return cwnd, False


def _set_cwnd(sk: TcpSock, bbr: Bbr, rs: RateSample, bw: int) -> None:
    """Towards twice the bandwidth-delay product, a segment per segment acknowledged (bbr_set_cwnd)."""
    acked, cwnd = rs.acked_sacked, sk.snd_cwnd
    if acked:
        cwnd, conserving = _recover_or_restore(sk, bbr, rs, acked)
        if not conserving:
            target = _bdp(bbr, bw, bbr.cwnd_gain) + _ack_aggregation_cwnd(bbr)
            target = _quantization_budget(sk, bbr, target)
            if bbr.full_bw_reached:
                cwnd = min(cwnd + acked, target)
            elif cwnd < target or sk.delivered < TCP_INIT_CWND:
                cwnd += acked
            cwnd = max(cwnd, BBR_CWND_MIN_TARGET)
    cwnd = min(cwnd, sk.snd_cwnd_clamp)
    sk.snd_cwnd = min(cwnd, BBR_CWND_MIN_TARGET) if bbr.mode == model.PROBE_RTT else cwnd


# ---- modes


def _is_next_cycle_phase(sk: TcpSock, bbr: Bbr, rs: RateSample) -> bool:
    """Whether a phase of ProbeBW has lasted its RTT, and reached what it is for (bbr_is_next_cycle_phase)."""
    is_full_length = max(sk.delivered_mstamp - bbr.cycle_mstamp, 0) > bbr.min_rtt_us
    if bbr.pacing_gain == BBR_UNIT:
        return is_full_length
    inflight = _packets_in_net_at_edt(sk, bbr, rs.prior_in_flight)
    bw = bbr.max_bw.get()
    if bbr.pacing_gain > BBR_UNIT:
        return is_full_length and (rs.losses > 0 or inflight >= _inflight(sk, bbr, bw, bbr.pacing_gain))
    return is_full_length or inflight <= _inflight(sk, bbr, bw, BBR_UNIT)


def _check_drain(sk: TcpSock, bbr: Bbr) -> None:
    """Startup ends in Drain, Drain in ProbeBW (bbr_check_drain)."""
    bw = bbr.max_bw.get()
    if bbr.mode == model.STARTUP and bbr.full_bw_reached:
        bbr.mode = model.DRAIN
        sk.snd_ssthresh = _inflight(sk, bbr, bw, BBR_UNIT)
    if bbr.mode == model.DRAIN:
        in_net = _packets_in_net_at_edt(sk, bbr, tcp_packets_in_flight(sk))
        if in_net <= _inflight(sk, bbr, bw, BBR_UNIT):
            bbr.reset_probe_bw_mode(sk)


def _check_probe_rtt_done(sk: TcpSock, bbr: Bbr) -> None:
    if not bbr.probe_rtt_done_stamp or sk.net.jiffies <= bbr.probe_rtt_done_stamp:
        return
    bbr.min_rtt_stamp = sk.net.jiffies
    sk.snd_cwnd = max(sk.snd_cwnd, bbr.prior_cwnd)
    bbr.reset_mode(sk)


def _update_min_rtt(sk: TcpSock, bbr: Bbr, rs: RateSample) -> None:
    """Keep the smallest RTT; when it is ten seconds old, ProbeRTT (bbr_update_min_rtt)."""
    now, hz = sk.net.jiffies, sk.net.profile.hz
    expired = now > bbr.min_rtt_stamp + model.BBR_MIN_RTT_WIN_SEC * hz
    if rs.rtt_us >= 0 and (rs.rtt_us < bbr.min_rtt_us or (expired and not rs.is_ack_delayed)):
        bbr.min_rtt_us = rs.rtt_us
        bbr.min_rtt_stamp = now
    if expired and not bbr.idle_restart and bbr.mode != model.PROBE_RTT:
        bbr.mode = model.PROBE_RTT
        bbr.save_cwnd(sk)
        bbr.probe_rtt_done_stamp = 0
    if bbr.mode == model.PROBE_RTT:
        sk.app_limited = (sk.delivered + tcp_packets_in_flight(sk)) or 1
        if not bbr.probe_rtt_done_stamp and tcp_packets_in_flight(sk) <= BBR_CWND_MIN_TARGET:
            bbr.probe_rtt_done_stamp = now + hz // 5
            bbr.probe_rtt_round_done = False
            bbr.next_rtt_delivered = sk.delivered
        elif bbr.probe_rtt_done_stamp:
            bbr.probe_rtt_round_done = bbr.probe_rtt_round_done or bbr.round_start
            if bbr.probe_rtt_round_done:
                _check_probe_rtt_done(sk, bbr)
    if rs.delivered > 0:
        bbr.idle_restart = False


tcp_bbr_cong_ops = TcpBbr()
