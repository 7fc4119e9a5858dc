"""The sender's clocks, against the figures that RFC 6298 and the kernel's own rules give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace.compiled import entry
from netemu.trace.layout import FLOW, flow_at
from netemu.trace.timers import TCP_RTO_MAX_NS, TCP_RTO_MIN_NS, note_min_rtt, pto_ns, rto_ns, rtt_sample

MS = 1_000_000
LONGEST_RTT = 200 * 10**9


@entry
def _sample(flow: int, rtt: int) -> None:
    rtt_sample(flow_at(flow, 0), rtt)
    note_min_rtt(flow_at(flow, 0), rtt)


@entry
def _timeouts(flow: int) -> tuple[int, int, int]:
    f = flow_at(flow, 0)
    return rto_ns(f), pto_ns(f, 1), pto_ns(f, 2)


class Sender:
    """A sender that is given one RTT sample per window of data."""

    def __init__(self) -> None:
        self.flow: Any = np.zeros(1, FLOW)
        self.flow["min_rtt_ns"] = -1

    def measure(self, *rtt_ns: int) -> Sender:
        for rtt in rtt_ns:
            self.flow["una"] = self.flow["nxt"]
            self.flow["nxt"] += 1000
            _sample(self.flow.ctypes.data, rtt)
        return self

    @property
    def timeouts(self) -> tuple[int, int, int]:
        """RTO, probe timeout with one packet out, and with more."""
        return _timeouts(self.flow.ctypes.data)

    @property
    def rto(self) -> int:
        return self.timeouts[0]


def test_before_any_sample_everything_waits_a_second() -> None:
    assert Sender().timeouts == (1000 * MS, 1000 * MS, 1000 * MS)


@pytest.mark.parametrize(("rtt_ms", "rto_ms"), [(1, 201), (20, 220), (100, 300), (500, 1500), (60_000, 120_000)])
def test_the_first_sample_gives_srtt_plus_twice_itself_or_200_ms(rtt_ms: int, rto_ms: int) -> None:
    assert Sender().measure(rtt_ms * MS).rto == rto_ms * MS


def test_the_probe_timer_is_two_rtts_and_the_longest_ack_delay_for_a_single_packet() -> None:
    assert Sender().measure(20 * MS).timeouts == (220 * MS, 220 * MS, 48 * MS)  # never after the RTO
    assert Sender().measure(500 * MS).timeouts == (1500 * MS, 1200 * MS, 1008 * MS)


def test_a_steady_rtt_brings_the_deviation_down_to_its_floor() -> None:
    sender = Sender().measure(500 * MS)
    previous = sender.rto
    for _ in range(80):
        assert sender.measure(500 * MS).rto <= previous
        previous = sender.rto
    assert 700 * MS <= previous < 701 * MS


def test_the_deviation_falls_once_a_window_only() -> None:
    sender = Sender().measure(500 * MS)
    sender.flow["rtt_seq"] = 1 << 40  # the window that is being measured never ends
    assert sender.measure(*[500 * MS] * 20).rto == 1500 * MS


def test_a_longer_rtt_raises_the_rto_more_than_a_shorter_one_does() -> None:
    steady = [100 * MS] * 10
    base = Sender().measure(*steady).rto
    assert base == 300 * MS
    # RFC 6298 section 2.3: srtt + err / 8 + 4 * (3/4 * deviation + err / 4); the deviation shrank from 50 ms on before
    raised = 100 + 1000 / 8 + 4 * (50 * 0.75**10 + 1000 / 4)
    assert Sender().measure(*steady, 1100 * MS).rto == pytest.approx(raised * MS, rel=1e-6)
    assert Sender().measure(*steady, 20 * MS).rto == base - 10 * MS


def test_a_negative_sample_is_none() -> None:
    sender = Sender().measure(30 * MS)
    before = sender.flow.copy()
    _sample(sender.flow.ctypes.data, -1)
    assert (sender.flow == before).all()


@given(st.lists(st.integers(0, LONGEST_RTT), min_size=1, max_size=40))
def test_timeouts_stay_within_the_kernels_bounds(samples: list[int]) -> None:
    sender = Sender().measure(*samples)
    rto, single, several = sender.timeouts
    srtt = int(sender.flow["srtt_ns"][0]) >> 3
    assert min(srtt + TCP_RTO_MIN_NS, TCP_RTO_MAX_NS) <= rto <= TCP_RTO_MAX_NS
    assert several <= single <= rto
    assert min(samples) - 1 <= srtt <= max(samples) + 1
    assert sender.flow["min_rtt_ns"][0] == min(samples)
