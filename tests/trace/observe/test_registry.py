"""The list of observers."""

from __future__ import annotations

from netemu.recording.tables import PACKET_TABLES, TABLES
from netemu.trace.observe.registry import OBSERVERS


def test_every_observer_has_tables_of_its_own_among_those_of_packets() -> None:
    tables = [table for kind in OBSERVERS for table in kind.tables]
    assert len(set(tables)) == len(tables)
    assert set(tables) <= set(PACKET_TABLES) <= set(TABLES)
