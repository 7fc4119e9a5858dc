"""Queues of segments: order, links, and one queue per segment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.stack.skbuff import SkbQueue, SkBuff, TsortedQueue


def _skb(seq: int) -> SkBuff:
    return SkBuff(seq, seq + 1, 0, b"x", 1)


@given(
    st.lists(st.tuples(st.sampled_from(("append", "prepend", "after", "unlink", "pop", "shift")), st.integers(0, 30)))
)
def test_a_queue_is_a_list(steps: list[tuple[str, int]]) -> None:
    queue, model = SkbQueue(), list[SkBuff]()
    for seq, (step, where) in enumerate(steps):
        skb = _skb(seq)
        at = where % len(model) if model else 0
        if step == "append":
            queue.append(skb)
            model.append(skb)
        elif step == "prepend" or (step == "after" and not model):
            queue.prepend(skb)
            model.insert(0, skb)
        elif step == "after":
            queue.insert_after(model[at], skb)
            model.insert(at + 1, skb)
        elif step == "unlink" and model:
            queue.unlink(model.pop(at))
        elif step == "shift" and model:
            other = SkbQueue()
            queue.shift_to(other)
            assert list(other) == [model.pop(0)]
        elif step == "pop":
            assert queue.pop() is (model.pop(0) if model else None)
        assert list(queue) == model
        assert queue.qlen == len(model)
        assert bool(queue) == bool(model)
        assert queue.tail is (model[-1] if model else None)
        assert [skb.prev for skb in model] == [None, *model][: len(model)]


def test_a_queue_can_lose_the_segment_just_looked_at() -> None:
    queue = SkbQueue()
    for seq in range(4):
        queue.append(_skb(seq))
    for skb in queue:
        queue.unlink(skb)
        assert (skb.prev, skb.next) == (None, None)
    assert not queue


@given(st.lists(st.tuples(st.sampled_from(("send", "ack")), st.integers(0, 9))))
def test_what_is_sent_last_is_at_the_end(steps: list[tuple[str, int]]) -> None:
    segments = [_skb(seq) for seq in range(10)]
    queue, model = TsortedQueue(), list[SkBuff]()
    for step, which in steps:
        skb = segments[which]
        if skb in model:
            model.remove(skb)
        if step == "send":
            model.append(skb)
            queue.append(skb)
        else:
            queue.unlink(skb)
        assert list(queue) == model
        assert all((skb in queue) == (skb in model) for skb in segments)


def test_half_of_a_segment_in_flight_stands_behind_the_other() -> None:
    queue = TsortedQueue()
    first, half, second = _skb(0), _skb(1), _skb(2)
    queue.append(first)
    queue.append(second)
    queue.insert_after(first, half)
    assert list(queue) == [first, half, second]
    queue.insert_after(None, begin := _skb(9))
    assert queue.head is begin


def test_nothing_is_shifted_from_an_empty_queue() -> None:
    with pytest.raises(IndexError, match="empty"):
        SkbQueue().shift_to(SkbQueue())
