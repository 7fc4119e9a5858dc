"""The schemas of paths, windows and datagrams are among all the others, and their values are closed lists."""

from __future__ import annotations

from netemu.recording import path_tables
from netemu.recording.kinds import ENUMS
from netemu.recording.tables import PACKET_TABLES, TABLES

NAMES = ("path_mtu", "windows", "datagrams", "datagram_gaps", "icmp_messages", "rates", "fragments")


def test_each_is_a_table_that_packets_alone_give() -> None:
    for name in NAMES:
        assert TABLES[name] is getattr(path_tables, name.upper())
        assert name in PACKET_TABLES


def test_kinds_are_types_of_their_own() -> None:
    used = {kind for name in NAMES for kind, _ in TABLES[name].values()} & set(ENUMS)
    assert used == {"path_mtu_cause", "window_kind", "window_end", "stall_cause"}
