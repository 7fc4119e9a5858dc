"""Which packets timers send, and what the wheel allows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.fidelity.captured import read_capture
from netemu.fidelity.relative import relative_streams
from netemu.fidelity.times import ANSWER_NS, TICK_NS, Off, Sent, Times, granularity_ns, sent_by
from tests.fidelity.segments import MS, Capture, handshake


@pytest.mark.parametrize(
    ("delay_ms", "granularity_ms"),
    [(0, 4), (248, 4), (252, 32), (2012, 32), (2016, 256), (16_124, 256), (16_128, 2048), (129_024, 16_384)],
)
def test_the_wheel_is_coarser_for_longer_delays(delay_ms: int, granularity_ms: int) -> None:
    """At HZ=250: the table at the head of kernel/time/timer.c."""
    assert granularity_ns(delay_ms * MS) == granularity_ms * MS


def test_answers_timers_and_calls_are_told_apart(tmp_path: Path) -> None:
    capture = Capture()
    handshake(capture)
    capture.sent(50 * MS + 1, 1, 1, payload=10)
    capture.sent(300 * MS, 1, 1, payload=10)
    capture.sent(820 * MS, 1, 1, payload=10)
    packets = read_capture(capture.write(tmp_path / "a"))
    kind = sent_by({"h1-eth0": packets})
    stream = relative_streams(packets)["10.0.0.2:5001#1", True]
    assert [kind("h1-eth0", one) for one in stream[1:]] == [
        Sent("answer", ANSWER_NS),
        Sent("call", ANSWER_NS),
        Sent("timer", TICK_NS),
        Sent("timer", 8 * TICK_NS),
    ]


def test_times_are_counted_by_kind() -> None:
    times = Times().with_pair(Sent("timer", 5), 6).with_pair(Sent("timer", 5), -5).with_pair(Sent("answer", 5), 0)
    assert times == Times(answer=Off(1, 1, 0), timer=Off(2, 1, 6))
