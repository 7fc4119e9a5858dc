from __future__ import annotations

import polars as pl
import pytest

from netemu.errors import BadInput
from netemu.figures import RunTables
from netemu.figures.flight import changes, flight_and_window, sender_samples
from netemu.figures.selection import select
from tests.figures.traces import MS, MSS, Trace, handshake, run_of

ALWAYS = (0, 2**62)


def test_flight_is_sent_minus_acknowledged_after_each_packet() -> None:
    trace = Trace()
    handshake(trace)
    for index in range(3):
        trace.send(41 + index)
    trace.ack(82, 1 + 2 * MSS, window=9_000)
    trace.send(83, at=1 + 2 * MSS, kind="fast")  # resent: nothing new is in flight
    trace.ack(84, 1, window=9_000)  # an old ACK that comes late takes nothing back
    run = run_of(trace.finish())
    rows = flight_and_window(run, select(run), ALWAYS)
    assert rows["flight"].to_list() == [None, 0, 0, MSS, 2 * MSS, 3 * MSS, MSS, MSS, MSS]
    assert rows["window_bytes"].to_list() == [None, *[65_536] * 5, 9_000, 9_000, 9_000]


def test_what_came_before_the_span_counts(run: RunTables) -> None:
    rows = flight_and_window(run, select(run), (100 * MS, 101 * MS))
    assert rows.height > 0
    assert rows["flight"].min() > 10 * MSS


def test_an_empty_span_is_refused(run: RunTables) -> None:
    with pytest.raises(BadInput, match="no packet of"):
        flight_and_window(run, select(run), (10**12, 10**12 + 1))


def test_samples_are_those_of_the_senders_socket(run: RunTables) -> None:
    rows = sender_samples(run, select(run), ALWAYS)
    assert rows is not None and set(rows["local"]) == {"10.0.0.1:40000"}
    assert sender_samples(run, select(run, direction="b_to_a"), ALWAYS) is None


def test_samples_that_tell_nothing_of_the_transfer_are_left_out(frames: dict[str, pl.DataFrame]) -> None:
    first, last = pl.col("t_ns") == 0, pl.col("t_ns") == 900 * MS
    frames["sockets"] = frames["sockets"].with_columns(
        state=pl.when(first).then(pl.lit("SYN_SENT")).when(last).then(pl.lit("TIME_WAIT")).otherwise("state"),
        busy_ns=pl.when(~last).then("busy_ns"),
    )
    run = run_of(frames)
    rows = sender_samples(run, select(run), ALWAYS)
    assert rows is not None and set(rows["state"]) == {"ESTABLISHED"} and rows.height == 179


def test_a_step_line_keeps_where_it_steps_and_where_it_ends() -> None:
    rows = pl.DataFrame({"t_ns": range(7), "v": [1, 1, None, None, 2, 2, 2]})
    assert changes(rows, "v")["t_ns"].to_list() == [0, 2, 4, 6]
    assert changes(rows[:1], "v").height == 1
