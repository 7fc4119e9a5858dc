"""Rings of outstanding segments, against plain lists."""

from __future__ import annotations

import bisect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.trace import state as state_module
from netemu.trace.compiled import entry
from netemu.trace.layout import MAX_RING, flow_at, segment_at, state_at
from netemu.trace.segments import find, insert, outstanding, pool_is_crowded, pool_is_low, pop_front
from netemu.trace.state import State


@entry
def _put(state: int, flow: int, k: int, start: int, sacked: int) -> bool:
    st_ = state_at(state, 0)
    if pool_is_low(st_):
        return False
    f = flow_at(st_.flows, flow)
    s = segment_at(st_.segments, insert(st_, f, k))
    s.start, s.end, s.sacked = start, start + 1, sacked
    f.sacked_count += sacked
    return True


@entry
def _pop(state: int, flow: int) -> None:
    st_ = state_at(state, 0)
    pop_front(st_, flow_at(st_.flows, flow))


@entry
def _find(state: int, flow: int, offset: int) -> int:
    st_ = state_at(state, 0)
    return find(st_, flow_at(st_.flows, flow), offset)


@entry
def _look(state: int, flow: int, k: int) -> tuple[int, int, int]:
    st_ = state_at(state, 0)
    s = outstanding(st_, flow_at(st_.flows, flow), k)
    return s.start, s.end, s.ts_val


@entry
def _is_crowded(state: int) -> bool:
    return pool_is_crowded(state_at(state, 0))


class Rings:
    """Two flows that share one pool."""

    def __init__(self) -> None:
        self.state = State(1)

    def put(self, flow: int, k: int, start: int, sacked: bool = False) -> None:
        while not _put(self.state.address, flow, k, start, int(sacked)):
            self.state.grow()

    def pop(self, flow: int) -> None:
        _pop(self.state.address, flow)

    def find(self, flow: int, offset: int) -> int:
        return _find(self.state.address, flow, offset)

    def row(self, flow: int) -> Any:
        return self.state.tables["flows"][flow]

    def content(self, flow: int) -> list[int]:
        found = [_look(self.state.address, flow, k) for k in range(int(self.row(flow)["ring_count"]))]
        assert all(end == start + 1 and ts_val == -1 for start, end, ts_val in found)
        return [start for start, _, _ in found]


@pytest.fixture(scope="module", autouse=True)
def _compiled_once() -> None:
    rings = Rings()
    rings.put(0, 0, 1)
    assert rings.content(0) == [1] and rings.find(0, 0) == 0
    rings.pop(0)


Operation = tuple[str, int, int]
OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 1), st.integers(0, 500)),
        st.tuples(st.just("pop"), st.integers(0, 1), st.just(0)),
    ),
    max_size=200,
)


@given(OPERATIONS, st.integers(-2, 502))
def test_rings_hold_what_sorted_lists_hold(operations: list[Operation], offset: int) -> None:
    rings, model = Rings(), ([], [])  # type: tuple[Rings, tuple[list[int], list[int]]]
    for kind, flow, start in operations:
        if kind == "put" and start not in model[flow]:
            k = bisect.bisect(model[flow], start)
            rings.put(flow, k, start)
            model[flow].insert(k, start)
        elif kind == "pop" and model[flow]:
            rings.pop(flow)
            del model[flow][0]
    for flow in (0, 1):
        assert rings.content(flow) == model[flow]
        assert rings.find(flow, offset) == sum(start + 1 <= offset for start in model[flow])
        assert (rings.row(flow)["ring_capacity"] == 0) == (not model[flow])


def test_memory_is_given_back_and_used_again() -> None:
    rings = Rings()
    used = set()
    for _ in range(5):
        for flow in (0, 1):
            for k in range(300):
                rings.put(flow, k, k)
            while rings.row(flow)["ring_count"]:
                rings.pop(flow)
        used.add(rings.state["segment_count"])
    assert len(used) == 1


def test_sacked_segments_leave_the_count_when_they_leave_the_ring() -> None:
    rings = Rings()
    for k in range(4):
        rings.put(0, k, k, sacked=k % 2 == 1)
    counts = []
    for _ in range(4):
        rings.pop(0)
        counts.append(int(rings.row(0)["sacked_count"]))
    assert counts == [2, 1, 1, 0]


def test_beyond_the_largest_ring_the_oldest_are_forgotten() -> None:
    rings = Rings()
    for k in range(MAX_RING + 3):
        rings.put(0, min(k, MAX_RING), k)
    assert rings.row(0)["ring_count"] == MAX_RING
    assert rings.find(0, 0) == 0
    assert _look(rings.state.address, 0, 0)[0] == 3
    assert _look(rings.state.address, 0, MAX_RING - 1)[0] == MAX_RING + 2


def test_where_the_pool_ends_rings_stop_growing_and_flows_without_one_still_get_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_module, "MAX_SEGMENTS", 2000)
    rings = Rings()
    for k in range(3000):
        for flow in range(3):
            rings.put(flow, int(rings.row(flow)["ring_count"]), k)
    sizes = [int(rings.row(flow)["ring_capacity"]) for flow in range(3)]
    assert sum(sizes) <= 2000 - 512 and max(sizes) >= 256
    for flow, size in enumerate(sizes):
        assert rings.content(flow) == list(range(3000 - size, 3000))
    assert rings.state["forgotten"] == 9000 - sum(sizes)
    flow = 3
    while not _is_crowded(rings.state.address):
        for k in range(20):
            rings.put(flow, int(rings.row(flow)["ring_count"]), k)
        assert rings.content(flow) in (list(range(4, 20)), list(range(20)))
        flow += 1
    assert flow > 3 and rings.state["segment_count"] <= 2000
    for one in range(flow):
        while rings.row(one)["ring_count"]:
            rings.pop(one)
    assert rings.state["free_segments"] == rings.state["segment_count"]
    assert not _is_crowded(rings.state.address)
