"""When an ACK is sent: quick, delayed, compressed, and after a read."""

from __future__ import annotations

import pytest

from netemu.packet.tcp import ACK, PSH
from netemu.stack import tcp_ack_snd, tcp_data_queue
from netemu.stack.eras import PROFILES
from netemu.stack.sock import (
    ICSK_ACK_NOW,
    ICSK_ACK_PUSHED,
    ICSK_ACK_PUSHED2,
    ICSK_ACK_SCHED,
    ICSK_ACK_TIMER,
    RCV_SHUTDOWN,
    TCP_ACK_DEFERRED,
    TCP_DELACK_TIMER_DEFERRED,
    TcpSock,
)
from tests.stack.receiving import MSS, Acks, acks, receiver, segment

__all__ = ["acks"]

MS = 1_000_000


def arrives(sk: TcpSock, seq: int, length: int = MSS, flags: int = ACK) -> None:
    """A segment on the slow path."""
    tcp_data_queue.tcp_data_queue(sk, segment(seq, length, flags))
    tcp_ack_snd.tcp_ack_snd_check(sk)


def reads_all(sk: TcpSock) -> None:
    """A process takes everything."""
    copied = sk.rcv_nxt - sk.copied_seq
    while (skb := sk.sk_receive_queue.pop()) is not None:
        tcp_ack_snd.tcp_rmem.sock_rfree(sk, skb)
    sk.copied_seq = sk.rcv_nxt
    tcp_ack_snd.tcp_cleanup_rbuf(sk, copied)


def settled() -> TcpSock:
    """A receiver behind its quick-ACK phase."""
    sk = receiver()
    sk.ack_ato = tcp_ack_snd.tcp_ato_min(sk)
    sk.ack_lrcvtime = sk.net.jiffies
    sk.rcv_ssthresh = sk.window_clamp = 1 << 20
    sk.sk_rcvbuf = 4 << 20
    return sk


def advance(sk: TcpSock, to_ns: int) -> None:
    """Time passes; timers fire."""
    timers = sk.net.timers
    while (at := timers.next_ns()) is not None and at <= to_ns:
        sk.net.now_ns = at
        timers.advance(at)
        timers.run()
    sk.net.now_ns = to_ns
    timers.advance(to_ns)


def test_connection_begins_with_quick_acks(acks: Acks) -> None:
    sk = receiver()
    for number in range(5):
        arrives(sk, 1 + number * MSS)
    assert acks.numbers == [1 + number * MSS for number in range(1, 6)]
    assert sk.ack_quick > 0


def test_every_second_segment_is_acknowledged_after_that(acks: Acks) -> None:
    sk = settled()
    for number in range(6):
        arrives(sk, 1 + number * MSS)
        sk.ack_quick = 0
        sk.copied_seq = sk.rcv_nxt
    assert acks.numbers == [1 + number * MSS for number in (2, 4, 6)]


def test_single_segment_is_acknowledged_after_40_ms(acks: Acks) -> None:
    sk = settled()
    arrives(sk, 1, 100)
    assert acks.numbers == []
    assert sk.ack_pending & (ICSK_ACK_SCHED | ICSK_ACK_TIMER) == ICSK_ACK_SCHED | ICSK_ACK_TIMER
    advance(sk, 60 * MS)
    assert acks.numbers == [101]
    assert sk.net.mib["DelayedACKs"] == 1


def test_missed_delayed_ack_doubles_the_delay_up_to_200_ms(acks: Acks) -> None:
    sk = settled()
    hz = sk.net.profile.hz
    for _ in range(5):
        sk.ack_pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER
        sk.ack_timeout = sk.net.jiffies
        tcp_ack_snd.tcp_delack_timer_handler(sk)
    assert sk.ack_ato == min(hz // 5, sk.icsk_rto)
    sk = settled()
    sk.ack_pingpong = 3
    sk.ack_pending |= ICSK_ACK_SCHED | ICSK_ACK_TIMER
    tcp_ack_snd.tcp_delack_timer_handler(sk)
    assert (sk.ack_pingpong, sk.ack_ato) == (0, hz // 25)


def test_pingpong_suspends_quick_acks(acks: Acks) -> None:
    sk = receiver()
    arrives(sk, 1, 100)
    tcp_ack_snd.inet_csk_enter_pingpong_mode(sk)
    arrives(sk, 101, 100)
    assert acks.numbers == [101]
    tcp_ack_snd.tcp_enter_quickack_mode(sk, 2)
    arrives(sk, 201, 100)
    assert acks.numbers == [101, 301]


def test_pingpong_counts_to_255() -> None:
    sk = receiver()
    for _ in range(300):
        tcp_ack_snd.inet_csk_inc_pingpong_cnt(sk)
    assert sk.ack_pingpong == 255


def test_fourth_duplicate_waits_for_a_third_of_the_rtt(acks: Acks) -> None:
    sk = settled()
    sk.rcv_rtt_us = 2_000 << 3
    sk.ack_quick = 0
    for number in range(2, 9):
        arrives(sk, 1 + number * MSS)
        sk.ack_quick = 0
    assert len(acks.sent) == 3
    assert sk.compressed_ack == 4
    advance(sk, 2 * MS)
    assert len(acks.sent) == 4
    assert acks.sent[-1][2] == ((1 + 2 * MSS, 1 + 9 * MSS),)


def test_compressed_acks_are_no_more_than_44(acks: Acks) -> None:
    sk = settled()
    sk.rcv_rtt_us = 20_000 << 3
    for number in range(2, 2 + 3 + 45):
        arrives(sk, 1 + number * MSS)
        sk.ack_quick = 0
    assert len(acks.sent) == 4


def test_third_block_is_told_at_once(acks: Acks) -> None:
    sk = settled()
    sk.rcv_rtt_us = 20_000 << 3
    for number in (2, 3, 4, 5, 7, 9):
        arrives(sk, 1 + number * MSS)
        sk.ack_quick = 0
    assert sk.compressed_ack == 0
    assert [len(blocks) for _, _, blocks in acks.sent] == [1, 1, 1, 2]


def test_before_4_18_every_duplicate_is_sent(acks: Acks) -> None:
    sk = receiver(PROFILES["linux-3.10"])
    sk.ack_ato = 10
    for number in range(2, 9):
        arrives(sk, 1 + number * MSS)
    assert len(acks.sent) == 7


def test_filled_gap_is_acknowledged_at_once(acks: Acks) -> None:
    sk = settled()
    arrives(sk, 101, 100)
    sk.ack_quick = 0
    arrives(sk, 1, 100)
    assert acks.numbers == [1, 201]


def test_held_socket_defers_the_ack(acks: Acks) -> None:
    sk = receiver()
    sk.sk_owned = True
    arrives(sk, 1)
    assert acks.numbers == []
    assert sk.sk_tsq_flags & TCP_ACK_DEFERRED
    sk = receiver(PROFILES["linux-5.10"])
    sk.sk_owned = True
    arrives(sk, 1)
    assert acks.numbers == [1 + MSS]


def test_held_socket_defers_the_timer_of_compressed_acks(acks: Acks) -> None:
    sk = receiver()
    sk.compressed_ack = 2
    sk.sk_owned = True
    tcp_ack_snd.tcp_compressed_ack_kick(sk)
    assert sk.sk_tsq_flags & TCP_DELACK_TIMER_DEFERRED
    sk.sk_owned = False
    tcp_ack_snd.tcp_delack_timer_handler(sk)
    assert (len(acks.sent), sk.compressed_ack, sk.net.mib["TCPAckCompressed"]) == (1, 0, 1)


def test_read_acknowledges_more_than_a_segment(acks: Acks) -> None:
    sk = settled()
    sk.sk_rcvlowat = 1 << 30
    sk.rcv_wnd = 1 << 20
    sk.rcv_ssthresh = 10_000
    for number in range(2):
        tcp_data_queue.tcp_data_queue(sk, segment(1 + number * MSS, MSS))
    reads_all(sk)
    assert acks.numbers == [1 + 2 * MSS]


@pytest.mark.parametrize(
    ("pending", "pingpong", "sent"),
    [
        (ICSK_ACK_PUSHED, 0, True),
        (ICSK_ACK_PUSHED, 1, False),
        (ICSK_ACK_PUSHED | ICSK_ACK_PUSHED2, 1, True),
        (0, 0, False),
    ],
)
def test_read_that_empties_the_buffer_ends_the_delay(pending: int, pingpong: int, sent: bool, acks: Acks) -> None:
    sk = settled()
    tcp_data_queue.tcp_data_queue(sk, segment(1, 100, ACK | PSH))
    sk.rcv_ssthresh = sk.window_clamp = sk.rcv_wnd
    sk.ack_pending = ICSK_ACK_SCHED | pending
    sk.ack_pingpong = pingpong
    reads_all(sk)
    assert acks.numbers == ([101] if sent else [])


def test_read_that_doubles_the_window_says_so(acks: Acks) -> None:
    sk = receiver()
    sk.rcv_wnd = 0
    sk.rcv_nxt = sk.rcv_wup = sk.copied_seq = 100
    tcp_ack_snd.tcp_cleanup_rbuf(sk, 10)
    assert acks.sent == [(100, 500, ())]
    tcp_ack_snd.tcp_cleanup_rbuf(sk, 10)
    assert len(acks.sent) == 1


def test_no_window_is_told_after_the_end(acks: Acks) -> None:
    sk = receiver()
    sk.rcv_wnd = 0
    sk.sk_shutdown = RCV_SHUTDOWN
    tcp_ack_snd.tcp_cleanup_rbuf(sk, 10)
    assert acks.sent == []


def test_ato_follows_the_time_between_segments() -> None:
    sk = settled()
    sk.icsk_rto = sk.net.profile.hz
    least = tcp_ack_snd.tcp_ato_min(sk)
    assert least == sk.net.profile.hz // 25
    sk.ack_ato = 4 * least
    advance(sk, 1000 * MS)
    sk.ack_lrcvtime = sk.net.jiffies
    tcp_ack_snd.tcp_event_data_recv(sk, segment(1, 100))
    assert sk.ack_ato == 2 * least + least // 2
    sk.ack_lrcvtime = sk.net.jiffies - least
    tcp_ack_snd.tcp_event_data_recv(sk, segment(1, 100))
    assert sk.ack_ato == (2 * least + least // 2) // 2 + least
    sk.ack_quick = 0
    sk.ack_lrcvtime = sk.net.jiffies - 2 * sk.icsk_rto
    tcp_ack_snd.tcp_event_data_recv(sk, segment(1, 100))
    assert sk.ack_quick == 16


def test_reader_is_woken_for_what_it_waits_for_or_when_there_is_no_room_for_more() -> None:
    sk = receiver()
    sk.rcv_nxt += 100
    assert not tcp_ack_snd.tcp_epollin_ready(sk, 101)
    assert tcp_ack_snd.tcp_epollin_ready(sk, 100)
    sk.sk_rmem_alloc = sk.sk_rcvbuf
    assert tcp_ack_snd.tcp_epollin_ready(sk, 101)
    sk.sk_rmem_alloc = 0
    sk.rcv_wnd = 100 + MSS
    assert tcp_ack_snd.tcp_epollin_ready(sk, 101)
    sk.copied_seq = sk.rcv_nxt
    assert not tcp_ack_snd.tcp_epollin_ready(sk, 1)


def test_ack_now_overrides_the_delay(acks: Acks) -> None:
    sk = settled()
    tcp_data_queue.tcp_data_queue(sk, segment(1, 100))
    sk.ack_pending |= ICSK_ACK_NOW
    tcp_ack_snd.tcp_ack_snd_check(sk)
    assert acks.numbers == [101]
