"""What is compared does not hold anything that differs between two equal runs."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netemu.compare.fields import ABSENT, FIELDS
from tests.compare.runs_by_hand import packets_of, renumbered, stamped
from tests.figures.traces import bulk_with_loss


def test_other_sequence_numbers_clocks_and_a_wrap_change_nothing(tmp_path: Path) -> None:
    one = packets_of(stamped().finish(), tmp_path / "a")
    two = packets_of(renumbered(stamped(), isn=77, ticks=12_345).finish(), tmp_path / "b")
    columns = [name for name in FIELDS if name != "ts_ecr"]
    assert one.select(columns).equals(two.select(columns))
    assert one["ts_val"].min() == 0
    assert one["ts_val"].max() == 905 - 40  # each end from its own first


def test_the_echo_of_a_syn_and_of_packets_without_the_option_is_absent(tmp_path: Path) -> None:
    assert packets_of(stamped().finish(), tmp_path / "a").row(0, named=True)["ts_ecr"] == ABSENT
    plain = packets_of(bulk_with_loss().finish(), tmp_path / "b")
    assert plain["timestamps"].to_list() == [0] * plain.height
    assert set(plain["ts_val"]) == {ABSENT}


def test_sack_blocks_are_told_in_their_order(tmp_path: Path) -> None:
    trace = bulk_with_loss()
    trace.ack(906.0, 1, sacks=((3000, 4000), (1000, 2000)))
    packets = packets_of(trace.finish(), tmp_path)
    assert packets.filter(pl.col("direction") == 1)["sack"].to_list()[-1] == "3000-4000 1000-2000"


def test_time_counts_from_the_first_packet_of_the_connection_in_any_capture(tmp_path: Path) -> None:
    near, far = bulk_with_loss(), bulk_with_loss()
    for row in near.packets:
        row["t_ns"] += 5_000_000
    for row in far.packets:
        row["t_ns"] += 25_000_000
        row["capture"] = "h2-eth0"
    far.capture = "h2-eth0"
    for rows in (far.sacks, far.rtt):
        for row in rows:
            row["capture"] = "h2-eth0"
    one, two = near.finish(), far.finish()
    both = {name: pl.concat([one[name], two[name]]) for name in one}
    packets = packets_of(both, tmp_path)
    first = packets.group_by("capture").agg(pl.col("time").min()).sort("capture")["time"].to_list()
    assert first == [0, 20_000_000]


def test_options_of_a_syn_stand_at_the_syn_alone(tmp_path: Path) -> None:
    frames = bulk_with_loss().finish()
    frames["connections"] = frames["connections"].with_columns(a_mss_announced_bytes=pl.lit(1460, pl.Int64))
    packets = packets_of(frames, tmp_path)
    assert packets.filter(pl.col("mss") == 1460)["flags"].to_list() == [2]
