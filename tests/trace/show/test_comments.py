"""One line for a person who reads the capture packet by packet."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from netemu.trace.show.comments import comments_of, icmp_comments
from tests.trace.build import ACK
from tests.trace.show.scenes import lossy


def test_plain_packets_have_none_and_a_timeout_says_so(tmp_path: Path) -> None:
    assert comments_of(lossy().analyse(tmp_path).packets) == {
        7: "netemu: retransmission: the retransmission timer had fired"
    }


def test_flags_and_windows_are_named(tmp_path: Path) -> None:
    talk = lossy()
    talk.say(320, "a", 1, 1, 1000)
    talk.say(321, "b", 1, 3001, window=0)
    talk.say(322, "a", 3001, 1, flags=ACK | 4, window=0)  # the window of a RST means nothing
    found = comments_of(talk.analyse(tmp_path).packets)
    assert "spurious: these bytes had arrived" in found[9] and found[10].endswith("zero window") and 11 not in found


def test_a_column_that_is_neither_field_nor_flag_is_evidence(tmp_path: Path) -> None:
    packets = lossy().analyse(tmp_path).packets.with_columns(waited_ns=pl.lit(280_000_000))
    assert comments_of(packets)[7].endswith("timer had fired; waited_ns 280000000")


def test_kinds_of_acks_that_mean_something(tmp_path: Path) -> None:
    packets = lossy().analyse(tmp_path).packets
    kinds = pl.when(pl.col("frame") == 8).then(pl.lit("window_update")).otherwise(pl.lit("delayed"))
    assert comments_of(packets.with_columns(ack_kind=kinds))[8] == "netemu: window update ACK"


def test_icmp_errors_name_mtu_and_connection() -> None:
    rows = [(5, "fragmentation_needed", 1400, 2, 0), (6, "3/1", None, -1, -1)]
    icmp = pl.DataFrame(rows, ["frame", "kind", "mtu_bytes", "connection", "direction"], orient="row")
    assert icmp_comments(icmp) == {
        5: "netemu: ICMP fragmentation needed, MTU 1400, quotes connection 2 a_to_b",
        6: "netemu: ICMP 3/1",
    }
