"""Rows about sending and loss name fields that profiles have."""

from __future__ import annotations

from netemu.stack.eras import ERAS, PROFILES
from netemu.stack.eras_send import ROWS


def test_rows_make_the_profiles() -> None:
    for field, values, release, source, what in ROWS:
        assert len(values) == len(ERAS)
        assert [getattr(PROFILES[era], field) for era in ERAS] == list(values)
        assert release
        assert ": " in source
        assert what
