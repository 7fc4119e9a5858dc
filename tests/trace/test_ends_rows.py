"""Rows of transits beyond what tests of the whole join show."""

from __future__ import annotations

import polars as pl

from netemu.recording.tables import TRANSIT_FATES
from tests.trace.ends_rig import Captures


def test_what_arrives_without_having_been_seen_to_leave_is_unsent_and_has_its_connection() -> None:
    c = Captures()
    c.open()
    c.pass_by(0, {"b": 40}, 901, 100, flags=24)
    row = c.join().transits.filter(pl.col("fate") == "unsent").row(0, named=True)
    assert (row["capture"], row["connection"], row["direction"], row["frame"], row["t_ns"]) == ("a", 0, 0, None, None)
    assert (row["arrival_frame"], row["seq_offset_bytes"], row["one_way_delay_ns"]) == (4, 901, None)
    assert row["reordering_extent"] is None and row["last_seen"] == "b"


def test_every_packet_is_in_exactly_one_row() -> None:
    c = Captures()
    c.open()
    for number in range(30):
        seen = {"a": 30 + number, "b": 40 + number} if number % 5 else {"a": 30 + number}
        c.pass_by(0, seen, 1 + 100 * (number // 3), 100, ip_id=number)
    table = c.join().transits
    sent = c.packets().filter(pl.col("direction") == 0)
    frames = table.filter(pl.col("direction") == 0)
    assert frames["frame"].drop_nulls().to_list() == sent.filter(pl.col("capture") == "a")["frame"].to_list()
    arrived = frames["arrival_frame"].drop_nulls().sort().to_list()
    assert arrived == sent.filter(pl.col("capture") == "b")["frame"].to_list()
    assert set(table["fate"]) <= set(TRANSIT_FATES)
