"""A full receive buffer: copying together what is heavy, throwing away what is furthest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.tcp import ACK, FIN
from netemu.stack import tcp_prune, tcp_rmem
from tests.stack.receiving import MSS, charged, queue, receiver, segment


def test_small_segments_are_copied_into_pages() -> None:
    sk = receiver()
    start = 1
    for _ in range(40):
        queue(sk, segment(start, 100))
        start += 100
    tcp_prune.tcp_collapse(sk, sk.sk_receive_queue, sk.sk_receive_queue.head, None, (1, start))
    assert [len(skb.data) for skb in sk.sk_receive_queue] == [3776, 224]
    assert b"".join(skb.data for skb in sk.sk_receive_queue) == bytes(n & 0xFF for n in range(1, start))
    assert sk.sk_rmem_alloc == charged(sk) == 4352 + 960
    assert sk.net.mib["TCPRcvCollapsed"] == 40


def test_what_was_read_is_not_copied() -> None:
    sk = receiver()
    queue(sk, segment(1, 100))
    queue(sk, segment(101, 100))
    tcp_prune.tcp_collapse(sk, sk.sk_receive_queue, sk.sk_receive_queue.head, None, (51, 201))
    (skb,) = list(sk.sk_receive_queue)
    assert (skb.seq, skb.end_seq, len(skb.data)) == (51, 201, 150)


def test_fin_ends_what_is_copied() -> None:
    sk = receiver()
    queue(sk, segment(1, 100))
    queue(sk, segment(101, 100, ACK | FIN))
    tcp_prune.tcp_collapse(sk, sk.sk_receive_queue, sk.sk_receive_queue.head, None, (1, 202))
    assert [(skb.seq, skb.tcp_flags & FIN) for skb in sk.sk_receive_queue] == [(1, 0), (101, FIN)]


def test_full_segments_are_left_alone() -> None:
    sk = receiver()
    sk.scaling_ratio = 160
    for start in (1, 1 + MSS):
        queue(sk, segment(start, MSS))
    tcp_prune.tcp_collapse(sk, sk.sk_receive_queue, sk.sk_receive_queue.head, None, (1, 1 + 2 * MSS))
    assert sk.net.mib["TCPRcvCollapsed"] == 0


def out_of_order(starts: list[int], length: int = MSS) -> tcp_rmem.TcpSock:
    sk = receiver()
    sk.scaling_ratio = 160
    for start in starts:
        skb = segment(start, length)
        assert tcp_rmem.sk_rmem_schedule(sk, skb.truesize)
        sk.out_of_order_queue.append(skb)
        tcp_rmem.skb_set_owner_r(skb, sk)
    return sk


def test_furthest_segments_go_first_and_none_before_the_new_one() -> None:
    sk = out_of_order([10_000, 20_000, 30_000, 40_000])
    sk.selective_acks = [(40_000, 41_448)]
    sk.sk_rcvbuf = 2 * 2304
    assert tcp_prune.tcp_prune_ofo_queue(sk, segment(15_000, MSS))
    assert [skb.seq for skb in sk.out_of_order_queue] == [10_000, 20_000]
    assert sk.selective_acks == []
    assert sk.net.mib["OfoPruned"] == 1
    assert sk.sk_rmem_alloc == charged(sk)


def test_segment_that_would_be_last_drops_none() -> None:
    sk = out_of_order([10_000])
    sk.sk_rcvbuf = 100
    assert not tcp_prune.tcp_prune_ofo_queue(sk, segment(50_000, MSS))


def test_single_segments_behind_gaps_are_not_copied() -> None:
    sk = out_of_order([1000, 3000, 5000], 100)
    tcp_prune.tcp_collapse_ofo_queue(sk)
    assert sk.net.mib["TCPRcvCollapsed"] == 0


def test_range_behind_a_gap_is_copied_together() -> None:
    sk = out_of_order([1000, 1100, 1200, 5000], 100)
    tcp_prune.tcp_collapse_ofo_queue(sk)
    assert [(skb.seq, skb.end_seq) for skb in sk.out_of_order_queue] == [(1000, 1300), (5000, 5100)]
    assert sk.sk_rmem_alloc == charged(sk)


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30), st.integers(0, 2000), st.integers(1, 255))
def test_collapsing_keeps_every_byte_and_every_charge(lengths: list[int], read: int, ratio: int) -> None:
    sk = receiver()
    sk.scaling_ratio = ratio
    start = 1
    for length in lengths:
        queue(sk, segment(start, length))
        start += length
    read = min(read, lengths[0] - 1)
    head = sk.sk_receive_queue.head
    assert head is not None
    tcp_prune.tcp_collapse(sk, sk.sk_receive_queue, head, None, (1 + read, start))
    stream = b"".join(skb.data[max(0, 1 + read - skb.seq) :] for skb in sk.sk_receive_queue)
    assert stream == bytes(n & 0xFF for n in range(1 + read, start))
    assert sk.sk_rmem_alloc == charged(sk)
