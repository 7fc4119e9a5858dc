"""Pairs of packets, and in what the two of a pair differ."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netemu.compare.fields import FIELDS
from netemu.compare.packets import diff_packets, identical_ratio
from tests.compare.runs_by_hand import packets_of, stamped


@pytest.fixture(scope="module")
def packets(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return packets_of(stamped().finish(), tmp_path_factory.mktemp("run") / "run")


def altered(packets: pl.DataFrame, row: int, **values: Any) -> pl.DataFrame:
    here = pl.int_range(pl.len()) == row
    return packets.with_columns(
        pl.when(here).then(pl.lit(value)).otherwise(pl.col(name)).cast(packets.schema[name]).alias(name)
        for name, value in values.items()
    )


def test_equal_packets_do_not_differ(packets: pl.DataFrame) -> None:
    streams = diff_packets(packets, packets)
    assert [stream.stream[1:] for stream in streams] == [("bulk", 1, 0), ("bulk", 1, 1)]
    assert identical_ratio(streams) == 1.0
    assert not any(stream.different.any() for stream in streams)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_is_told_by_its_name(packets: pl.DataFrame, field: str) -> None:
    other = "7-9" if field == "sack" else packets[field][20] + 1
    (stream, _) = diff_packets(packets, altered(packets, 20, **{field: other}))
    assert (stream.altered, stream.only_a, stream.only_b) == (1, 0, 0)
    assert stream.names(int(stream.different.argmax())) == (field,)
    assert stream.pairs[int(stream.different.argmax())].tolist() == [20, 20]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_ignored_is_not_told(packets: pl.DataFrame, field: str) -> None:
    other = "7-9" if field == "sack" else packets[field][20] + 1
    assert identical_ratio(diff_packets(packets, altered(packets, 20, **{field: other}), ignore=[field])) == 1.0


@pytest.mark.parametrize(("tolerance_ns", "ratio_is_one"), [(0, False), (999, False), (1000, True), (None, True)])
def test_times_may_differ_by_the_tolerance(packets: pl.DataFrame, tolerance_ns: int | None, ratio_is_one: bool) -> None:
    later = packets.with_columns(time=pl.col("time") + 1000)
    assert (identical_ratio(diff_packets(packets, later, tolerance_ns=tolerance_ns)) == 1.0) is ratio_is_one


def test_timestamps_may_differ_by_the_tolerance_in_whole_ticks(packets: pl.DataFrame) -> None:
    later = packets.with_columns(ts_val=pl.col("ts_val") + 1)
    assert identical_ratio(diff_packets(packets, later, tolerance_ns=0)) < 1.0
    assert identical_ratio(diff_packets(packets, later, tolerance_ns=1)) == 1.0


def test_a_connection_that_is_missing_is_every_packet_of_it(packets: pl.DataFrame) -> None:
    streams = diff_packets(packets, packets.clear())
    assert sum(stream.only_a for stream in streams) == packets.height
    assert identical_ratio(streams) == 0.0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_packets_that_are_missing_on_a_side_are_found_and_nothing_else(
    packets: pl.DataFrame, data: st.DataObject
) -> None:
    rows = st.sets(st.integers(0, packets.height - 1), max_size=6)
    gone, side = data.draw(rows), data.draw(st.booleans())
    rest = packets.filter(~pl.int_range(pl.len()).is_in(list(gone)))
    # A segment and its copy differ in time alone: which of the two is missing no alignment of packets can tell.
    pair = (rest, packets) if side else (packets, rest)
    streams = diff_packets(*pair, tolerance_ns=None)
    alone = [(stream.only_b, stream.only_a) if side else (stream.only_a, stream.only_b) for stream in streams]
    assert sum(one for one, _ in alone) == len(gone)
    assert sum(other for _, other in alone) == 0
    assert sum(stream.altered for stream in streams if stream.stream[3] == 0) == 0


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_altered_windows_are_found_and_nothing_else(packets: pl.DataFrame, data: st.DataObject) -> None:
    rows = data.draw(st.sets(st.integers(0, packets.height - 1), max_size=9))
    here = pl.int_range(pl.len()).is_in(list(rows))
    other = packets.with_columns(window=pl.when(here).then(pl.col("window") + 10**9).otherwise("window"))
    streams = diff_packets(packets, other)
    assert sum(int(stream.different.sum()) for stream in streams) == len(rows)
