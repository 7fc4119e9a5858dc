"""The table ``icmp_messages``: one row for each type and code between two addresses."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.path_tables import ICMP_MESSAGES
from netemu.trace.tables import polars_schema
from tests.trace.build import Talk, write_pcap
from tests.trace.observe.packets import B, echo, table
from tests.trace.test_track import report


def test_types_and_directions_are_told_apart(tmp_path: Path) -> None:
    records = [echo(0, 1), echo(5, 1, reply=True, source=B, destination="10.0.0.1"), echo(9, 2)]
    found = table(tmp_path, records, "icmp_messages")
    assert found.schema == polars_schema(ICMP_MESSAGES)
    assert found.select("source", "type", "code", "packets", "answered", "lost", "min_gap_ns").rows() == [
        ("10.0.0.1", 8, 0, 2, 1, 1, 9_000_000),
        ("10.0.0.2", 0, 0, 1, None, None, None),
    ]


def test_errors_are_counted_here_too(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    talk.say(20, "a", 1, 1, 1448)
    report(talk, 21, 1400, 1)
    found = table(tmp_path, talk.records, "icmp_messages")
    assert found.select("type", "code", "packets", "min_rtt_ns").rows() == [(3, 4, 1, None)]
    assert write_pcap(tmp_path / "none.pcap", talk.records[:3]).exists()
