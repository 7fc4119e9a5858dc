from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.link import LinkModel, LinkParameters, Verdict, parse_headers
from netemu.link.model import DROP_LIST, DROP_LOSS, DROP_QUEUE, DUPLICATE, FORWARD
from netemu.specs import DropRule, FixedLoss, GilbertElliott, LinkChange, LinkDirection, Queue
from tests.link.packets import ipv4, tcp

MBIT = 1_000_000
ARRIVALS = st.lists(st.tuples(st.integers(0, 2_000_000), st.integers(20, 1500)), min_size=1, max_size=60)


def model(direction: LinkDirection, seed: int = 1, t0_ns: int | None = 0) -> LinkModel:
    made = LinkModel(LinkParameters.from_mapping(msgspec.to_builtins(direction), "l1"), seed)
    if t0_ns is not None:
        made.start(t0_ns)
    return made


def play(direction: LinkDirection, arrivals: Sequence[tuple[int, int]], seed: int = 1) -> list[tuple[int, Verdict]]:
    """Arrival time and verdict of packets given as (gap to the one before, IP bytes)."""
    made = model(direction, seed)
    now_ns, found = 0, []
    for gap_ns, ip_bytes in arrivals:
        now_ns += gap_ns
        found.append((now_ns, made.arrive(now_ns, ip_bytes)))
    return found


def steady(direction: LinkDirection, count: int, gap_ns: int = 1_000_000, seed: int = 1) -> list[Verdict]:
    return [verdict for _, verdict in play(direction, [(gap_ns, 1000)] * count, seed)]


queues = st.one_of(st.builds(Queue, packets=st.integers(1, 20)), st.builds(Queue, bytes=st.integers(1500, 20_000)))
directions = st.builds(
    LinkDirection,
    rate_bps=st.one_of(st.none(), st.integers(100_000, 10**9)),
    delay_ns=st.integers(10_000, 10**7),
    jitter_ns=st.integers(0, 10_000),
    loss=st.one_of(st.none(), st.builds(FixedLoss, ratio=st.floats(0, 1)), st.just(GilbertElliott(0.1, 0.5))),
    reorder_ratio=st.floats(0, 0.5),
    duplicate_ratio=st.floats(0, 1),
    corrupt_ratio=st.floats(0, 1),
    queue=queues,
)


@given(directions, ARRIVALS, st.integers(0, 2**64 - 1))
def test_every_packet_has_exactly_one_fate(
    direction: LinkDirection, arrivals: list[tuple[int, int]], seed: int
) -> None:
    for (_, ip_bytes), (now_ns, verdict) in zip(arrivals, play(direction, arrivals, seed), strict=True):
        assert verdict.action in (FORWARD, DROP_LOSS, DROP_QUEUE)
        assert (verdict.due_ns >= now_ns) == (verdict.action == FORWARD)
        assert verdict.corrupt_bit < 8 * ip_bytes
        assert verdict.action != DROP_LOSS or verdict.copy is None
        if verdict.copy is not None:
            assert verdict.copy.action == DUPLICATE
            assert verdict.copy.due_ns >= now_ns
            assert verdict.copy.copy is None


@given(directions, ARRIVALS)
def test_nothing_leaves_sooner_than_the_model_says(direction: LinkDirection, arrivals: list[tuple[int, int]]) -> None:
    least_ns = model(direction).least_transit_ns(20)
    for now_ns, verdict in play(direction, arrivals):
        assert verdict.action != FORWARD or verdict.due_ns - now_ns >= least_ns


@given(ARRIVALS, st.integers(100_000, 10**9), queues)
def test_without_jitter_and_reordering_packets_stay_in_order(
    arrivals: list[tuple[int, int]], rate_bps: int, queue: Queue
) -> None:
    found = play(LinkDirection(rate_bps=rate_bps, delay_ns=5000, queue=queue), arrivals)
    due = [verdict.due_ns for _, verdict in found if verdict.action == FORWARD]
    assert due == sorted(due)


@given(ARRIVALS, st.integers(100_000, 10**8), queues)
def test_the_rate_is_never_exceeded_over_any_window(
    arrivals: list[tuple[int, int]], rate_bps: int, queue: Queue
) -> None:
    direction = LinkDirection(rate_bps=rate_bps, overhead_bytes=14, queue=queue)
    found = play(direction, arrivals)
    sent = [
        (verdict.due_ns, ip_bytes + 14)
        for (_, ip_bytes), (_, verdict) in zip(arrivals, found, strict=True)
        if verdict.action == FORWARD
    ]
    for first in range(len(sent)):
        bits = 0
        for last in range(first + 1, len(sent)):
            bits += 8 * sent[last][1]
            assert bits * 10**9 <= rate_bps * (sent[last][0] - sent[first][0])


def test_a_saturated_line_is_exactly_full() -> None:
    found = steady(LinkDirection(rate_bps=8 * MBIT, overhead_bytes=0, queue=Queue(packets=1000)), 500, gap_ns=0)
    assert [verdict.due_ns for verdict in found] == [1_000_000 * n for n in range(1, 501)]


@given(ARRIVALS, st.integers(100_000, 10**7), queues)
def test_the_queue_found_is_what_has_not_left(arrivals: list[tuple[int, int]], rate_bps: int, queue: Queue) -> None:
    """Against a recount of everything accepted, and the limit against what was found."""
    found = play(LinkDirection(rate_bps=rate_bps, queue=queue), arrivals)
    accepted: list[tuple[int, int]] = []
    for (_, ip_bytes), (now_ns, verdict) in zip(arrivals, found, strict=True):
        waiting = [size for due_ns, size in accepted if due_ns > now_ns]
        assert (verdict.queue_packets, verdict.queue_bytes) == (len(waiting), sum(waiting))
        if queue.packets is not None:
            full = len(waiting) >= queue.packets
        else:
            full = sum(waiting) + ip_bytes > (queue.bytes or 0)
        assert (verdict.action == DROP_QUEUE) == full
        if not full:
            accepted.append((verdict.due_ns, ip_bytes))


def test_delay_is_added_after_the_line() -> None:
    (verdict,) = steady(LinkDirection(rate_bps=8 * MBIT, overhead_bytes=0, delay_ns=5_000), 1)
    assert verdict.due_ns == 1_000_000 + 1_000_000 + 5_000


def test_jitter_is_uniform_around_the_delay() -> None:
    delay_ns, jitter_ns, count = 1_000_000, 300_000, 5_000
    found = play(LinkDirection(delay_ns=delay_ns, jitter_ns=jitter_ns), [(1000, 100)] * count)
    added = [verdict.due_ns - now_ns for now_ns, verdict in found]
    assert min(added) >= delay_ns - jitter_ns
    assert max(added) <= delay_ns + jitter_ns
    assert abs(sum(added) / count - delay_ns) < 4 * jitter_ns / math.sqrt(3 * count)
    assert max(added) - min(added) > 1.99 * jitter_ns


def test_a_reordered_packet_skips_the_delay_and_no_other_does() -> None:
    count, ratio = 5_000, 0.1
    found = play(LinkDirection(delay_ns=10**6, reorder_ratio=ratio), [(1000, 100)] * count)
    assert {verdict.due_ns - now_ns for now_ns, verdict in found if verdict.reordered} == {0}
    assert {verdict.due_ns - now_ns for now_ns, verdict in found if not verdict.reordered} == {10**6}
    reordered = sum(verdict.reordered for _, verdict in found)
    assert abs(reordered - count * ratio) < 4 * math.sqrt(count * ratio * (1 - ratio))


@pytest.mark.parametrize("effect", ["duplicate_ratio", "corrupt_ratio"])
def test_copies_and_flipped_bits_are_as_frequent_as_asked(effect: str) -> None:
    count, ratio = 5_000, 0.05
    found = steady(LinkDirection(**{effect: ratio}), count)
    happened = sum(v.copy is not None if effect == "duplicate_ratio" else v.corrupt_bit >= 0 for v in found)
    assert abs(happened - count * ratio) < 4 * math.sqrt(count * ratio * (1 - ratio))


def test_a_copy_follows_its_original_on_the_line_and_takes_room() -> None:
    direction = LinkDirection(rate_bps=8 * MBIT, overhead_bytes=0, duplicate_ratio=1.0, queue=Queue(packets=3))
    made = model(direction)
    first, second, third = (made.arrive(0, 1000) for _ in range(3))
    assert first.copy is not None
    assert (first.due_ns, first.copy.due_ns, second.due_ns) == (1_000_000, 2_000_000, 3_000_000)
    assert second.copy is None  # no room: the copy is not made, and nothing is lost by that
    assert third.action == DROP_QUEUE


def test_ecn_marks_from_the_threshold_on_what_can_be_marked() -> None:
    made = model(LinkDirection(rate_bps=MBIT, ecn_threshold=2, queue=Queue(packets=10)))
    assert made.needs_headers
    codepoints = [1, 2, 1, 2, 0, 3]
    found = [made.arrive(0, 100, parse_headers(ipv4(6, tcp(), tos=ecn))) for ecn in codepoints]
    assert [verdict.marked for verdict in found] == [False, False, True, True, False, False]


def test_the_ecn_threshold_counts_in_the_queue_s_unit() -> None:
    made = model(LinkDirection(rate_bps=MBIT, ecn_threshold=150, queue=Queue(bytes=10_000)))
    found = [made.arrive(0, 100, parse_headers(ipv4(6, tcp(), tos=1))) for _ in range(3)]
    assert [verdict.marked for verdict in found] == [False, False, True]


def test_the_drop_list_comes_before_chance_and_takes_no_room() -> None:
    direction = LinkDirection(rate_bps=MBIT, drops=(DropRule("data", (2,)),), queue=Queue(packets=2))
    made = model(direction)
    found = [made.arrive(0, 100, parse_headers(ipv4(6, tcp(b"x", seq=n)))) for n in range(3)]
    assert [verdict.action for verdict in found] == [FORWARD, DROP_LIST, FORWARD]
    assert made.unmet_drops() == []


def test_a_change_of_loss_and_delay_holds_from_its_time() -> None:
    direction = LinkDirection(
        delay_ns=10, schedule=(LinkChange(100, delay_ns=50), LinkChange(200, loss=FixedLoss(1.0)))
    )
    made = model(direction, t0_ns=1000)
    assert made.arrive(1099, 100).due_ns == 1109
    assert made.arrive(1100, 100).due_ns == 1150
    assert made.arrive(1200, 100).action == DROP_LOSS


def test_before_traffic_and_for_probes_only_rate_queue_and_delay_hold() -> None:
    direction = LinkDirection(
        delay_ns=7,
        loss=FixedLoss(1.0),
        corrupt_ratio=1.0,
        duplicate_ratio=1.0,
        reorder_ratio=1.0,
        drops=(DropRule("any", (1,)),),
    )
    made = model(direction, t0_ns=100)
    early, probe = made.arrive(99, 100), made.arrive(100, 100, probe=True)
    for verdict, due_ns in ((early, 106), (probe, 107)):
        assert (verdict.action, verdict.due_ns, verdict.corrupt_bit, verdict.copy) == (FORWARD, due_ns, -1, None)
        assert not verdict.reordered
    assert made.arrive(100, 100, parse_headers(ipv4(6, tcp()))).action == DROP_LIST


@given(st.integers(0, 2**64 - 1))
def test_the_same_packets_are_lost_whatever_else_the_link_does(seed: int) -> None:
    loss = GilbertElliott(0.1, 0.3, 0.8, 0.02)
    plain = LinkDirection(loss=loss)
    busy = LinkDirection(
        loss=loss,
        delay_ns=9000,
        jitter_ns=500,
        corrupt_ratio=0.5,
        duplicate_ratio=0.5,
        rate_bps=MBIT,
        queue=Queue(packets=2),
    )
    lost = [[v.action == DROP_LOSS for v in steady(direction, 60, seed=seed)] for direction in (plain, busy)]
    assert lost[0] == lost[1]


def test_probes_do_not_move_the_decisions() -> None:
    direction = LinkDirection(loss=FixedLoss(0.5))
    alone = [v.action for v in steady(direction, 50)]
    made = model(direction)
    among = []
    for n in range(50):
        made.arrive(n * 1000, 60, probe=True)
        among.append(made.arrive(n * 1000, 1000).action)
    assert among == alone


def test_time_must_not_go_back() -> None:
    made = model(LinkDirection())
    made.arrive(10, 100)
    with pytest.raises(ValueError, match="arrival at 9 after one at 10"):
        made.arrive(9, 100)


def test_a_seed_s_decisions_stay_what_they_were() -> None:
    """Golden: a recorded run must mean the same in every version. Printed by ``python -m tests.link.test_model``."""
    assert golden() == GOLDEN


def golden() -> list[tuple[str, int, int, bool, bool]]:
    direction = LinkDirection(
        rate_bps=10 * MBIT,
        delay_ns=2_000_000,
        jitter_ns=1_000_000,
        loss=GilbertElliott(0.2, 0.4, 0.9, 0.05),
        corrupt_ratio=0.2,
        duplicate_ratio=0.2,
        reorder_ratio=0.2,
        queue=Queue(packets=4),
    )
    return [
        (verdict.action, verdict.due_ns, verdict.corrupt_bit, verdict.reordered, verdict.copy is not None)
        for verdict in steady(direction, 16, gap_ns=400_000, seed=42)
    ]


GOLDEN = [
    ("forward", 2363767, -1, False, False),
    ("forward", 4855508, -1, False, False),
    ("forward", 2833600, 7697, True, False),
    ("forward", 4965527, -1, False, False),
    ("forward", 5993611, -1, False, False),
    ("forward", 6520133, -1, False, False),
    ("drop_queue", -1, -1, False, False),
    ("forward", 8614523, 601, False, False),
    ("drop_queue", -1, -1, False, False),
    ("drop_loss", -1, -1, False, False),
    ("drop_loss", -1, -1, False, False),
    ("drop_loss", -1, -1, False, False),
    ("drop_loss", -1, -1, False, False),
    ("forward", 8414710, -1, False, False),
    ("forward", 10026972, -1, False, False),
    ("forward", 10338189, -1, False, False),
]

if __name__ == "__main__":
    for row in golden():
        print(f"    {row!r},")


@pytest.mark.parametrize(("early_ns", "arrival_ns"), [(0, 8_112_000), (50, 8_111_950), (-1, 8_112_001)])
def test_a_place_is_free_when_the_last_bit_has_left_or_so_much_earlier(early_ns: int, arrival_ns: int) -> None:
    direction = LinkDirection(rate_bps=1_000_000, queue=Queue(packets=1))
    for now_ns, action in ((arrival_ns - 1, DROP_QUEUE), (arrival_ns, FORWARD)):
        made = LinkModel(LinkParameters.from_mapping(msgspec.to_builtins(direction), "l1"), 1, early_ns)
        assert made.arrive(0, 1000).due_ns == 8_112_000
        second = made.arrive(now_ns, 1000)
        assert second.action == action
        if action == FORWARD:
            assert second.due_ns == max(now_ns, 8_112_000) + 8_112_000  # the line is no sooner free
