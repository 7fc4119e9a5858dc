"""Compiling ahead of the first capture."""

from __future__ import annotations

import pytest

from netemu.trace.compiled import cache_directory
from netemu.trace.warm import main


def test_the_machine_code_is_there_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert str(cache_directory()) in capsys.readouterr().out
    assert list(cache_directory().rglob("*.nbc"))
