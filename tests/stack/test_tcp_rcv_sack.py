"""SACK and D-SACK blocks of a receiver: the newest first, merged, at most four."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from netemu.stack.tcp_rcv_sack import (
    tcp_dsack_extend,
    tcp_dsack_set,
    tcp_sack_new_ofo_skb,
    tcp_sack_remove,
    tcp_sack_reset,
)
from tests.stack.receiving import receiver, segment


def test_newest_block_is_first() -> None:
    sk = receiver()
    for start in (100, 300, 500):
        tcp_sack_new_ofo_skb(sk, start, start + 50)
    assert sk.selective_acks == [(500, 550), (300, 350), (100, 150)]


def test_block_that_grows_comes_first_and_swallows_what_it_touches() -> None:
    sk = receiver()
    for start in (100, 300, 500):
        tcp_sack_new_ofo_skb(sk, start, start + 50)
    tcp_sack_new_ofo_skb(sk, 350, 500)
    assert sk.selective_acks == [(300, 550), (100, 150)]


def test_fifth_block_pushes_the_oldest_out() -> None:
    sk = receiver()
    for start in (100, 300, 500, 700, 900):
        tcp_sack_new_ofo_skb(sk, start, start + 50)
    assert sk.selective_acks == [(900, 950), (700, 750), (500, 550), (300, 350)]


def test_duplicate_below_and_above_what_was_received_is_counted_apart() -> None:
    sk = receiver()
    sk.rcv_nxt = 1000
    tcp_dsack_set(sk, 500, 600)
    tcp_dsack_set(sk, 2000, 2100)
    assert sk.duplicate_sack == (2000, 2100)
    assert (sk.net.mib["TCPDSACKOldSent"], sk.net.mib["TCPDSACKOfoSent"]) == (1, 1)


def test_duplicate_grows_by_what_adjoins_only() -> None:
    sk = receiver()
    tcp_dsack_extend(sk, 2000, 2100)
    tcp_dsack_extend(sk, 2100, 2200)
    tcp_dsack_extend(sk, 3000, 3100)
    assert sk.duplicate_sack == (2000, 2200)


def test_no_duplicates_told_without_sack_or_against_the_sysctl() -> None:
    sk = receiver()
    sk.net.sysctl = replace(sk.net.sysctl, tcp_dsack=False)
    tcp_dsack_set(sk, 5, 6)
    assert sk.duplicate_sack is None
    sk = receiver()
    sk.sack_ok = False
    tcp_dsack_set(sk, 5, 6)
    assert sk.duplicate_sack is None


def test_blocks_are_forgotten_as_the_gap_closes() -> None:
    sk = receiver()
    sk.selective_acks = [(300, 350), (100, 150)]
    sk.out_of_order_queue.append(segment(300, 50))
    sk.rcv_nxt = 200
    tcp_sack_remove(sk)
    assert sk.selective_acks == [(300, 350)]
    sk.out_of_order_queue.pop()
    tcp_sack_remove(sk)
    assert sk.selective_acks == []


def test_reset_forgets_all() -> None:
    sk = receiver()
    sk.selective_acks, sk.duplicate_sack = [(1, 2)], (3, 4)
    tcp_sack_reset(sk)
    assert (sk.selective_acks, sk.duplicate_sack) == ([], None)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 10)), max_size=30))
def test_blocks_never_overlap_and_hold_the_last_segment_first(segments: list[tuple[int, int]]) -> None:
    sk = receiver()
    for start, length in segments:
        tcp_sack_new_ofo_skb(sk, start, start + length)
        first = sk.selective_acks[0]
        assert first[0] <= start
        assert first[1] >= start + length
        assert len(sk.selective_acks) <= 4
        ordered = sorted(sk.selective_acks)
        assert all(left[1] < right[0] for left, right in itertools.pairwise(ordered))
