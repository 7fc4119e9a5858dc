"""Tables that grow where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netemu.trace.layout import words
from netemu.trace.reserved import Table, reserved

PAIR = words("a b")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_it_is_zero_and_takes_no_memory_before_it_is_written_to() -> None:
    before = resident_bytes()
    table = reserved(100_000_000, np.int64)
    assert table.size == 100_000_000 and table[-1] == table[0] == 0
    assert resident_bytes() - before < 50_000_000
    table[5_000_000:10_000_000] = 1
    assert 30_000_000 < resident_bytes() - before < 150_000_000


@pytest.mark.parametrize("most", [3, 1_000_000])
def test_rows_stay_when_it_grows(most: int) -> None:
    table = Table(4, PAIR, most)
    table.array["b"] = [1, 2, 3, 4]
    for rows in (5, 300_000, 2_000_000):
        table.grow(rows)
        assert table.array.size >= rows
        assert table.array["b"][:4].tolist() == [1, 2, 3, 4]
        assert int(table.array["b"].sum()) == 10 and not table.array["a"].any()


def test_it_doubles_up_to_the_most_and_lies_where_it_lay() -> None:
    table = Table(1 << 19, PAIR, (1 << 20) - 5)
    table.grow((1 << 19) + 1)
    assert table.array.size == (1 << 20) - 5
    place = table.array.ctypes.data
    table.grow(10)
    assert table.array.size == (1 << 20) - 5
    small = Table(10, PAIR, 1 << 20)
    place = small.array.ctypes.data
    for rows in (11, 21, 100_000):
        small.grow(rows)
        assert small.array.ctypes.data == place
    small.grow((1 << 20) + 1)
    assert small.array.size == (1 << 20) + 1
