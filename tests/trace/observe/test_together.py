"""Three observers that share one way through the packets give the tables that they would give alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.recording.tables import TABLES
from netemu.trace import analyze, engine
from netemu.trace.column import frame_of
from netemu.trace.engine import Reader
from netemu.trace.observe.together import Together
from netemu.trace.tables import polars_schema
from tests.trace.build import write_pcap
from tests.trace.observe.senders import clocked


def test_every_table_has_its_schema_also_where_a_chunk_gives_no_row(tmp_path: Path) -> None:
    reader = Reader(write_pcap(tmp_path / "talk.pcap", clocked([2, 4]).records))
    observer = Together(reader)
    given = [observer.take(chunk, 0) for chunk in reader.chunks()]
    given.append(observer.end(0))
    assert set(given[-1]) == set(Together.tables)
    for tables in given:
        for name, rows in tables.items():
            assert frame_of(rows, TABLES[name]).schema == polars_schema(TABLES[name]), name


def test_rows_do_not_depend_on_the_size_of_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_pcap(tmp_path / "talk.pcap", clocked([2, 4, 8, 16, 17, 18]).records)
    whole = analyze([path])
    monkeypatch.setattr(engine, "CHUNK_ROWS", 7)
    pieces = analyze([path])
    for name in Together.tables:
        assert pieces.tables[name].equals(whole.tables[name]), name
    assert whole.tables["sender"].height > 5
