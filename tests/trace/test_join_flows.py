"""One direction's packets as arrays."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace.join_flows import Flow, Flows, at_or_null
from tests.trace.ends_rig import MS, Captures


def flow(c: Captures, capture: str = "h1-eth0", direction: int = 0) -> Flow:
    rows = c.packets().filter(pl.col("capture") == capture, pl.col("direction") == direction)
    rows = rows.with_columns(pl.col("kind").to_physical(), pl.col("seq").cast(pl.Int64))
    return Flow(capture, 0, direction, 0, rows)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), min_size=1, max_size=20))
def test_arrivals_are_those_of_a_receiver_that_keeps_every_byte(segments: list[tuple[int, int]]) -> None:
    c = Captures()
    first: dict[int, int] = {}
    for t, (start, size) in enumerate(segments):
        c.pass_by(0, {"h1-eth0": t}, 1 + start, size)
        for byte in range(1 + start, 1 + start + size):
            first.setdefault(byte, t * MS)
    asked = np.arange(1, 45)
    arrived, in_order = flow(c).arrivals(asked)
    assert arrived.to_list() == [first.get(int(byte)) for byte in asked]
    expected, latest = [], 0
    for byte in asked.tolist():
        latest = None if latest is None or byte not in first else max(latest, first[byte])
        expected.append(latest)
    assert in_order.to_list() == expected


def test_offsets_of_sequence_numbers_follow_what_was_sent_then() -> None:
    c = Captures()
    c.pass_by(0, {"h1-eth0": 1}, 1, 100)
    c.pass_by(0, {"h1-eth0": 9}, 2**32 + 501, 100)
    own = flow(c)
    seq = np.array([1001, 1501])
    assert own.offsets(seq, np.array([2 * MS, 2 * MS])).tolist() == [1, 501]
    assert own.offsets(seq, np.array([9 * MS, 9 * MS])).tolist() == [2**32 + 1, 2**32 + 501]


def test_carriers_are_counted_by_kind() -> None:
    c = Captures()
    for number, kind in enumerate(("new", "new", "fast", "new")):
        c.pass_by(0, {"h1-eth0": number}, (1, 101, 1, 201)[number], 100, kind=kind)
    own = flow(c)
    assert own.carriers(np.array([1, 50, 101]), np.array([101, 102, 302]), "new").tolist() == [1, 2, 2]
    assert own.carriers(np.array([1, 101]), np.array([101, 302]), "fast").tolist() == [1, 0]


def test_of_connections_with_the_same_ends_the_one_then_open_is_taken() -> None:
    c = Captures()
    for number, t in enumerate((0, 500)):
        for capture, late in (("h1-eth0", 0), ("h2-eth0", 10)):
            c.pass_by(0, {capture: t + late}, 1, 100, kind="new")
            c.rows[-1]["connection"] = number
    flows = Flows(c.packets().lazy(), c.connections())
    local, remote = c.ends
    for first_ns, number in ((1 * MS, 0), (499 * MS, 0), (501 * MS, 1)):
        out, _ = flows.at_sender("h1", local, remote, first_ns)
        assert out is not None and out.connection == number
        there = flows.at_receiver("h2", out)
        assert there is not None and (there.capture, there.connection) == ("h2-eth0", number)
    assert flows.at_sender("h7", local, remote, 0) == (None, None)


def test_places_behind_the_last_are_null() -> None:
    assert at_or_null(np.array([5, 6]), np.array([1, 2])).to_list() == [6, None]
