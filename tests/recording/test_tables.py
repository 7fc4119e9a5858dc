"""The schemas: names that say their unit, types that exist, meanings that are written down."""

from __future__ import annotations

import re

import pytest

from netemu.recording.tables import CONNECTION_SIDE, CONNECTIONS, ENUMS, PACKETS, SEGMENT_KINDS, TABLES

TYPES = {"str", "bool", "i8", "i32", "i64", "u8", "u16", "u32", "f64"}


@pytest.mark.parametrize("table", TABLES)
def test_names_types_and_meanings(table: str) -> None:
    for column, (kind, meaning) in TABLES[table].items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column)
        assert kind in TYPES or kind in ENUMS
        assert meaning.strip() == meaning and len(meaning) > 2


def test_times_are_integers_of_nanoseconds() -> None:
    for schema in TABLES.values():
        for column, (kind, _) in schema.items():
            if column.endswith("_ns"):
                assert kind == "i64"
            assert not re.search(r"_(ms|us|sec|seconds|kb|mb|mbps|kbps)$", column)


def test_both_sides_of_a_connection_have_the_same_columns() -> None:
    for name, column in CONNECTION_SIDE.items():
        assert CONNECTIONS[f"a_{name}"] == CONNECTIONS[f"b_{name}"] == column


def test_the_classes_of_retransmissions_are_those_of_the_kinds() -> None:
    """The closed list: what a connection counts by class is what a packet can be."""
    counted = {name.removeprefix("retransmits_") for name in CONNECTION_SIDE if name.startswith("retransmits_")}
    assert counted == set(SEGMENT_KINDS[2:8])
    for names in ENUMS.values():
        assert len(set(names)) == len(names)


def test_every_table_of_packets_says_which_packet() -> None:
    assert {"capture", "frame", "t_ns", "connection", "direction"} <= PACKETS.keys()
