"""Fields of records by their numbers are those that NumPy takes one by one."""

from __future__ import annotations

import numpy as np
import pytest

from netemu.trace.gather import fields_of
from netemu.trace.layout import words

RECORD = words("a b:i4 c:u4 d:i2 e:u2 f:i1 g:u1")


def records(count: int) -> np.ndarray:  # type: ignore[type-arg]
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, count * RECORD.itemsize, np.uint8).view(RECORD)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 100])
@pytest.mark.parametrize("names", ["a", "f", "a b c d e f g", "g a"])
def test_every_size_and_sign_comes_through_in_the_order_asked_for(count: int, names: str) -> None:
    table = records(50)
    numbers = np.random.default_rng(2).integers(0, 50, count)
    found = fields_of(table, numbers, names.split())
    assert list(found) == names.split()
    for name, column in found.items():
        assert column.dtype == np.int64
        assert column.tolist() == table[name][numbers].tolist(), name


def test_numbers_may_lie_apart_and_be_small() -> None:
    table = records(9)
    numbers = np.arange(9, dtype=np.int32)[::-2]
    assert fields_of(table, numbers, ["a"])["a"].tolist() == table["a"][::-2].tolist()
