"""What was delivered last, and how long a sender waits for what was overtaken, step by step as the kernel does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netemu.trace.compiled import entry
from netemu.trace.layout import FLOW, SEGMENT, flow_at, segment_at
from netemu.trace.rack import (
    rack_advance,
    rack_on_dsack,
    rack_sent_after,
    recovery_was_needed,
    reordering_window_ns,
    widen_window,
)

MS = 1_000_000


@entry
def _deliver(flow: int, segment: int, dsack: int, t_ns: int) -> None:
    """An ACK that covers the segment, with a D-SACK or not."""
    f = flow_at(flow, 0)
    if dsack:
        rack_on_dsack(f)
    rack_advance(f, segment_at(segment, 0), t_ns)
    widen_window(f, t_ns)


@entry
def _recover(flow: int) -> None:
    recovery_was_needed(flow_at(flow, 0))


@entry
def _told(flow: int, sent_ns: int, end: int) -> tuple[int, int]:
    f = flow_at(flow, 0)
    return reordering_window_ns(f), rack_sent_after(f, sent_ns, end)


class Sender:
    """A sender whose smallest RTT is 20 ms and whose smoothed one 40 ms, on a path that was seen to reorder."""

    def __init__(self, **fields: int) -> None:
        self.flow: Any = np.zeros(1, FLOW)
        for name, value in (
            {"rack_ns": -1, "min_rtt_ns": 20 * MS, "srtt_ns": 8 * 40 * MS, "reordered": 1} | fields
        ).items():
            self.flow[name] = value

    def deliver(self, sent_ms: int, end: int, at_ms: int, *, dsack: bool = False, retransmitted: int = 0) -> None:
        segment = np.zeros(1, SEGMENT)
        segment["sent_ns"], segment["end"], segment["retransmitted"] = sent_ms * MS, end, retransmitted
        _deliver(self.flow.ctypes.data, segment.ctypes.data, int(dsack), at_ms * MS)

    def recover(self) -> None:
        _recover(self.flow.ctypes.data)

    @property
    def window_ms(self) -> int:
        return int(_told(self.flow.ctypes.data, 0, 0)[0]) // MS

    def delivered_after(self, sent_ms: int, end: int) -> bool:
        return bool(_told(self.flow.ctypes.data, sent_ms * MS, end)[1])

    @property
    def last(self) -> tuple[int, int, int]:
        f = self.flow[0]
        return int(f["rack_ns"]) // MS, int(f["rack_end"]), int(f["rack_rtt_ns"]) // MS


def test_the_rtt_is_that_of_the_last_delivery_and_the_time_that_of_the_latest_sending() -> None:
    sender = Sender()
    sender.deliver(10, 2000, at_ms=30)
    assert sender.last == (10, 2000, 20)
    sender.deliver(4, 1000, at_ms=31)
    assert sender.last == (10, 2000, 27)
    assert sender.delivered_after(10, 1999)
    assert not sender.delivered_after(10, 2000)


def test_a_retransmission_answered_too_soon_tells_nothing() -> None:
    sender = Sender()
    sender.deliver(10, 2000, at_ms=30)
    sender.deliver(40, 3000, at_ms=55, retransmitted=1)
    assert sender.last == (10, 2000, 20)


@pytest.mark.parametrize(("early_us", "taken"), [(10, True), (100, False)])
def test_the_tap_may_see_a_round_trip_a_little_shorter(early_us: int, taken: bool) -> None:
    sender = Sender()
    sender.deliver(10, 2000, at_ms=30)
    segment = np.zeros(1, SEGMENT)
    segment["sent_ns"], segment["end"], segment["retransmitted"] = 40 * MS, 3000, 1
    _deliver(sender.flow.ctypes.data, segment.ctypes.data, 0, 60 * MS - 1000 * early_us)
    assert (sender.last[1] == 3000) is taken


def test_each_round_with_a_dsack_widens_the_window_up_to_the_smoothed_rtt() -> None:
    sender = Sender()
    windows = [sender.window_ms]
    for start_ms in range(0, 900, 100):
        sender.deliver(start_ms + 10, 1, at_ms=start_ms + 30, dsack=True)
        windows.append(sender.window_ms)
    assert windows == [5, 10, 15, 20, 25, 30, 35, 40, 40, 40]


def test_within_a_round_trip_it_is_widened_once() -> None:
    sender = Sender()
    for sent_ms in (10, 11, 12):
        sender.deliver(sent_ms, 1, at_ms=30, dsack=True)
    assert sender.window_ms == 10


@pytest.mark.parametrize("fields", [{"reordered": 0}, {"tlp_high": 1}])
def test_dsacks_of_a_path_in_order_and_of_a_loss_probe_do_not_widen_it(fields: dict[str, int]) -> None:
    sender = Sender(**fields)
    sender.deliver(10, 1, at_ms=30, dsack=True)
    assert sender.window_ms == 5


def test_sixteen_recoveries_without_a_dsack_make_it_as_before() -> None:
    sender = Sender()
    sender.deliver(10, 1, at_ms=30, dsack=True)
    for _ in range(15):
        sender.recover()
    sender.deliver(50, 2, at_ms=70)
    assert sender.window_ms == 10
    sender.recover()
    sender.deliver(90, 3, at_ms=110)
    assert sender.window_ms == 5
