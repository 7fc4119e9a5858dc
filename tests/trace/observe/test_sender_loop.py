"""Rows of the table ``sender``: where they begin and end, whose they are, and how many."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from netemu.trace.observe import sender
from tests.trace.observe.senders import MSS, Sending, clocked


def test_a_row_for_each_round_trip_and_one_at_the_end(tmp_path: Path) -> None:
    rows = clocked([2, 4, 8]).rows(tmp_path)
    assert [(row["round"], row["reason"]) for row in rows] == [(0, "round"), (1, "round"), (2, "end")]
    assert [row["sent_segments"] for row in rows] == [2, 4, 8]
    assert [row["start_ns"] for row in rows[1:]] == [row["t_ns"] for row in rows[:-1]]


def test_the_end_that_sends_nothing_has_no_rows(tmp_path: Path) -> None:
    talk = clocked([2, 4])
    talk.close(100, 1 + 6 * MSS, 1)
    assert set(talk.analyse(tmp_path).tables["sender"]["direction"]) == {0}


def test_flight_window_and_estimates_are_those_at_the_row_s_end(tmp_path: Path) -> None:
    talk = clocked([2])
    talk.segments(30, 2, 3)
    row = talk.rows(tmp_path)[0]
    assert row["t_ns"] == 30_000_000 and row["flight_bytes"] == row["pipe_bytes"] == 0
    assert row["max_flight_bytes"] == 2 * MSS and row["window_bytes"] == 500 << 7
    assert row["srtt_ns"] is not None and row["rto_estimated_ns"] >= row["srtt_ns"] + 200_000_000


def test_a_super_segment_counts_its_segments(tmp_path: Path) -> None:
    talk = Sending()
    talk.handshake()
    talk.say(20, "a", 1, 1, 4 * MSS)
    assert talk.rows(tmp_path)[0]["sent_segments"] == 4


@pytest.mark.parametrize("room", [4, 5, 9])
def test_rows_do_not_depend_on_the_room_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    talk = clocked([2, 4, 8, 16, 17, 18])
    whole = talk.rows(tmp_path)
    monkeypatch.setattr(sender, "_ROWS", room)
    assert talk.rows(tmp_path) == whole


def test_flows_of_one_file_are_told_apart(tmp_path: Path) -> None:
    one, other = clocked([2, 4]), clocked([3, 3, 3])
    alone = other.rows(tmp_path)
    both = clocked([2, 4])
    other.ports = (40001, 80)
    late = Sending(ports=(40001, 80))
    late.handshake()
    sent = 0
    for k in range(3):
        late.segments(20 + 10 * k, sent, 3)
        sent += 3
        late.acked(29.95 + 10 * k, sent)
    both.records = sorted(both.records + late.records, key=lambda record: record[0])
    frame = both.analyse(tmp_path).tables["sender"]
    assert frame.filter(pl.col("connection") == 0).to_dicts() == one.rows(tmp_path)
    mine = frame.filter(pl.col("connection") == 1).drop("connection").to_dicts()
    assert mine == [{key: value for key, value in row.items() if key != "connection"} for row in alone]
