"""Episodes: the rows of one phase as one, without a gap between them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netemu.recording.sender_tables import EPISODES
from netemu.trace.tables import polars_schema
from tests.trace.observe.senders import MSS, Sending, clocked


def _found(talk: Sending, directory: Path) -> list[dict[str, object]]:
    frame: pl.DataFrame = talk.analyse(directory).tables["episodes"]
    return frame.filter(pl.col("direction") == 0).to_dicts()


def test_slow_start_and_avoidance_are_two_episodes(tmp_path: Path) -> None:
    found = _found(clocked([2, 4, 8, 16, 17, 18, 19, 20]), tmp_path)
    assert [(row["phase"], row["reason"]) for row in found[:2]] == [
        ("slow_start", "start"),
        ("congestion_avoidance", "growth"),
    ]
    assert found[0]["end_ns"] == found[1]["start_ns"] and found[0]["rounds"] == 4
    assert found[0]["end_cwnd_estimated_bytes"] == 16 * MSS and found[0]["limited_by"] == "cwnd"
    assert found[0]["sent_segments"] == 2 + 4 + 8 + 16


def test_recovery_says_how_much_was_sent_again(tmp_path: Path) -> None:
    talk = clocked([10])
    talk.segments(30, 10, 10)
    for k in range(9):
        talk.acked(39 + k / 10, 10, sack=[(1 + 11 * MSS, 1 + (12 + k) * MSS)])
    talk.segments(39.31, 10, 1)
    talk.acked(49, 20)
    talk.segments(49.01, 20, 1)
    recovery = [row for row in _found(talk, tmp_path) if row["phase"] == "recovery"]
    assert len(recovery) == 1
    assert recovery[0]["reason"] == "retransmission" and recovery[0]["retransmitted_segments"] == 1
    assert recovery[0]["start_flight_bytes"] == 10 * MSS and recovery[0]["end_flight_bytes"] == 0


def test_a_timeout_and_a_silence_begin_episodes(tmp_path: Path) -> None:
    talk = clocked([2])
    talk.segments(30, 2, 2)
    talk.segments(330, 2, 1)
    talk.acked(340, 4)
    talk.segments(5000, 4, 1)
    reasons = {row["phase"]: row["reason"] for row in _found(talk, tmp_path)}
    assert reasons["loss"] == "timeout" and reasons["idle"] == "silence"


def test_flows_that_take_turns_do_not_break_each_others_episodes(tmp_path: Path) -> None:
    alone, other = (clocked([2, 4, 8, 16, 17, 18], ports=(port, 80)) for port in (40000, 40001))
    both = Sending()
    both.records = sorted(alone.records + other.records, key=lambda record: record[0])
    found, expected = _found(both, tmp_path), _found(alone, tmp_path)
    assert len(expected) > 1
    for connection in (0, 1):
        mine = [row | {"connection": 0} for row in found if row["connection"] == connection]
        assert mine == expected


def test_an_episode_ends_where_the_next_of_its_flow_begins(tmp_path: Path) -> None:
    found = _found(clocked([2, 4, 8, 16, 17, 18]), tmp_path)
    assert [row["end_ns"] for row in found[:-1]] == [row["start_ns"] for row in found[1:]]


def test_no_rows_make_no_episodes(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    found = talk.analyse(tmp_path).tables["episodes"]
    assert found.is_empty() and found.schema == polars_schema(EPISODES)
