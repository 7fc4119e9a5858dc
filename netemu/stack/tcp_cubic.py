"""CUBIC with HyStart in the kernel's integers (net/ipv4/tcp_cubic.c, 7.2; RFC 9438, Ha and Rhee 2008).

After a loss at window ``last_max_cwnd`` the window follows ``W(t) = origin + C (t - K)**3``: fast back to where it
was, slowly past it, then fast again. Time is in 1/1024 s (``BICTCP_HZ``), C is 41/1024 * 10 per second cubed. What is
wanted becomes ``cnt``: grow by one for every ``cnt`` segments acknowledged. HyStart ends slow start before the loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import mypyc_attr

from netemu.stack import tcp_cong
from netemu.stack.cong import CA_EVENT_TX_START, AckSample, TcpCongestionOps
from netemu.stack.jiffies import usecs_to_jiffies
from netemu.stack.sock import TCP_CA_Loss
from netemu.stack.tcp_reno import tcp_reno

if TYPE_CHECKING:
    from netemu.stack.sock import TcpSock

BICTCP_BETA_SCALE, BETA, BIC_SCALE, BICTCP_HZ = 1024, 717, 41, 10
CUBE_RTT_SCALE = BIC_SCALE * 10
CUBE_FACTOR = (1 << (10 + 3 * BICTCP_HZ)) // CUBE_RTT_SCALE
BETA_SCALE = 8 * (BICTCP_BETA_SCALE + BETA) // 3 // (BICTCP_BETA_SCALE - BETA)

HYSTART_MIN_SAMPLES, HYSTART_LOW_WINDOW = 8, 16
HYSTART_DELAY_MIN_US, HYSTART_DELAY_MAX_US, HYSTART_ACK_DELTA_US = 4_000, 16_000, 2_000

_U32, _U64 = (1 << 32) - 1, (1 << 64) - 1

_CBRT: tuple[int, ...] = (
    0, 54, 54, 54, 118, 118, 118, 118, 123, 129, 134, 138, 143, 147, 151, 156,
    157, 161, 164, 168, 170, 173, 176, 179, 181, 185, 187, 190, 192, 194, 197, 199,
    200, 202, 204, 206, 209, 211, 213, 215, 217, 219, 221, 222, 224, 225, 227, 229,
    231, 232, 234, 236, 237, 239, 240, 242, 244, 245, 246, 248, 250, 251, 252, 254,
)  # fmt: skip
"""64 times the cube root of 0..63, less 10: the constants of the kernel's cubic_root()."""


def cubic_root(a: int) -> int:
    """The cube root of ``a`` (64 bits) as the kernel approximates it: a table, then one step of Newton's, 0.2 % off."""
    bits = a.bit_length()
    if bits < 7:
        return (_CBRT[a] + 35) >> 6
    bits = ((bits * 84) >> 8) - 1
    x = ((_CBRT[a >> (bits * 3)] + 10) << bits) >> 6
    x = 2 * x + a // (x * (x - 1))
    return (x * 341) >> 10


class BicTcp:
    """``struct bictcp``: windows in segments, ``epoch_start`` and ``last_time`` in jiffies, the rest in us."""

    __slots__ = (
        "ack_cnt", "bic_K", "bic_origin_point", "cnt", "curr_rtt", "delay_min", "end_seq", "epoch_start", "found",
        "last_ack", "last_cwnd", "last_max_cwnd", "last_time", "round_start", "sample_cnt", "tcp_cwnd",
    )  # fmt: skip

    def __init__(self) -> None:
        self.round_start = self.end_seq = self.last_ack = self.curr_rtt = self.sample_cnt = 0
        self.reset()

    def reset(self) -> None:
        """Forget the curve and whether slow start's end was found (bictcp_reset)."""
        self.cnt = self.last_max_cwnd = self.last_cwnd = self.last_time = self.bic_origin_point = self.bic_K = 0
        self.delay_min = self.epoch_start = self.ack_cnt = self.tcp_cwnd = 0
        self.found = False

    def hystart_reset(self, sk: TcpSock) -> None:
        """A round begins: it ends when what is sent next is acknowledged (bictcp_hystart_reset)."""
        self.round_start = self.last_ack = sk.tcp_mstamp
        self.end_seq = sk.snd_nxt
        self.curr_rtt = _U32
        self.sample_cnt = 0

    def update(self, cwnd: int, acked: int, now: int, hz: int) -> None:
        """Set ``cnt`` for window ``cwnd`` at jiffy ``now``, after ``acked`` more segments (bictcp_update)."""
        self.ack_cnt += acked
        if self.last_cwnd == cwnd and now - self.last_time <= hz // 32:
            return
        if not self.epoch_start or now != self.last_time:  # the curve is looked up once per jiffy at most
            self.last_cwnd = cwnd
            self.last_time = now
            if not self.epoch_start:
                self._begin_epoch(cwnd, acked, now)
            self._follow_curve(cwnd, now, hz)
        self._be_friendly(cwnd)
        self.cnt = max(self.cnt, 2)

    def _begin_epoch(self, cwnd: int, acked: int, now: int) -> None:
        self.epoch_start = now
        self.ack_cnt = acked
        self.tcp_cwnd = cwnd
        if self.last_max_cwnd <= cwnd:
            self.bic_K = 0
            self.bic_origin_point = cwnd
        else:
            self.bic_K = cubic_root(CUBE_FACTOR * (self.last_max_cwnd - cwnd))
            self.bic_origin_point = self.last_max_cwnd

    def _follow_curve(self, cwnd: int, now: int, hz: int) -> None:
        """Where the curve will be one smallest RTT from now."""
        t = ((now - self.epoch_start + usecs_to_jiffies(self.delay_min, hz)) << BICTCP_HZ) // hz
        offs = abs(t - self.bic_K)
        delta = ((CUBE_RTT_SCALE * offs * offs * offs) & _U64) >> (10 + 3 * BICTCP_HZ)
        # Far below the origin the kernel's 32 bits wrap, and the target becomes huge.
        target = (self.bic_origin_point + (-delta if t < self.bic_K else delta)) & _U32
        self.cnt = cwnd // (target - cwnd) if target > cwnd else 100 * cwnd
        if not self.last_max_cwnd and self.cnt > 20:  # no loss yet: 5 % per round trip at least
            self.cnt = 20

    def _be_friendly(self, cwnd: int) -> None:
        """Not slower than reno would be, ``tcp_cwnd`` (RFC 9438 section 4.3)."""
        delta = (cwnd * BETA_SCALE) >> 3
        while self.ack_cnt > delta:
            self.ack_cnt -= delta
            self.tcp_cwnd += 1
        if self.tcp_cwnd > cwnd:
            self.cnt = min(self.cnt, cwnd // (self.tcp_cwnd - cwnd))


@mypyc_attr(allow_interpreted_subclasses=True)
class CubicTcp(TcpCongestionOps):
    """``cubictcp``: the members, on a :class:`BicTcp` per socket."""

    name = "cubic"

    def ca_priv(self) -> BicTcp:
        """All zero."""
        return BicTcp()

    def init(self, sk: TcpSock) -> None:
        """cubictcp_init."""
        sk.icsk_ca_priv.reset()
        sk.icsk_ca_priv.hystart_reset(sk)

    def cwnd_event(self, sk: TcpSock, event: str) -> None:
        """After silence the curve goes on where it stood (cubictcp_cwnd_event_tx_start)."""
        if event != CA_EVENT_TX_START:
            return
        ca = sk.icsk_ca_priv
        now = sk.net.jiffies
        delta = now - sk.lsndtime
        if ca.epoch_start and delta > 0:
            ca.epoch_start = min(ca.epoch_start + delta, now)

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        """Slow start below ssthresh, then the curve (cubictcp_cong_avoid)."""
        if not tcp_cong.tcp_is_cwnd_limited(sk):
            return
        if sk.snd_cwnd < sk.snd_ssthresh:
            acked = tcp_cong.tcp_slow_start(sk, acked)
            if not acked:
                return
        ca = sk.icsk_ca_priv
        ca.update(sk.snd_cwnd, acked, sk.net.jiffies, sk.net.profile.hz)
        tcp_cong.tcp_cong_avoid_ai(sk, ca.cnt, acked)

    def ssthresh(self, sk: TcpSock) -> int:
        """717/1024 of the window; a loss below the last maximum leaves room for others (cubictcp_recalc_ssthresh)."""
        ca, cwnd = sk.icsk_ca_priv, sk.snd_cwnd
        ca.epoch_start = 0
        if cwnd < ca.last_max_cwnd:
            ca.last_max_cwnd = cwnd * (BICTCP_BETA_SCALE + BETA) // (2 * BICTCP_BETA_SCALE)
        else:
            ca.last_max_cwnd = cwnd
        return max(cwnd * BETA // BICTCP_BETA_SCALE, 2)

    def undo_cwnd(self, sk: TcpSock) -> int:
        """As reno's (tcp_reno_undo_cwnd)."""
        return tcp_reno.undo_cwnd(sk)

    def set_state(self, sk: TcpSock, new_state: int) -> None:
        """A timeout begins all anew (cubictcp_state)."""
        if new_state == TCP_CA_Loss:
            sk.icsk_ca_priv.reset()
            sk.icsk_ca_priv.hystart_reset(sk)

    def pkts_acked(self, sk: TcpSock, sample: AckSample) -> None:
        """Learn the smallest RTT; in slow start, whether it is time to leave it (cubictcp_acked)."""
        delay = sample.rtt_us
        if delay < 0:
            return
        ca = sk.icsk_ca_priv
        if ca.epoch_start and sk.net.jiffies - ca.epoch_start < sk.net.profile.hz:
            return  # within a second after recovery
        delay = delay or 1
        if ca.delay_min == 0 or ca.delay_min > delay:
            ca.delay_min = delay
        if ca.found or sk.snd_cwnd >= sk.snd_ssthresh:
            return
        if sk.snd_cwnd >= HYSTART_LOW_WINDOW or sk.net.profile.hystart_rounds_from_start:
            _hystart_update(sk, ca, delay)


def _hystart_update(sk: TcpSock, ca: BicTcp, delay: int) -> None:
    """Leave slow start when a train of ACKs lasts half the smallest RTT, or the RTT has grown (hystart_update)."""
    if sk.snd_una > ca.end_seq:
        ca.hystart_reset(sk)
    if sk.snd_cwnd < HYSTART_LOW_WINDOW:
        return
    now = sk.tcp_mstamp
    if now - ca.last_ack <= HYSTART_ACK_DELTA_US:
        ca.last_ack = now
        threshold = ca.delay_min + _hystart_ack_delay(sk)
        if not (sk.sk_pacing_needed or sk.sk_pacing_fq):  # pacing itself spreads a round's segments over half of it
            threshold >>= 1
        if now - ca.round_start > threshold:
            _leave_slow_start(sk, ca, "TCPHystartTrain")
    ca.curr_rtt = min(ca.curr_rtt, delay)
    if ca.sample_cnt < HYSTART_MIN_SAMPLES:
        ca.sample_cnt += 1
    elif ca.curr_rtt > ca.delay_min + min(max(ca.delay_min >> 3, HYSTART_DELAY_MIN_US), HYSTART_DELAY_MAX_US):
        _leave_slow_start(sk, ca, "TCPHystartDelay")


def _hystart_ack_delay(sk: TcpSock) -> int:
    """What bursts add to the RTT: four of the largest at the pacing rate, 1 ms at most, in us (since 5.5)."""
    rate = sk.sk_pacing_rate
    return min(1_000, sk.sk_gso_max_size * 4 * 1_000_000 // rate) if rate else 0


def _leave_slow_start(sk: TcpSock, ca: BicTcp, counter: str) -> None:
    ca.found = True
    sk.net.mib.inc(counter + "Detect")
    sk.net.mib.inc(counter + "Cwnd", sk.snd_cwnd)
    sk.snd_ssthresh = sk.snd_cwnd


cubictcp = CubicTcp()
