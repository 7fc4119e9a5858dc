"""The table ``fragments``: one row for each protocol between two addresses."""

from __future__ import annotations

from pathlib import Path

from netemu.recording.path_tables import FRAGMENTS
from netemu.trace.tables import polars_schema
from tests.trace.build import Talk
from tests.trace.observe.packets import fragments, table


def test_one_row_for_each_pair_of_addresses(tmp_path: Path) -> None:
    records = [*fragments(0, 7, [1480, 48]), *fragments(1, 7, [1440, 48], six=True), *fragments(2, 8, [1480, 48])]
    found = table(tmp_path, records, "fragments")
    assert found.schema == polars_schema(FRAGMENTS)
    assert found.select("source", "protocol", "packets", "fragments", "largest_bytes").rows() == [
        ("10.0.0.1", 17, 2, 4, 1500),
        ("fd00::1", 17, 1, 2, 1488),
    ]


def test_a_capture_without_fragments_has_no_row(tmp_path: Path) -> None:
    talk = Talk()
    talk.handshake()
    assert table(tmp_path, talk.records, "fragments").is_empty()
