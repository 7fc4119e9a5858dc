"""An iterator run in a thread of its own, some items ahead of who takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class _End:
    """What comes after the last item."""


_END = _End()


def ahead(items: Iterator[T], depth: int) -> Generator[T]:
    """The items of ``items`` in order, at most ``depth`` of them made before they are asked for.

    What the iterator raises is raised here, in its turn. When the caller stops early, the item being made is finished
    and no other is begun.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ahead") as worker:
        made: deque[Future[T | _End]] = deque(worker.submit(next, items, _END) for _ in range(depth))
        try:
            while not isinstance(item := made.popleft().result(), _End):
                made.append(worker.submit(next, items, _END))
                yield item
        finally:
            worker.shutdown(cancel_futures=True)
