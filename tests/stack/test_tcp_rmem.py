"""The receive buffer: what is charged, how window and buffer grow with the reader, what a full one does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netemu.packet.tcp import ACK, PSH
from netemu.stack import tcp_rmem
from netemu.stack.eras import PROFILES
from netemu.stack.sock import ICSK_ACK_PUSHED, ICSK_ACK_PUSHED2, SOCK_RCVBUF_LOCK
from tests.stack.receiving import MSS, charged, queue, receiver, segment


def test_first_full_segment_sets_the_ratio_of_payload() -> None:
    sk = receiver()
    sk.ack_rcv_mss = 536
    tcp_rmem.tcp_measure_rcv_mss(sk, segment(1, MSS))
    assert (sk.ack_rcv_mss, sk.scaling_ratio) == (MSS, MSS * 256 // 2304)
    assert sk.window_clamp == 131_072 * sk.scaling_ratio // 256


def test_before_6_6_there_is_no_ratio() -> None:
    sk = receiver(PROFILES["linux-5.10"])
    sk.ack_rcv_mss = 536
    tcp_rmem.tcp_measure_rcv_mss(sk, segment(1, MSS))
    assert (sk.ack_rcv_mss, sk.scaling_ratio, sk.window_clamp) == (MSS, 128, 65_536)


def test_push_on_a_full_segment_ends_a_write() -> None:
    sk = receiver()
    tcp_rmem.tcp_measure_rcv_mss(sk, segment(1, MSS, ACK | PSH))
    assert sk.ack_pending & ICSK_ACK_PUSHED
    sk = receiver(PROFILES["linux-3.10"])
    tcp_rmem.tcp_measure_rcv_mss(sk, segment(1, MSS, ACK | PSH))
    assert not sk.ack_pending & ICSK_ACK_PUSHED


def test_two_short_segments_are_two_pushes() -> None:
    sk = receiver()
    tcp_rmem.tcp_measure_rcv_mss(sk, segment(1, 10))
    assert sk.ack_pending & (ICSK_ACK_PUSHED | ICSK_ACK_PUSHED2) == ICSK_ACK_PUSHED
    tcp_rmem.tcp_measure_rcv_mss(sk, segment(11, 10))
    assert sk.ack_pending & ICSK_ACK_PUSHED2


def test_segment_size_that_comes_twice_is_believed() -> None:
    sk = receiver()
    for start in (1, 1001):
        tcp_rmem.tcp_measure_rcv_mss(sk, segment(start, 1000))
    assert sk.ack_rcv_mss == 1000


@pytest.mark.parametrize(("advmss", "mss", "wnd", "guess"), [(1448, 1448, 64_000, 536), (200, 300, 64_000, 200)])
def test_first_guess_of_the_segment_size(advmss: int, mss: int, wnd: int, guess: int) -> None:
    sk = receiver()
    sk.advmss, sk.mss_cache, sk.rcv_wnd = advmss, mss, wnd
    tcp_rmem.tcp_initialize_rcv_mss(sk)
    assert sk.ack_rcv_mss == guess


def test_window_opens_by_two_segments_when_they_are_light() -> None:
    sk = receiver()
    sk.rcv_ssthresh = 20_000
    tcp_rmem.tcp_grow_window(sk, segment(1, MSS))
    assert sk.rcv_ssthresh == 20_000 + 2 * MSS
    assert sk.ack_quick & 1


def test_window_does_not_open_for_heavy_segments_once_it_is_large() -> None:
    sk = receiver()
    sk.net.sysctl = replace(sk.net.sysctl, tcp_rmem=(4096, 131_072, 131_072))
    sk.rcv_ssthresh = 40_000
    tcp_rmem.tcp_grow_window(sk, segment(1, 128))
    assert sk.rcv_ssthresh == 40_000


def test_window_opens_no_further_than_clamp_and_space() -> None:
    sk = receiver()
    sk.rcv_ssthresh = sk.window_clamp - 100
    tcp_rmem.tcp_grow_window(sk, segment(1, MSS))
    assert sk.rcv_ssthresh == sk.window_clamp
    sk.sk_rmem_alloc = 100_000
    tcp_rmem.tcp_grow_window(sk, segment(1, MSS))
    assert sk.rcv_ssthresh == sk.window_clamp


def test_rtt_falls_at_once_and_rises_by_an_eighth_with_an_empty_queue() -> None:
    sk = receiver()
    tcp_rmem.tcp_rcv_rtt_update(sk, 20_000, False)
    tcp_rmem.tcp_rcv_rtt_update(sk, 10_000, False)
    assert sk.rcv_rtt_us >> 3 == 10_000
    tcp_rmem.tcp_rcv_rtt_update(sk, 18_000, True)
    assert sk.rcv_rtt_us >> 3 == 10_000
    tcp_rmem.tcp_rcv_rtt_update(sk, 18_000, False)
    assert sk.rcv_rtt_us >> 3 == 11_000
    queue(sk, segment(1, 10))
    tcp_rmem.tcp_rcv_rtt_update(sk, 18_000, False)
    assert sk.rcv_rtt_us >> 3 == 11_000


def test_rtt_by_timestamps_comes_from_full_segments_once_an_echo() -> None:
    sk = receiver()
    sk.tcp_mstamp, sk.rcv_tsecr = 100_000, 80
    tcp_rmem.tcp_rcv_rtt_measure_ts(sk, segment(1, 10))
    assert (sk.rcv_rtt_us, sk.rcv_rtt_last_tsecr) == (0, 80)
    tcp_rmem.tcp_rcv_rtt_measure_ts(sk, segment(1, MSS))
    assert sk.rcv_rtt_us == 0
    sk.rcv_tsecr = 81
    tcp_rmem.tcp_rcv_rtt_measure_ts(sk, segment(1, MSS))
    assert sk.rcv_rtt_us >> 3 == 19_000


def test_buffer_grows_with_what_the_reader_takes_in_an_rtt() -> None:
    sk = receiver()
    sk.rcv_rtt_us, sk.tcp_mstamp = 20_000 << 3, 1_000_000
    sk.copied_seq = sk.rcv_nxt = 60_001
    sk.rcvq_space_seq = 1
    tcp_rmem.tcp_rcv_space_adjust(sk)
    grown = 120_000 + 240_000 * (60_000 - 14_480) // 14_480
    assert sk.sk_rcvbuf == 2 * grown
    assert (sk.rcvq_space_space, sk.rcvq_space_seq, sk.rcvq_space_time) == (60_000, 60_001, 1_000_000)


def test_buffer_grows_otherwise_before_7_0() -> None:
    sk = receiver(PROFILES["linux-6"])
    sk.rcv_rtt_us, sk.net.now_ns = 20_000 << 3, 1_000_000_000
    sk.copied_seq = sk.rcv_nxt = 30_001
    sk.rcvq_space_seq = 1
    tcp_rmem.tcp_rcv_space_adjust(sk)
    window = 60_000 + 16 * MSS
    assert sk.sk_rcvbuf == 2 * (window + 2 * (window * (30_000 - 14_480) // 14_480))


def test_buffer_that_the_user_set_stays() -> None:
    sk = receiver()
    sk.sk_userlocks |= SOCK_RCVBUF_LOCK
    tcp_rmem.tcp_rcvbuf_grow(sk, 1_000_000)
    assert (sk.sk_rcvbuf, sk.rcvq_space_space) == (131_072, 1_000_000)


def test_overrun_buffer_follows_what_is_in_it() -> None:
    sk = receiver()
    sk.sk_rmem_alloc = 140_000
    tcp_rmem.tcp_clamp_window(sk)
    assert sk.sk_rcvbuf == 140_000
    sk.sk_userlocks |= SOCK_RCVBUF_LOCK
    sk.sk_rmem_alloc = 150_000
    tcp_rmem.tcp_clamp_window(sk)
    assert (sk.sk_rcvbuf, sk.rcv_ssthresh) == (140_000, 2 * MSS)


def test_established_socket_keeps_a_segment_in_reserve() -> None:
    sk = receiver()
    sk.window_clamp = 1 << 30
    tcp_rmem.tcp_init_buffer_space(sk)
    assert sk.window_clamp == 65_536 - MSS
    assert sk.rcvq_space_space == 10 * MSS


def test_charged_memory_is_given_back() -> None:
    sk = receiver()
    first, second = segment(1, MSS), segment(1 + MSS, MSS)
    queue(sk, first)
    queue(sk, second)
    assert sk.sk_rmem_alloc == charged(sk) == 2 * 2304
    sk.sk_receive_queue.unlink(first)
    tcp_rmem.sock_rfree(sk, first)
    assert sk.sk_rmem_alloc == charged(sk) == 2304


def test_full_buffer_takes_the_segment_that_crosses_the_limit_and_no_more() -> None:
    sk = receiver()
    sk.sk_userlocks |= SOCK_RCVBUF_LOCK
    sk.sk_rcvbuf = 2304 * 2
    start = 1
    for _ in range(3):
        skb = segment(start, MSS)
        assert tcp_rmem.tcp_try_rmem_schedule(sk, skb, skb.truesize)
        queue(sk, skb)
        start += MSS
    skb = segment(start, MSS)
    assert not tcp_rmem.tcp_try_rmem_schedule(sk, skb, skb.truesize)
    assert sk.net.mib["RcvPruned"] == 1
