"""What of the send queue may leave: each test of tcp_write_xmit by itself and all in order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.tcp import ACK, FIN, PSH
from netemu.stack import tcp_output as output
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import (
    ICSK_TIME_PROBE0,
    ICSK_TIME_RETRANS,
    TCP_CA_CWR,
    TCP_CLOSE,
    TCP_NAGLE_CORK,
    TCP_NAGLE_OFF,
    TCP_NAGLE_PUSH,
    TCP_TSQ_DEFERRED,
    TcpSock,
)
from tests.stack.senders import MSS, Wire, make_net, make_sender, send, wait_ns, wire

__all__ = ["wire"]


def lengths(wire: Wire) -> list[int]:
    """Payload bytes of what left."""
    return [len(segment.payload) for segment in wire.segments]


@given(st.integers(1, 100), st.integers(0, 120))
def test_cwnd_allows_what_is_left_but_half_at_most(cwnd: int, in_flight: int) -> None:
    sk = make_sender()
    sk.snd_cwnd, sk.packets_out = cwnd, in_flight
    quota = output.tcp_cwnd_test(sk)
    assert quota == max(0, min(max(cwnd // 2, 1), cwnd - in_flight))


def test_snd_wnd_needs_room_for_the_first_segment_only() -> None:
    sk = make_sender()
    sk.snd_wnd = MSS
    assert output.tcp_snd_wnd_test(sk, SkBuff(1001, 1001 + 3 * MSS, ACK, bytes(3 * MSS)), MSS)
    assert not output.tcp_snd_wnd_test(sk, SkBuff(1002, 1002 + MSS, ACK, bytes(MSS)), MSS)


def test_nagle_waits_only_while_a_small_segment_is_unacknowledged() -> None:
    sk = make_sender()
    small = SkBuff(1001, 1002, ACK, b"x")
    assert output.tcp_nagle_test(sk, small, MSS, 0)
    sk.packets_out, sk.snd_nxt = 1, 1101
    assert output.tcp_nagle_test(sk, small, MSS, 0)  # what is in flight was full: Minshall
    sk.snd_sml = 1101
    assert not output.tcp_nagle_test(sk, small, MSS, 0)
    assert output.tcp_nagle_test(sk, small, MSS, TCP_NAGLE_OFF)
    assert output.tcp_nagle_test(sk, small, MSS, TCP_NAGLE_PUSH)
    small.tcp_flags |= FIN
    assert output.tcp_nagle_test(sk, small, MSS, 0)


def test_cork_holds_a_small_segment_back_whatever_nodelay_says() -> None:
    sk = make_sender()
    small = SkBuff(1001, 1002, ACK, b"x")
    assert not output.tcp_nagle_test(sk, small, MSS, TCP_NAGLE_CORK | TCP_NAGLE_OFF)
    assert output.tcp_nagle_test(sk, SkBuff(1001, 1001 + MSS, ACK, bytes(MSS)), MSS, TCP_NAGLE_CORK)


def test_a_window_of_ten_leaves_at_once_and_the_timer_is_armed(wire: Wire) -> None:
    sk = make_sender()
    send(sk, bytes(20 * MSS))
    assert lengths(wire) == [MSS] * 10
    assert (sk.packets_out, sk.tcp_rtx_queue.qlen, sk.sk_write_queue.qlen) == (10, 10, 10)
    assert sk.snd_nxt == 1001 + 10 * MSS
    assert sk.is_cwnd_limited
    assert sk.icsk_retransmit_timer.pending
    assert sk.net.mib["TCPOrigDataSent"] == 10


def test_the_peer_s_window_ends_what_leaves_and_counts_as_limit(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 2 * MSS + 100
    send(sk, bytes(5 * MSS))
    assert lengths(wire) == [MSS, MSS]
    assert not sk.is_cwnd_limited
    assert sk.chrono_type == 2


def test_a_shut_window_and_nothing_in_flight_arms_the_probe(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 0
    send(sk, b"x")
    assert wire.segments == []
    assert sk.icsk_pending == ICSK_TIME_PROBE0


@pytest.mark.parametrize(("era", "expected"), [("linux-7", [1000, 948]), ("linux-5.10", [1000, 448, 500])])
def test_a_segment_longer_than_the_mss_of_the_moment_is_cut(wire: Wire, era: str, expected: list[int]) -> None:
    """What is left of it is filled up from the next one since 6.10."""
    sk = make_sender(make_net(era))
    sk.snd_wnd = 0
    send(sk, bytes(MSS + 500))
    sk.snd_wnd = 65536
    output.__tcp_push_pending_frames(sk, 1000, TCP_NAGLE_OFF)
    assert lengths(wire) == expected
    assert [segment.flags for segment in wire.segments] == [ACK] * (len(expected) - 1) + [ACK | PSH]


def test_a_short_head_is_filled_up_before_it_leaves(wire: Wire) -> None:
    sk = make_sender()
    sk.packets_out = sk.snd_cwnd
    sk.nonagle = TCP_NAGLE_OFF
    sk.snd_wnd = 0
    for size in (100, 3 * MSS):
        send(sk, bytes(size))
        head = sk.sk_write_queue.tail
        assert head is not None
        head.eor = size == 100
    assert sk.sk_write_queue.head is not None
    sk.sk_write_queue.head.eor = False
    sk.packets_out, sk.snd_wnd = 0, 65536
    output.tcp_push_pending_frames(sk)
    assert lengths(wire) == [MSS, MSS, MSS, 100]


def test_push_one_sends_one(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 0
    send(sk, bytes(3 * MSS))
    sk.snd_wnd = 65536
    output.tcp_push_one(sk, MSS)
    assert lengths(wire) == [MSS]


def test_a_loss_probe_may_exceed_the_congestion_window_by_one(wire: Wire) -> None:
    sk = make_sender()
    send(sk, bytes(12 * MSS))
    output.tcp_write_xmit(sk, MSS, TCP_NAGLE_OFF, 2)
    assert len(wire.segments) == 11
    output.tcp_write_xmit(sk, MSS, TCP_NAGLE_OFF, 0)
    assert len(wire.segments) == 11


def test_prr_counts_what_leaves_during_a_reduction(wire: Wire) -> None:
    sk = make_sender()
    sk.icsk_ca_state = TCP_CA_CWR
    send(sk, bytes(3 * MSS))
    assert sk.prr_out == 3


def test_a_closed_socket_sends_nothing(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 0
    send(sk, b"x")
    sk.snd_wnd, sk.sk_state = 65536, TCP_CLOSE
    output.tcp_push_pending_frames(sk)
    assert wire.segments == []


def test_small_queues_hold_back_the_third_segment_in_the_device() -> None:
    sk = make_sender()
    sk.sk_pacing_rate = 1_000_000
    skb = SkBuff(1001, 1001 + MSS, ACK, bytes(MSS), 2408)
    for _ in range(2):
        sk.tcp_rtx_queue.append(SkBuff(0, 1, ACK))
    sk.sk_wmem_alloc = 2 * 2408 - 1
    assert not output.tcp_small_queue_check(sk, skb, 0)
    sk.sk_wmem_alloc += 1
    assert output.tcp_small_queue_check(sk, skb, 0)
    assert not output.tcp_small_queue_check(sk, skb, 1)


def test_the_device_s_completion_goes_on_sending(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_pacing_rate = 0
    sk.snd_wnd = 0
    send(sk, bytes(3 * MSS))
    for _ in range(2):
        sk.tcp_rtx_queue.append(SkBuff(0, 1, ACK))
    sk.snd_wnd, sk.sk_wmem_alloc = 65536, 10_000
    output.tcp_push_pending_frames(sk)
    assert wire.segments == []
    output.tcp_wfree(sk, 10_000)
    assert lengths(wire) == [MSS] * 3


def paced(wire: Wire) -> TcpSock:
    """A sender of 1 MB/s that has sent its first ten segments and two more, and waits."""
    sk = make_sender()
    sk.sk_pacing_needed, sk.sk_pacing_rate, sk.snd_cwnd = True, 1_000_000, 40
    sk.tcp_wstamp_ns = sk.net.now_ns
    send(sk, bytes(20 * MSS))
    return sk


def test_pacing_waits_for_its_timer(wire: Wire) -> None:
    sk = paced(wire)
    sent = len(wire.segments)
    assert sent < 20
    assert sk.pacing_timer.expires == sk.tcp_wstamp_ns
    wait_ns(sk.net, sk.tcp_wstamp_ns - sk.net.now_ns)
    sk.net.timers.run()
    assert len(wire.segments) == sent + 1


def test_a_held_socket_goes_on_when_it_is_released(wire: Wire) -> None:
    sk = paced(wire)
    sent = len(wire.segments)
    sk.sk_owned = True
    wait_ns(sk.net, sk.tcp_wstamp_ns - sk.net.now_ns)
    sk.net.timers.run()
    assert len(wire.segments) == sent
    assert sk.sk_tsq_flags & TCP_TSQ_DEFERRED


# ---- with segmentation in the device


def test_the_device_s_limits_and_the_pacing_rate_size_a_transmission() -> None:
    sk = make_sender()
    assert output.tcp_tso_segs(sk, MSS) == 1
    sk.sk_gso_max_segs, sk.sk_pacing_rate, sk.rtt_min_us = 64, 10 * MSS << 10, 1 << 20
    assert output.tcp_tso_segs(sk, MSS) == 10
    sk.sk_gso_max_segs = 4
    assert output.tcp_tso_segs(sk, MSS) == 4


def test_a_transmission_is_deferred_only_for_a_near_ack() -> None:
    sk = make_sender()
    sk.sk_gso_max_segs = 10
    xmit = output.Xmit(MSS, 0, 0)
    skb = SkBuff(1001, 1001 + 10 * MSS, ACK, bytes(10 * MSS))
    skb.tcp_gso_segs = 10
    sk.sk_write_queue.append(skb)
    sk.packets_out, sk.snd_cwnd = 8, 10
    sk.tcp_clock_cache = sk.tcp_wstamp_ns = sk.net.now_ns
    assert not output.tcp_tso_should_defer(sk, skb, 10, xmit)  # nothing in the queue, no ACK to come
    old = SkBuff(0, 1, ACK)
    old.skb_mstamp_ns = sk.net.now_ns - 9_900_000
    sk.tcp_rtx_queue.append(old)
    assert output.tcp_tso_should_defer(sk, skb, 10, xmit)  # the ACK is 0.1 ms away
    assert xmit.is_cwnd_limited
    old.skb_mstamp_ns = sk.net.now_ns
    assert not output.tcp_tso_should_defer(sk, skb, 10, xmit)


def test_rearming_starts_with_the_first_segment_in_flight(wire: Wire) -> None:
    sk = make_sender()
    sk.sack_ok = False
    send(sk, b"x")
    assert sk.icsk_pending == ICSK_TIME_RETRANS
