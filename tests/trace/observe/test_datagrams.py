"""The table ``datagrams``: one row for each flow, with rates and gaps."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.path_tables import DATAGRAMS
from netemu.trace.tables import polars_schema
from tests.trace.build import MS
from tests.trace.observe.packets import A6, B6, fragments, numbered, table, udp


def test_flows_are_told_apart_by_addresses_and_ports(tmp_path: Path) -> None:
    records = [udp(0, b"x"), udp(1, b"x", ports=(4001, 5001)), udp(2, b"xy", source=A6, destination=B6), udp(3, b"x")]
    found = table(tmp_path, records, "datagrams")
    assert found.schema == polars_schema(DATAGRAMS)
    assert found.select("source", "destination", "packets", "payload_bytes").rows() == [
        ("10.0.0.1:4000", "10.0.0.2:5001", 2, 2),
        ("10.0.0.1:4001", "10.0.0.2:5001", 1, 1),
        ("[fd00::1]:4000", "[fd00::2]:5001", 1, 2),
    ]


def test_rate_and_gaps(tmp_path: Path) -> None:
    records = [udp(t_ms, bytes(1000)) for t_ms in (0, 1, 3, 10)]
    row = table(tmp_path, records, "datagrams").to_dicts()[0]
    assert row["rate_bps"] == 3 * 8000 / 0.01
    gaps = [row[f"{name}_gap_ns"] for name in ("min", "mean", "max")]
    assert gaps == [MS, 10 * MS // 3, 7 * MS] and row["max_gap_at_ns"] == 3 * MS


def test_a_single_datagram_has_no_rate_and_no_gap(tmp_path: Path) -> None:
    row = table(tmp_path, [numbered(5, 0)], "datagrams").to_dicts()[0]
    assert [row[name] for name in ("rate_bps", "min_gap_ns", "mean_gap_ns", "max_gap_ns", "max_gap_at_ns")] == [
        None
    ] * 5
    assert (row["numbered"], row["lost"], row["longest_gap_ns"]) == (1, 0, None)


def test_a_fragmented_datagram_counts_once_with_all_its_payload(tmp_path: Path) -> None:
    row = table(tmp_path, fragments(0, 9, [1480, 1480, 48]), "datagrams").to_dicts()[0]
    assert (row["packets"], row["payload_bytes"], row["ip_bytes"]) == (1, 3000, 1500)
