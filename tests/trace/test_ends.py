"""Both ends joined: what became of each packet, under everything a network does to it."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netemu.recording.tables import CLOCKS, TRANSITS
from netemu.trace.ends import transits
from netemu.trace.tables import polars_schema
from tests.trace.ends_rig import MS, Captures


def test_a_packet_arrives_is_lost_or_comes_twice() -> None:
    c = Captures()
    c.open()
    c.pass_by(0, {"a": 30, "b": 40}, 1, 100, ts_val=1)
    c.pass_by(0, {"a": 31}, 101, 100, ts_val=2)
    c.pass_by(0, {"a": 32, "b": 42}, 201, 100, ts_val=3)
    c.pass_by(0, {"b": 43}, 201, 100, ts_val=3)
    c.pass_by(0, {"a": 60, "b": 70}, 101, 100, ts_val=30)
    table = c.join().transits
    assert dict(table.schema) == polars_schema(TRANSITS)
    data = table.filter(pl.col("payload_bytes") > 0)
    assert data.select("seq_offset_bytes", "fate", "arrival_ns", "one_way_delay_ns").rows() == [
        (1, "arrived", 40 * MS, 10 * MS),
        (101, "lost", None, None),
        (201, "duplicated", 42 * MS, 10 * MS),
        (201, "copy", 43 * MS, 11 * MS),
        (101, "arrived", 70 * MS, 10 * MS),
    ]
    assert data["last_seen"].to_list() == ["b", "a", "b", "b", "b"]


def test_each_direction_begins_at_its_own_sender() -> None:
    c = Captures()
    c.open()
    table = c.join().transits
    assert table.select("capture", "direction", "fate", "t_ns", "arrival_ns").rows() == [
        ("a", 0, "arrived", 0, 10 * MS),
        ("a", 0, "arrived", 20 * MS, 30 * MS),
        ("b", 1, "arrived", 10 * MS, 20 * MS),
    ]


@pytest.mark.parametrize("ids", [True, False])
def test_equal_packets_are_told_by_identification_or_else_by_delay(ids: bool) -> None:
    c = Captures()
    c.open()
    for number in range(6):
        t = 30 + 4 * number
        seen = {"a": t} if number == 2 else {"a": t, "b": t + 10}
        c.pass_by(0, seen, 1, 100, ts_val=5, ip_id=50 + number if ids else 0)
    fates = [fate for *_, fate in c.fates()]
    assert fates == ["arrived", "arrived", "lost", "arrived", "arrived", "arrived"]


def test_identifications_that_the_path_rewrites_are_not_believed() -> None:
    c = Captures()
    c.open()
    for number in range(20):
        c.pass_by(0, {"a": 30 + number}, 1 + 100 * number, 100, ip_id=500 + number)
        c.pass_by(0, {"b": 40 + number}, 1 + 100 * number, 100, ip_id=9000 - 7 * number)
    assert {fate for *_, fate in c.fates()} == {"arrived"}


def test_reordering_has_extent_and_lateness() -> None:
    """Sent 1 2 3 4, arrived 2 3 1 4: the first is late by 2 (RFC 4737 section 4.2.2)."""
    c = Captures()
    c.open()
    for number, arrival in enumerate((43, 41, 42, 44)):
        c.pass_by(0, {"a": 30 + 0.1 * number, "b": arrival}, 1 + 100 * number, 100)
    table = c.join().transits.filter(pl.col("payload_bytes") > 0)
    assert table.select("reordering_extent", "late_ns").rows() == [(2, 2 * MS), (0, 0), (0, 0), (0, 0)]


def test_a_sequence_number_met_again_after_a_wrap_is_another_packet() -> None:
    c = Captures()
    c.open()
    c.pass_by(0, {"a": 30}, 1, 100)
    c.pass_by(0, {"a": 5000, "b": 5010}, 1 + 2**32, 100)
    assert c.fates() == [(1, 100, "lost"), (1 + 2**32, 100, "arrived")]


def test_numbers_rewritten_by_a_firewall_still_meet() -> None:
    c = Captures(isn={"b": (77_000, 42)})
    c.open()
    c.pass_by(0, {"a": 30, "b": 40}, 1, 100)
    c.pass_by(1, {"b": 40, "a": 50}, 1, 0, ack=101)
    assert c.join().transits["fate"].to_list() == ["arrived"] * 5


def test_a_capture_that_began_or_ended_in_the_middle_lost_nothing() -> None:
    c = Captures()
    for number in range(10):
        t = 30 + number
        seen = {"a": t, "b": t + 10} if 3 <= number < 6 and number != 4 else {"a": t}
        c.pass_by(0, seen, 1 + 100 * number, 100)
        c.pass_by(1, {"b": t + 10, "a": t + 20} if number in {3, 5} else {"a": t + 20}, 1, ack=101 + 100 * number)
    fates = [fate for *_, fate in c.fates(shared_clock=False)]
    assert fates == ["not_captured"] * 3 + ["arrived", "lost", "arrived"] + ["not_captured"] * 4
    back = c.join(shared_clock=False).transits.filter(pl.col("direction") == 1)["fate"].to_list()
    assert sorted(back) == ["arrived"] * 2 + ["not_captured"] * 7 + ["unsent"]


def test_one_frame_of_the_receiver_covers_several_that_were_sent() -> None:
    c = Captures()
    c.open()
    for number in range(3):
        c.pass_by(0, {"a": 30 + number}, 1 + 100 * number, 100, ts_val=7, ip_id=10 + number)
    c.pass_by(0, {"b": 42.5}, 1, 300, ts_val=7, ip_id=10)
    table = c.join().transits.filter(pl.col("payload_bytes") > 0)
    assert table.select("seq_offset_bytes", "payload_bytes", "fate").rows() == [
        (1, 100, "arrived"),
        (101, 100, "arrived"),
        (201, 100, "arrived"),
    ]
    assert table["arrival_frame"].n_unique() == 1


def test_a_super_segment_is_followed_by_its_stretches() -> None:
    c = Captures()
    c.open()
    c.pass_by(0, {"a": 30}, 1, 500, ts_val=7)
    for number in (0, 1, 3):
        c.pass_by(0, {"b": 40 + number}, 1 + 100 * number, 100, ts_val=7)
    assert c.fates() == [(1, 100, "arrived"), (101, 100, "arrived"), (201, 100, "lost"), (301, 100, "arrived"),
                         (401, 100, "lost")]  # fmt: skip


def test_what_captures_on_the_way_saw_tells_where_it_was_lost() -> None:
    c = Captures()
    c.open("a", "d")
    for name in "bc":
        c.pass_by(0, {name: 5}, 0, flags=2)
    c.pass_by(0, {"a": 30, "b": 33, "c": 36, "d": 40}, 1, 100)
    c.pass_by(0, {"a": 31, "b": 34}, 101, 100)
    c.pass_by(0, {"a": 32, "b": 35, "c": 38}, 201, 100)
    c.pass_by(0, {"a": 33}, 301, 100)
    table = c.join().transits.filter(pl.col("payload_bytes") > 0)
    assert table.select("fate", "last_seen").rows() == [("arrived", "d"), ("lost", "b"), ("lost", "c"), ("lost", "a")]


def test_a_wire_tells_which_link_dropped_a_packet_and_why() -> None:
    c = Captures()
    c.open()
    c.pass_by(0, {"a": 30}, 1, 100)
    c.pass_by(0, {"a": 31, "b": 41}, 101, 100)
    c.pass_by(0, {"a": 60}, 1, 100)
    drop = {
        "direction": "a_to_b",
        "protocol": 6,
        "probe": False,
        "source": "10.0.0.1:40000",
        "destination": "10.0.0.2:80",
    }
    packet = {"seq": 1001, "ack": (2**32 - 3000 + 1) % 2**32, "payload_bytes": 100}
    rows = [
        {**drop, **packet, "link": "one", "t_ns": 30 * MS - 13_000, "action": "drop_loss"},
        {**drop, **packet, "link": "two", "t_ns": 61 * MS, "action": "drop_queue"},
    ]
    table = c.join(wires=pl.DataFrame(rows)).transits.filter(pl.col("fate") == "lost")
    assert table.select("link", "action").rows() == [("one", "drop_loss"), ("two", "drop_queue")]


def test_captures_without_a_common_connection_give_empty_tables() -> None:
    c = Captures()
    c.pass_by(0, {"a": 1}, 1, 100)
    ends = transits(c.packets(), c.connections(), shared_clock=True)
    assert ends.transits.is_empty() and ends.clocks.is_empty()
    assert dict(ends.clocks.schema) == polars_schema(CLOCKS)


def test_a_clock_that_is_ahead_and_runs_fast_is_found_and_removed() -> None:
    c = Captures(clocks={"b": lambda t_ns: round(t_ns * (1 + 40e-6)) + 7_000 * MS})
    c.open()
    for number in range(400):
        t = 30 + 50 * number
        c.pass_by(0, {"a": t, "b": t + 10 + number % 7}, 1 + 100 * number, 100)
        c.pass_by(1, {"b": t + 20, "a": t + 30 + number % 3}, 1, ack=101 + 100 * number)
    ends = c.join(shared_clock=False)
    clock = ends.clocks.row(0, named=True)
    assert clock["skew_ppb"] == pytest.approx(40_000, rel=0.01)
    assert clock["offset_ns"] == pytest.approx(7_000 * MS, abs=20_000) and clock["offset_bound_ns"] < 11 * MS
    delays = ends.transits.filter(pl.col("payload_bytes") > 0)["one_way_delay_ns"].to_list()
    assert delays == pytest.approx([(10 + number % 7) * MS for number in range(400)], abs=50_000)


@st.composite
def _journeys(draw: st.DrawFn) -> list[tuple[int, float, tuple[float, ...]]]:
    """(offset, time, arrivals): packets sent, some again, lost, late, or copied by the network."""
    count = draw(st.integers(1, 40))
    found, t = [], 100.0
    for number in range(count):
        t += draw(st.sampled_from([0.1, 1, 5]))
        offset = draw(st.integers(0, number)) if draw(st.integers(0, 4)) == 0 else number
        arrivals = draw(st.sampled_from([(10.0,), (10.0,), (10.5,), (23.0,), (), (10.0, 10.25), (10.0, 31.0)]))
        found.append((offset, t, tuple(t + delay for delay in arrivals)))
    return found


@given(_journeys(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_truth_comes_back(journeys: list[tuple[int, float, tuple[float, ...]]], shared_clock: bool) -> None:
    c = Captures(clocks={} if shared_clock else {"b": 3_600_000 * MS})
    c.open()
    expected = []
    for number, (offset, t, arrivals) in enumerate(journeys):
        told = {"ts_val": int(t), "ip_id": 1 + number}
        c.pass_by(0, {"a": t}, 1 + 100 * offset, 100, **told)
        for arrival in arrivals:
            c.pass_by(0, {"b": arrival}, 1 + 100 * offset, 100, **told)
        fate = {0: "lost", 1: "arrived", 2: "duplicated"}[len(arrivals)]
        expected.append((1 + 100 * offset, fate, round(min(arrivals) * MS) if arrivals else None))
    c.pass_by(0, {"a": 900, "b": 910}, 1 + 100 * len(journeys), 100, ip_id=999)
    table = c.join(shared_clock=shared_clock).transits.filter(pl.col("payload_bytes") > 0)
    shift = 0 if shared_clock else 3_600_000 * MS
    found = table.filter(pl.col("fate") != "copy").with_columns(pl.col("arrival_ns") - shift)
    assert found.select("seq_offset_bytes", "fate", "arrival_ns").rows()[:-1] == expected
    assert (table["fate"] == "copy").sum() == sum(len(arrivals) == 2 for *_, arrivals in journeys)
