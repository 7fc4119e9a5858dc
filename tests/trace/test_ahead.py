"""An iterator in a thread: the same items, errors in their turn, a clean stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from netemu.trace.ahead import ahead


def counted(made: list[int], stop: int = 10**9) -> Iterator[int]:
    for number in range(stop):
        made.append(number)
        yield number


@pytest.mark.parametrize("depth", [1, 2, 7])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_items_come_in_order_and_end(depth: int, count: int) -> None:
    assert list(ahead(counted([], count), depth)) == list(range(count))


def test_items_are_made_in_another_thread() -> None:
    where: list[int] = []

    def told() -> Iterator[int]:
        where.append(threading.get_ident())
        yield 1

    assert list(ahead(told(), 1)) == [1]
    assert where != [threading.get_ident()]


def test_what_the_iterator_raises_comes_after_its_items() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("third")

    items = ahead(failing(), 3)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(items)


def test_no_more_than_depth_are_made_unasked_and_none_after_a_stop() -> None:
    made: list[int] = []
    items = ahead(counted(made), 2)
    assert next(items) == 0
    items.close()
    # one given, two ahead of it
    assert len(made) <= 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
