"""Sequence arithmetic modulo 2**32 against its definition on unbounded numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.seq import SEQ_MODULUS, after, before, seq_add, seq_diff, unwrap

edge = st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1])
seq = st.integers(0, SEQ_MODULUS - 1) | edge
near = st.integers(-(2**31), 2**31 - 1)


@given(seq, st.integers(-(2**40), 2**40))
def test_add_wraps_and_is_undone(start: int, count: int) -> None:
    moved = seq_add(start, count)
    assert 0 <= moved < SEQ_MODULUS
    assert seq_add(moved, -count) == start


@given(seq, near)
def test_diff_recovers_every_distance_below_half(start: int, count: int) -> None:
    assert seq_diff(seq_add(start, count), start) == count


@given(seq, seq)
def test_before_is_the_kernels_signed_comparison(a: int, b: int) -> None:
    signed = ((a - b) & 0xFFFFFFFF) - ((((a - b) & 0xFFFFFFFF) >> 31) << 32)  # (__s32)(a - b) < 0
    assert before(a, b) == (signed < 0)
    assert after(a, b) == before(b, a)


@given(seq, seq)
def test_two_numbers_are_equal_or_ordered_except_half_a_circle_apart(a: int, b: int) -> None:
    if seq_add(a, 2**31) == b:
        assert before(a, b) and before(b, a)  # as in the kernel: both say "before"
    else:
        assert [a == b, before(a, b), after(a, b)].count(True) == 1


@given(st.integers(-(2**50), 2**50), near)
def test_unwrap_finds_the_number_within_half_a_circle(number: int, distance: int) -> None:
    assert unwrap(number % SEQ_MODULUS, number - distance) == number


@pytest.mark.parametrize(("a", "b"), [(0xFFFFFFFF, 0), (0, 1), (0x7FFFFFFF, 0xFFFFFFFE), (0xFFFFFFF0, 0x10)])
def test_order_across_the_wrap(a: int, b: int) -> None:
    assert before(a, b) and after(b, a) and not before(b, a)
