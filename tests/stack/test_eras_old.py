"""Rows about what is gone name fields that profiles have, and no newer era has any of it."""

from __future__ import annotations

from netemu.stack.eras import ERAS, PROFILES
from netemu.stack.eras_old import ROWS


def test_rows_make_the_profiles() -> None:
    for field, values, release, source, what in ROWS:
        assert len(values) == len(ERAS)
        assert [getattr(PROFILES[era], field) for era in ERAS] == list(values)
        assert any(values[:3]) and not any(values[3:])
        assert release
        assert ": " in source
        assert what
