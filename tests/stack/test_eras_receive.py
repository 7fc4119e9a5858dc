"""Rows about receiving become differences of the eras."""

from __future__ import annotations

from netemu.stack.eras import DIFFERENCES, ERAS, PROFILES
from netemu.stack.eras_receive import ROWS


def test_each_row_is_a_difference_and_a_field_of_every_profile() -> None:
    differences = {row.field: row.values for row in DIFFERENCES}
    for field, values, *_ in ROWS:
        assert differences[field] == values
        assert tuple(getattr(PROFILES[era], field) for era in ERAS) == values


def test_what_came_once_stays() -> None:
    for field, values, *_ in ROWS:
        assert list(values) == sorted(values), field
