"""The list of observers."""

from __future__ import annotations

from pathlib import Path

import pytest

from netemu.recording.tables import PACKET_TABLES, TABLES
from netemu.trace import analyze, engine
from netemu.trace.observe import keys
from netemu.trace.observe.registry import OBSERVERS
from tests.trace.build import write_pcap
from tests.trace.observe.packets import echo, fragments, numbered


def test_every_observer_has_tables_of_its_own_among_those_of_packets() -> None:
    tables = [table for kind in OBSERVERS for table in kind.tables]
    assert len(set(tables)) == len(tables)
    assert set(tables) <= set(PACKET_TABLES) <= set(TABLES)


def test_more_than_are_kept_make_further_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_RECORDS", 3)
    monkeypatch.setattr(engine, "CHUNK_ROWS", 8)
    records = [numbered(k, k, ports=(4000 + k % 5, 5001)) for k in range(40)]
    records += [echo(100 + k, k, source=f"10.0.1.{k % 5}") for k in range(40)]
    records += [one for k in range(20) for one in fragments(200 + k, 1 + k, [800, 100])]
    found = analyze([write_pcap(tmp_path / "many.pcap", records)])
    for name, packets in (("datagrams", 40), ("icmp_messages", 40), ("fragments", 20)):
        assert found.tables[name]["packets"].sum() >= packets, name
    assert found.tables["rates"]["packets"].sum() == 40 + 40 + 20
    assert found.tables["datagrams"].height > 6 and found.tables["icmp_messages"].height > 5
