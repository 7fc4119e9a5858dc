"""Outstanding segments of each direction: rings of records in one pool, ordered by sequence, compiled.

A ring is allocated with the first payload in flight and given back when everything is acknowledged, so memory
follows what is in flight and not the number of connections. The pool has an end: near it no ring grows, and a ring
that is full forgets its oldest segment for each new one.
"""
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

from netemu.trace.compiled import compiled
from netemu.trace.layout import BATCH, MAX_RING, SEGMENT, segment_at
from netemu.trace.memory import bit_width, i64, set_word, word

_FIRST_RING = 16
_SIZES = 24
_FOR_FIRST_RINGS = BATCH * _FIRST_RING
"""Segments that a batch of packets may need for rings of flows that had none."""
_SEGMENT_WORDS = SEGMENT.itemsize // 8


@compiled
def _size_class(capacity: int) -> int:
    return bit_width(capacity - 1)


@compiled
def _take_free(st: Any, size: int) -> int:
    """A ring of this size class that was given back, or -1."""
    base = word(st.free, size)
    if base >= 0:
        set_word(st.free, size, segment_at(st.segments, base).start)
        st.free_segments -= 1 << size
    return base


@compiled
def _give_free(st: Any, base: int, size: int) -> None:
    segment_at(st.segments, base).start = word(st.free, size)
    set_word(st.free, size, base)
    st.free_segments += 1 << size


@compiled
def _allocate(st: Any, capacity: int) -> int:
    """Room for a ring, a part of a larger one where the pool is used up; -1 where there is none."""
    size = _size_class(capacity)
    base = _take_free(st, size)
    if base >= 0:
        return base
    if st.segment_count + capacity <= st.segment_capacity:
        base = st.segment_count
        st.segment_count = base + capacity
        return base
    larger = size + 1
    while larger < _SIZES and word(st.free, larger) < 0:
        larger += 1
    if larger == _SIZES:
        return -1
    base = _take_free(st, larger)
    while larger > size:
        larger -= 1
        _give_free(st, base + (1 << larger), larger)
    return base


@compiled
def _release(st: Any, base: int, capacity: int) -> None:
    _give_free(st, base, _size_class(capacity))


@compiled
def _left(st: Any) -> int:
    """Segments for which there is room yet."""
    return st.segment_limit - st.segment_count + st.free_segments


@compiled
def pool_is_crowded(st: Any) -> bool:
    """Whether a batch of packets might find no room for the first segments of flows."""
    return _left(st) < _FOR_FIRST_RINGS


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
def _grow(st: Any, f: Any) -> bool:
    """Twice the room for the segments of ``f``; False where the rest of the pool is for those that have none."""
    capacity = max(2 * f.ring_capacity, _FIRST_RING)
    if f.ring_capacity and _left(st) < capacity + _FOR_FIRST_RINGS:
        return False
    base = _allocate(st, capacity)
    if base < 0:
        return False
    for k in range(f.ring_count):
        _copy(st, at(f, k), base + k)
    if f.ring_capacity:
        _release(st, f.ring_base, f.ring_capacity)
    f.ring_base, f.ring_capacity, f.ring_head = base, capacity, 0
    st.max_ring = max(st.max_ring, capacity)
    return True


@compiled
def pool_is_low(st: Any) -> bool:
    """Whether what the next packet takes might need a larger pool: a packet grows at most one ring, once."""
    needed = st.segment_count + max(2 * st.max_ring, _FIRST_RING)
    return min(needed, st.segment_limit) > st.segment_capacity


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
    full = f.ring_count == f.ring_capacity
    if f.ring_count >= MAX_RING or (full and not _grow(st, f)):
        pop_front(st, f)
        k = max(k - 1, 0)
        st.forgotten += 1
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
