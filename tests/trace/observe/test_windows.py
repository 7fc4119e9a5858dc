"""The table ``windows``: its types, its order, and that it says what ``connections`` says."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netemu.recording.path_tables import WINDOWS
from netemu.trace.tables import polars_schema
from tests.trace.build import Talk, one


def test_the_last_growth_is_the_largest_window_of_the_connection(tmp_path: Path) -> None:
    talk = Talk(wscale=3)
    talk.handshake()
    for number in range(20):
        talk.say(20 + number, "b", 1, 1, window=500 + 90 * number)
    analysis = talk.analyse(tmp_path)
    table = analysis.tables["windows"]
    assert table.schema == polars_schema(WINDOWS)
    assert table.filter(pl.col("direction") == 1)["after_bytes"].to_list()[-1] == one(analysis)["b_max_window_bytes"]
    assert table["t_ns"].is_sorted() and table["connection"].unique().to_list() == [0]


def test_a_connection_where_nothing_happens_has_no_row(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.close(20, 1, 1)
    assert talk.analyse(tmp_path).tables["windows"].is_empty()
