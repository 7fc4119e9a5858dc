"""Closed lists: each is a type of columns, without a name twice, and used."""

from __future__ import annotations

from netemu.recording.kinds import ENUMS
from netemu.recording.tables import TABLES


def test_no_list_names_a_thing_twice() -> None:
    assert all(len(set(names)) == len(names) > 1 for names in ENUMS.values())


def test_every_list_is_the_type_of_a_column() -> None:
    used = {kind for schema in TABLES.values() for kind, _ in schema.values()}
    assert set(ENUMS) <= used
