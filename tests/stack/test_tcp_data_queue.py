"""Data in order, behind gaps, twice, and beyond the window."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.tcp import ACK, FIN
from netemu.stack import tcp_data_queue
from netemu.stack.sock import ICSK_ACK_NOW, TCP_CLOSE_WAIT, TcpSock
from tests.stack.receiving import MSS, charged, receiver, segment


def received(sk: TcpSock) -> bytes:
    return b"".join(skb.data for skb in sk.sk_receive_queue)


def pattern(start: int, end: int) -> bytes:
    return bytes(n & 0xFF for n in range(start, end))


def test_data_in_order_is_queued_and_charged() -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(1, MSS))
    assert (sk.rcv_nxt, sk.bytes_received, received(sk)) == (1 + MSS, MSS, pattern(1, 1 + MSS))
    assert sk.sk_rmem_alloc == charged(sk) == 2304


def test_small_segments_share_a_buffer() -> None:
    sk = receiver()
    for start in range(1, 321, 10):
        tcp_data_queue.tcp_data_queue(sk, segment(start, 10))
    assert sk.sk_receive_queue.qlen == 2
    assert sk.sk_rmem_alloc == charged(sk) == 2 * 960
    assert sk.net.mib["TCPRcvCoalesce"] == 30


def test_gap_is_told_and_filled() -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(1 + MSS, MSS))
    assert (sk.rcv_nxt, sk.selective_acks) == (1, [(1 + MSS, 1 + 2 * MSS)])
    assert sk.net.mib["TCPOFOQueue"] == 1
    tcp_data_queue.tcp_data_queue(sk, segment(1, MSS))
    assert (sk.rcv_nxt, sk.selective_acks) == (1 + 2 * MSS, [])
    assert sk.ack_pending & ICSK_ACK_NOW
    assert sk.sk_rmem_alloc == charged(sk)


def test_old_data_is_told_of_as_duplicate() -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(1, MSS))
    tcp_data_queue.tcp_data_queue(sk, segment(1, MSS))
    assert sk.duplicate_sack == (1, 1 + MSS)
    assert sk.net.mib["DelayedACKLost"] == 1
    assert sk.sk_drops == 1


def test_data_that_is_half_old_is_taken_and_told_of() -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(1, 1000))
    tcp_data_queue.tcp_data_queue(sk, segment(501, 1000))
    assert (sk.rcv_nxt, sk.duplicate_sack) == (1501, (501, 1001))


def test_data_beyond_the_window_is_dropped() -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(70_000, 10))
    assert sk.net.mib["BeyondWindow"] == 1
    assert sk.sk_rmem_alloc == 0


def test_zero_window_takes_a_bare_fin_alone() -> None:
    sk = receiver()
    sk.rcv_wnd = 0
    tcp_data_queue.tcp_data_queue(sk, segment(1, 10))
    assert (sk.rcv_nxt, sk.net.mib["TCPZeroWindowDrop"]) == (1, 1)
    tcp_data_queue.tcp_data_queue(sk, segment(1, 0, ACK | FIN))
    assert (sk.rcv_nxt, sk.sk_state) == (2, TCP_CLOSE_WAIT)


@pytest.mark.parametrize(
    ("second", "duplicate", "left"),
    [
        ((2000, 500), (2000, 2500), [(2000, 3000)]),
        ((2500, 1000), (2500, 3000), [(2000, 3000), (2500, 3500)]),
        ((2000, 2000), (2000, 3000), [(2000, 4000)]),
        ((1500, 2500), (2000, 3000), [(1500, 4000)]),
        ((1500, 1000), (2000, 2500), [(1500, 2500), (2000, 3000)]),
        ((3000, 100), None, [(2000, 3100)]),
    ],
)
def test_overlap_behind_a_gap_is_told_of(
    second: tuple[int, int], duplicate: tuple[int, int] | None, left: list[tuple[int, int]]
) -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(2000, 1000))
    tcp_data_queue.tcp_data_queue(sk, segment(*second))
    assert sk.duplicate_sack == duplicate
    assert [(skb.seq, skb.end_seq) for skb in sk.out_of_order_queue] == left
    assert sk.sk_rmem_alloc == charged(sk)


def test_fin_behind_a_gap_counts_when_it_closes() -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(11, 10, ACK | FIN))
    tcp_data_queue.tcp_data_queue(sk, segment(1, 10))
    assert (sk.rcv_nxt, sk.sk_state) == (22, TCP_CLOSE_WAIT)


def test_segment_without_text_changes_nothing() -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(1, 0))
    assert (sk.rcv_nxt, sk.ack_pending) == (1, 0)


def test_purge_gives_the_memory_back() -> None:
    sk = receiver()
    tcp_data_queue.tcp_data_queue(sk, segment(5000, MSS))
    tcp_data_queue.skb_purge_ofo(sk)
    assert sk.sk_rmem_alloc == 0


Pieces = list[tuple[int, int]]


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 800)), min_size=1, max_size=40), st.booleans())
def test_any_order_and_overlap_gives_the_stream_once(pieces: Pieces, sack: bool) -> None:
    sk = receiver()
    sk.sack_ok = sack
    end = max(start + length for start, length in pieces)
    whole = [(start, min(700, end - start)) for start in range(0, end, 700)]
    for start, length in pieces + whole:
        tcp_data_queue.tcp_data_queue(sk, segment(1 + start, length))
        assert sk.sk_rmem_alloc == charged(sk)
        assert sk.net.tcp_memory_allocated * 4096 == sk.sk_forward_alloc + sk.sk_rmem_alloc
    position, stream = 1, bytearray()
    for skb in sk.sk_receive_queue:
        stream += skb.data[position - skb.seq :]
        position = skb.end_seq
    assert bytes(stream) == pattern(1, 1 + end)
    assert sk.rcv_nxt == 1 + end
    assert not sk.out_of_order_queue
