"""What is sent to learn a direction's properties, and when what came is as asked; no packet is sent here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.lab.probe import Trial
from netemu.lab.probe_judge import (
    DELAY_FRAMES,
    SMALL_IP_BYTES,
    Finding,
    Target,
    delay_shape,
    judge_delay,
    judge_held,
    judge_mtu,
    judge_rate,
    latest_arrival_ns,
    train_shape,
)
from netemu.specs import LinkDirection, Queue
from netemu.topology.wiring import derive_wiring
from tests.lab.plans import pair

MS = 1_000_000


def target(backend: str = "relay", back_mtu_bytes: int | None = None, **direction: object) -> Target:
    there = LinkDirection(**direction)  # type: ignore[arg-type]
    back = there if back_mtu_bytes is None else LinkDirection(mtu_bytes=back_mtu_bytes)
    plan = pair(there, back, accept=("mtu_black_hole:l1",))
    wiring = derive_wiring(plan)
    return Target(0, "l1", "a_to_b", backend, there, wiring.ports["h1"][0], wiring.ports["h2"][0])


def judged(of: Target, rate_bps: int, count: int | None = None, stall_ns: int = 0) -> Finding:
    """The finding on a train of ``count`` frames that left the line at ``rate_bps`` and was sent at 1.25 times the
    rate asked for; the middle half of it came late by ``stall_ns``."""
    shape = train_shape(of)
    line_ns = (shape.ip_bytes + of.spec.overhead_bytes) * 8e9 / rate_bps
    frames = range(shape.count if count is None else count)
    stalled = range(len(frames) // 4, 3 * len(frames) // 4)
    sent = {number: 10**18 + number * shape.gap_ns for number in frames}
    left_ns = 10.0**18
    came = {}
    for number in frames:
        left_ns = max(left_ns, sent[number]) + line_ns
        came[number] = int(left_ns) + of.spec.delay_ns + (stall_ns if number in stalled else 0)
    finding = judge_rate(of, shape, came)
    assert finding is not None
    return finding


def test_small_frames_never_wait_for_each_other() -> None:
    slow = target(rate_bps=8_000)
    assert delay_shape(slow).gap_ns >= slow.line_ns(SMALL_IP_BYTES)
    assert delay_shape(target(rate_bps=10**9)).gap_ns == 3 * MS


@given(
    rate_bps=st.integers(4_000, 10**9),
    mtu_bytes=st.integers(576, 9000),
    packets=st.integers(1, 2000),
    jitter_ns=st.integers(0, 50 * MS),
)
def test_a_train_is_bounded_and_feeds_faster_than_the_line(
    rate_bps: int, mtu_bytes: int, packets: int, jitter_ns: int
) -> None:
    of = target(rate_bps=rate_bps, mtu_bytes=mtu_bytes, queue=Queue(packets=packets), jitter_ns=jitter_ns)
    shape = train_shape(of)
    assert shape.ip_bytes <= mtu_bytes
    assert shape.count >= 5
    assert 1 <= shape.burst <= max(1, packets // 2)
    assert shape.gap_ns < max(2, of.line_ns(shape.ip_bytes))
    # Below what five of the smallest frames take nothing can be done about the time.
    floor_ns = 5 * of.line_ns(SMALL_IP_BYTES)
    assert shape.count * of.line_ns(shape.ip_bytes) <= max(700 * MS, floor_ns)


def test_without_a_rate_one_frame_of_the_mtu_is_enough() -> None:
    shape = train_shape(target(mtu_bytes=1280))
    assert (shape.ip_bytes, shape.count) == (1280, 1)


def test_a_queue_in_bytes_bounds_the_burst() -> None:
    assert train_shape(target(rate_bps=10**7, queue=Queue(bytes=6000))).burst == 2


def test_the_last_frame_is_awaited_through_queue_and_delay() -> None:
    of = target(rate_bps=1_000_000, delay_ns=30 * MS, queue=Queue(packets=4))
    shape = train_shape(of)
    assert latest_arrival_ns(of, shape, 0) == 30 * MS + 6 * of.line_ns(1500)


def test_the_median_decides_on_a_delay() -> None:
    of = target(rate_bps=480_000, delay_ns=10 * MS)
    line_ns = of.line_ns(SMALL_IP_BYTES)
    assert line_ns == MS
    good = [11 * MS] * 4 + [19 * MS] * 3
    assert judge_delay(of, good) == Finding(10 * MS, 10 * MS, MS, True)
    wrong = judge_delay(of, [14 * MS] * 7)
    assert (wrong.ok, wrong.measured) == (False, 13 * MS)


def test_a_busy_machine_is_told_from_a_wrong_delay() -> None:
    of = target(delay_ns=10 * MS)
    late = judge_delay(of, [10 * MS] + [15 * MS] * 6)
    assert late.ok is None
    assert "too busy" in late.note
    assert judge_delay(of, [7 * MS] + [8 * MS] * 6).ok is False


def test_a_lost_probe_is_no_delay() -> None:
    assert "2 of 7 probes did not arrive" in judge_delay(target(), [MS] * (DELAY_FRAMES - 2)).note


@pytest.mark.parametrize(
    ("backend", "off", "ok"),
    [
        ("relay", 1.015, True),
        ("relay", 0.985, True),
        ("relay", 0.95, False),
        ("netem", 0.98, False),
        ("relay", 1.2, False),
    ],
)
def test_a_rate_is_judged_by_the_backends_tolerance(backend: str, off: float, ok: bool) -> None:
    finding = judged(target(backend, rate_bps=10_000_000), int(10_000_000 * off))
    assert finding.ok is ok
    assert finding.measured == pytest.approx(10_000_000 * off, rel=1e-3)


def test_dropped_frames_of_a_train_do_not_change_the_rate() -> None:
    assert judged(target(rate_bps=10_000_000), 10_000_000, count=20).ok is True


def test_a_relay_that_woke_up_late_in_between_is_not_a_slow_wire() -> None:
    assert judged(target(rate_bps=10_000_000), 10_000_000, stall_ns=5 * MS).ok is True


def test_of_a_train_fed_late_the_longest_part_counts_that_kept_the_line_busy() -> None:
    of = target(rate_bps=10_000_000, delay_ns=7 * MS)
    shape = train_shape(of)
    line_ns = of.line_ns(shape.ip_bytes)
    # Six frames at once, with pauses of ten times the line's time between them; the second six lose their first.
    came = {number: number // 6 * 10 * line_ns + (1 + number % 6) * line_ns + 7 * MS for number in range(12)}
    del came[6]
    finding = judge_rate(of, shape, came, late_fed=[6])
    assert finding is not None
    assert (finding.measured, finding.ok) == (pytest.approx(10_000_000, rel=1e-4), True)


class Socket:
    """A sender's socket in front of a line with a queue: when each frame is through, or that the queue was full."""

    def __init__(self, line_ns: int, queue_frames: int) -> None:
        self.now_ns = 0
        self.left_ns: dict[int, int] = {}
        self._line_ns, self._queue_frames = line_ns, queue_frames
        self._number = 0

    def unsent_bytes(self) -> int:
        return 0

    def send(self, data: bytes) -> None:
        ends = sorted(self.left_ns.values())
        if sum(end - self._line_ns > self.now_ns for end in ends) < self._queue_frames:
            self.left_ns[self._number] = max([self.now_ns, *ends[-1:]]) + self._line_ns
        self._number += 1


@given(
    queue=st.integers(2, 60),
    pauses=st.lists(st.floats(0, 30), min_size=50, max_size=50),
    off=st.sampled_from([0.9, 1.0, 1.1]),
)
def test_a_sender_that_pauses_never_makes_a_right_wire_wrong_or_a_wrong_one_right(
    queue: int, pauses: list[float], off: float
) -> None:
    of = target(rate_bps=10_000_000, queue=Queue(packets=queue))
    shape = train_shape(of)
    socket = Socket(int(of.line_ns(shape.ip_bytes) / off), queue)
    trial = Trial(of, shape, source=socket)  # type: ignore[arg-type]
    # One pause in five, so that there are parts without any.
    for number in range(shape.count):
        socket.now_ns = max(socket.now_ns, trial.due_ns(number))
        socket.now_ns += int(pauses[number % 50] * MS) if number % 5 == 4 and pauses[number % 50] > 15 else 0
        trial.send(number, socket.now_ns)
    finding = judge_rate(of, shape, socket.left_ns, trial.late_fed)
    assert finding is not None
    assert finding.ok in ((True, None) if off == 1 else (False, None))
    assert finding.ok is not None or trial.late_fed


def test_a_sender_in_time_feeds_late_nowhere() -> None:
    for queue in (1, 2, 1000):
        of = target(rate_bps=10_000_000, queue=Queue(packets=queue))
        trial = Trial(of, train_shape(of), source=Socket(of.line_ns(1500), queue))  # type: ignore[arg-type]
        for number in range(trial.shape.count):
            trial.send(number, trial.due_ns(number))
        assert trial.late_fed == []
        assert len(trial.held_bytes) == trial.shape.count - trial.shape.burst


def test_a_sender_that_was_too_slow_proves_nothing() -> None:
    of = target(rate_bps=10**9)
    came = {number: number * MS + 100_000 for number in range(20)}
    finding = judge_rate(of, train_shape(of), came, late_fed=list(range(1, 20)))
    assert finding is not None
    assert (finding.ok, finding.measured) == (None, None)


def test_no_rate_is_asked_for_and_none_is_judged() -> None:
    of = target()
    assert judge_rate(of, train_shape(of), {}) is None


def test_an_mtu_passes_and_one_byte_more_is_refused() -> None:
    of = target(mtu_bytes=1400)
    assert judge_mtu(of, passed=True, larger_refused=True).ok is True
    assert "1401 bytes was not refused" in judge_mtu(of, passed=True, larger_refused=False).note
    assert "1400 bytes did not arrive" in judge_mtu(of, passed=False, larger_refused=True).note


def test_an_accepted_black_hole_passes_what_its_receiver_takes() -> None:
    of = target(mtu_bytes=1500, back_mtu_bytes=1300)
    assert of.passing_mtu_bytes == 1300
    finding = judge_mtu(of, passed=True, larger_refused=True)
    assert (finding.ok, finding.measured, finding.note) == (True, 1300, "accepted as a black hole")


def test_memory_held_at_every_look_is_a_wire_that_does_not_orphan() -> None:
    assert judge_held([]) is None
    assert judge_held([2048, 0, 4096]) == Finding(0, 0, 0, True)
    held = judge_held([2048, 4096])
    assert held is not None
    assert held.ok is False
    assert "does not orphan" in held.note
