"""Which connections of several captures are one, and how their numbers meet."""

from __future__ import annotations

import polars as pl

from netemu.trace.ends_path import candidates, joined
from tests.trace.ends_rig import CLIENT, SERVER, Captures


def joints(c: Captures) -> list[tuple[int, str, int]]:
    """(joint, capture, connection), each once."""
    wanted = candidates(c.connections())
    rows = joined(c.packets().lazy(), wanted)
    return sorted(set(rows.select("joint", "capture", "connection").rows()))


def test_a_connection_of_one_capture_alone_is_no_candidate() -> None:
    c = Captures()
    c.pass_by(0, {"a": 1}, 0, flags=2)
    assert candidates(c.connections()).is_empty()


def test_ports_used_again_are_told_by_their_sequence_numbers() -> None:
    first, second = Captures(), Captures(isn={"a": (9, 99), "b": (9, 99)})
    first.open()
    second.open()
    for row in second.rows:
        row.update(connection=1, t_ns=row["t_ns"] + 10**9)
    first.rows = [row for row in first.rows if row["capture"] == "a"] + second.rows
    assert [rest for _, *rest in joints(first)] == [["a", 1], ["b", 1]]


def test_ends_are_told_whichever_a_capture_takes_for_the_client() -> None:
    c = Captures()
    c.open()
    wanted = c.connections().with_columns(
        client=pl.when(pl.col("capture") == "a").then(pl.lit(CLIENT)).otherwise(pl.lit(SERVER)),
        server=pl.when(pl.col("capture") == "a").then(pl.lit(SERVER)).otherwise(pl.lit(CLIENT)),
    )
    rows = joined(c.packets().lazy(), candidates(wanted))
    assert rows.filter(pl.col("capture") == "a", pl.col("direction") == 0)["way"].item() == 0
    assert rows.filter(pl.col("capture") == "b", pl.col("direction") == 0)["way"].item() == 1


def test_offsets_of_a_capture_that_began_late_are_shifted() -> None:
    """Its first sequence number is its zero; in the first capture that was offset 5000, after two wraps of them."""
    for start in (5000, 2 * 2**32 + 5000):
        c = Captures(isn={"b": ((1000 + 5000) % 2**32, 2**32 - 3000)})
        c.pass_by(0, {"a": 0}, 0, flags=2)
        c.pass_by(0, {"a": 30}, start - 100, 100)
        c.pass_by(0, {"a": 31}, start, 100)
        c.pass_by(0, {"b": 41}, 0, 100)
        rows = joined(c.packets().lazy(), candidates(c.connections()))
        assert rows.filter(pl.col("capture") == "b")["seq_shift"].item() == start
