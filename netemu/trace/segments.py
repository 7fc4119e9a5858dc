"""Outstanding segments of each direction: rings of records in one pool, ordered by sequence, compiled.

A ring is allocated with the first payload in flight and given back when everything is acknowledged, so memory
follows what is in flight and not the number of connections.
"""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.layout import MAX_RING, SEGMENT, segment_at
from netemu.trace.memory import i64, set_word, word

_FIRST_RING = 16
_SEGMENT_WORDS = SEGMENT.itemsize // 8


@compiled
def _size_class(capacity: int) -> int:
    size = 0
    while (1 << size) < capacity:
        size += 1
    return size


@compiled
def _allocate(st: Any, capacity: int) -> int:
    size = _size_class(capacity)
    base = word(st.free, size)
    if base >= 0:
        set_word(st.free, size, segment_at(st.segments, base).start)
        return base
    base = st.segment_count
    st.segment_count = base + capacity
    return base


@compiled
def _release(st: Any, base: int, capacity: int) -> None:
    size = _size_class(capacity)
    segment_at(st.segments, base).start = word(st.free, size)
    set_word(st.free, size, base)


@compiled
def release_ring(st: Any, f: Any) -> None:
    """Forget all outstanding segments of ``f``."""
    if f.ring_capacity:
        _release(st, f.ring_base, f.ring_capacity)
        f.ring_base, f.ring_capacity, f.ring_head, f.ring_count = i64(-1), i64(0), i64(0), i64(0)


@compiled
def at(f: Any, k: int) -> int:
    """Pool index of the ``k``-th outstanding segment of flow ``f``, the oldest being 0."""
    return f.ring_base + ((f.ring_head + k) & (f.ring_capacity - 1))


@compiled
def _copy(st: Any, source: int, target: int) -> None:
    for i in range(_SEGMENT_WORDS):
        set_word(st.segments, target * _SEGMENT_WORDS + i, word(st.segments, source * _SEGMENT_WORDS + i))


@compiled
def outstanding(st: Any, f: Any, k: int) -> Any:
    """The ``k``-th outstanding segment of flow ``f``."""
    return segment_at(st.segments, at(f, k))


@compiled
def _grow(st: Any, f: Any) -> None:
    capacity = max(2 * f.ring_capacity, _FIRST_RING)
    base = _allocate(st, capacity)
    for k in range(f.ring_count):
        _copy(st, at(f, k), base + k)
    if f.ring_capacity:
        _release(st, f.ring_base, f.ring_capacity)
    f.ring_base, f.ring_capacity, f.ring_head = base, capacity, 0
    st.max_ring = max(st.max_ring, capacity)


@compiled
def pool_is_low(st: Any) -> bool:
    """Whether the pool might not hold what the next packet takes: a packet grows at most one ring, once."""
    return st.segment_count + max(2 * st.max_ring, _FIRST_RING) > st.segment_capacity


@compiled
def pop_front(st: Any, f: Any) -> None:
    """Forget the oldest outstanding segment, and the ring itself when nothing is left."""
    s = outstanding(st, f, 0)
    if s.sacked:
        f.sacked_count -= 1
    f.ring_head = (f.ring_head + 1) & (f.ring_capacity - 1)
    f.ring_count -= 1
    if f.ring_count == 0:
        _release(st, f.ring_base, f.ring_capacity)
        f.ring_base, f.ring_capacity, f.ring_head = -1, 0, 0


@compiled
def insert(st: Any, f: Any, k: int) -> int:
    """Make room for a segment at position ``k`` and return its pool index; the shorter side is moved."""
    if f.ring_count >= MAX_RING:
        pop_front(st, f)
        k = max(k - 1, 0)
    if f.ring_count == f.ring_capacity:
        _grow(st, f)
    if k < f.ring_count - k:
        f.ring_head = (f.ring_head - 1) & (f.ring_capacity - 1)
        for i in range(k):
            _copy(st, at(f, i + 1), at(f, i))
    else:
        for i in range(f.ring_count, k, -1):
            _copy(st, at(f, i - 1), at(f, i))
    f.ring_count += 1
    index = at(f, k)
    s = segment_at(st.segments, index)
    s.start = s.end = s.first_ns = s.sent_ns = s.sacked = s.retransmitted = s.gap = i64(0)
    s.event = s.ts_val = s.ip_id = s.row = i64(-1)
    return index


@compiled
def find(st: Any, f: Any, offset: int) -> int:
    """Position of the first outstanding segment that ends after ``offset``; ``f.ring_count`` when there is none."""
    low, high = i64(0), i64(f.ring_count)
    while low < high:
        middle = (low + high) >> 1
        if outstanding(st, f, middle).end > offset:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def unwrap(f: Any, number: int, near: int) -> int:
    """A 32-bit sequence number of flow ``f`` as the offset closest to ``near``."""
    distance = (number - f.isn - near) & 0xFFFFFFFF
    return near + (distance if distance < 0x80000000 else distance - 0x100000000)
