from __future__ import annotations

from typing import Any

import polars as pl

from netemu.figures.limits import Interval, limits_from_packets, limits_from_samples
from tests.figures.traces import frame_of, socket_samples


def samples(*rows: dict[str, Any]) -> pl.DataFrame:
    """Samples 5 ns apart of a sender with ten segments of congestion window."""
    base = {"snd_cwnd_segments": 10}
    return frame_of("sockets", [{"t_ns": 5 * index, **base, **row} for index, row in enumerate(rows)])


def test_the_kernels_own_account_comes_first() -> None:
    rows = samples(
        {},
        {"busy_ns": 4, "rwnd_limited_ns": 4},
        {"busy_ns": 8, "rwnd_limited_ns": 4, "sndbuf_limited_ns": 4, "notsent_bytes": 9},
    )
    assert limits_from_samples(rows) == [Interval("rwnd", 0, 5), Interval("sndbuf", 5, 10)]


def test_an_account_of_less_than_half_decides_nothing() -> None:
    rows = samples({}, {"busy_ns": 12, "rwnd_limited_ns": 4, "notsent_bytes": 1})
    assert limits_from_samples(rows) == [Interval("cwnd", 0, 5)]


def test_unsent_data_or_a_full_congestion_window_is_cwnd() -> None:
    rows = samples(
        {},
        {"busy_ns": 4, "notsent_bytes": 1},
        {"busy_ns": 8, "unacked_segments": 10},
        {"busy_ns": 12, "unacked_segments": 9},
    )
    assert limits_from_samples(rows) == [Interval("cwnd", 0, 10), Interval("application", 10, 15)]


def test_an_account_that_has_not_ticked_yet_waits_for_the_next_sample() -> None:
    waiting = {"notsent_bytes": 9, "busy_ns": 4, "rwnd_limited_ns": 4}
    ticked = {"notsent_bytes": 9, "busy_ns": 8, "rwnd_limited_ns": 8}
    rows = samples({"notsent_bytes": 9}, waiting, waiting, ticked)
    assert limits_from_samples(rows) == [Interval("rwnd", 0, 15)]


def test_equal_neighbours_are_joined_and_one_sample_says_nothing() -> None:
    assert limits_from_samples(samples({}, {}, {}, {})) == [Interval("application", 0, 15)]
    assert limits_from_samples(samples({})) == []
    assert limits_from_samples(samples()) == []


def test_the_run_by_hand_goes_through_all_four() -> None:
    found = limits_from_samples(socket_samples())
    assert [interval.limiter for interval in found] == ["rwnd", "sndbuf", "cwnd", "application"]


def test_packets_tell_only_of_the_window() -> None:
    rows = pl.DataFrame(
        {"t_ns": [0, 10, 20, 30], "flight": [None, 500, 1500, 0], "window_bytes": [None, 2000, 2000, 2000]},
        schema={"t_ns": pl.Int64, "flight": pl.Int64, "window_bytes": pl.Int64},
    )
    assert limits_from_packets(rows, 1000) == [Interval("rwnd", 20, 30)]
    assert limits_from_packets(rows, 400) == []
