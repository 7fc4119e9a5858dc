"""Descriptors: the lowest free number, and EBADF."""

from __future__ import annotations

import errno

import pytest

from netemu.stack.fdtable import FIRST_FD, FileTable
from netemu.stack.task import KernelError


def test_the_lowest_free_number_is_given() -> None:
    table = FileTable()
    assert [table.install(name) for name in "abc"] == [FIRST_FD, FIRST_FD + 1, FIRST_FD + 2]
    assert table.remove(FIRST_FD + 1) == "b"
    assert table.install("d") == FIRST_FD + 1
    assert sorted(table) == ["a", "c", "d"]
    assert table.get(FIRST_FD + 2) == "c"


def test_what_is_not_open_is_ebadf() -> None:
    table = FileTable()
    for call in (table.get, table.remove):
        with pytest.raises(KernelError) as caught:
            call(7)
        assert caught.value.errno == errno.EBADF
