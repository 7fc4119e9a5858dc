"""Segments of an established connection: the fast path, the slow one, resets and the end."""

from __future__ import annotations

import errno

from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.ip import Options
from netemu.packet.tcp import ACK, FIN, PSH, RST, SYN, URG
from netemu.stack import tcp_input
from netemu.stack.sock import TCP_CLOSE_WAIT, TCP_ESTABLISHED
from netemu.stack.tcp_window import tcp_receive_window
from tests.stack.peer import MS, Conversation, texts
from tests.stack.receiving import receiver


def test_data_is_acknowledged_and_read() -> None:
    talk = Conversation()
    talk.accepts()
    assert talk.call("recv", talk.fd, 5000) is None
    recv = talk.call_id
    assert texts(talk.sends(ACK | PSH, 1, data=bytes(range(100)))) == ["ACK 1:0 ack 101"]
    assert talk.result(recv) == bytes(range(100))


def test_predicted_segments_take_the_fast_path() -> None:
    talk = Conversation()
    talk.accepts()
    for number in range(4):
        talk.sends(ACK, 1 + number * 1448, data=bytes(1448))
    assert talk.net.mib["TCPHPHits"] >= 1


def test_gap_is_answered_with_duplicate_acks() -> None:
    talk = Conversation()
    talk.accepts()
    talk.sends(ACK, 1, data=bytes(1000))
    assert texts(talk.sends(ACK, 2001, data=bytes(1000))) == ["ACK 1:0 ack 1001 <2001-3001>"]
    assert texts(talk.sends(ACK, 3001, data=bytes(1000))) == ["ACK 1:0 ack 1001 <2001-4001>"]
    assert texts(talk.sends(ACK, 5001, data=bytes(1000))) == ["ACK 1:0 ack 1001 <5001-6001> <2001-4001>"]
    assert texts(talk.sends(ACK, 1001, data=bytes(1000))) == ["ACK 1:0 ack 4001 <5001-6001>"]
    assert texts(talk.sends(ACK, 4001, data=bytes(1000))) == ["ACK 1:0 ack 6001"]


def test_duplicate_is_told_once() -> None:
    talk = Conversation()
    talk.accepts()
    talk.sends(ACK, 1, data=bytes(1000))
    assert texts(talk.sends(ACK, 1, data=bytes(1000))) == ["ACK 1:0 ack 1001 <1-1001>"]
    assert texts(talk.sends(ACK, 1001, data=bytes(1000))) == ["ACK 1:0 ack 2001"]


def test_full_buffer_closes_the_window_and_reading_opens_it() -> None:
    talk = Conversation()
    sk = talk.accepts()
    seq = 1
    while (window := tcp_receive_window(sk)) > 0:
        size = min(1448, window)
        talk.sends(ACK, seq, data=bytes(size))
        seq += size
        talk.passes(50 * MS)
    assert talk.replies[-1].tcp.window == 0
    assert talk.net.mib["TCPToZeroWindowAdv"] == 1
    (probe,) = talk.sends(ACK, seq - 1)
    assert (probe.text, probe.tcp.window) == (f"ACK 1:0 ack {seq}", 0)
    talk.call("recv", talk.fd, 1 << 20)
    assert talk.replies[-1].tcp.window > 100
    assert talk.net.mib["TCPFromZeroWindowAdv"] == 1


def test_reset_gives_readers_and_writers_an_error() -> None:
    talk = Conversation()
    talk.accepts()
    talk.call("recv", talk.fd, 10)
    recv = talk.call_id
    talk.sends(RST, 1)
    assert talk.result(recv) == -errno.ECONNRESET
    assert talk.call("recv", talk.fd, 10) == b""


def test_reset_after_the_peers_end_is_a_broken_pipe() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.sends(FIN | ACK, 1)
    talk.sends(RST, 2)
    assert sk.sk_err == errno.EPIPE


def test_end_wakes_the_reader() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.call("recv", talk.fd, 10)
    recv = talk.call_id
    talk.sends(FIN | ACK, 1)
    assert talk.result(recv) == b""
    assert sk.sk_state == TCP_CLOSE_WAIT
    assert sk.ack_pingpong == sk.net.sysctl.tcp_pingpong_thresh


def test_urgent_byte_is_taken_out_of_the_stream() -> None:
    talk = Conversation()
    talk.accepts()
    talk.sends(ACK | URG, 1, data=b"abc", urgent=3)
    assert talk.call("recv", talk.fd, 10) == b"ab"
    assert talk.call("recv", talk.fd, 1, 1) == b"c"


def test_segment_without_ack_is_dropped() -> None:
    talk = Conversation()
    sk = talk.accepts()
    assert talk.sends(PSH, 1, data=b"x") == []
    assert (sk.sk_drops, sk.rcv_nxt - sk.copied_seq) == (1, 0)


def test_timestamp_echoed_is_that_of_the_last_segment_acknowledged() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.sends(ACK, 1, data=bytes(100), ts_val=50)
    assert sk.ts_recent == 50
    talk.sends(ACK, 201, data=bytes(100), ts_val=60)
    assert sk.ts_recent == 50


def test_fast_path_is_off_behind_a_gap() -> None:
    sk = receiver()
    sk.snd_wnd, sk.snd_wscale = 500 << 7, 7
    tcp_input.tcp_fast_path_check(sk)
    assert sk.pred_flags == 501
    sk.pred_flags = 0
    sk.rcv_wnd = 0
    tcp_input.tcp_fast_path_check(sk)
    assert sk.pred_flags == 0


def test_challenges_are_limited_per_socket() -> None:
    sk = receiver()
    sk.net.timers.advance(1_000_000_000)
    assert not tcp_input.oow_rate_limited(sk, "TCPACKSkippedSeq")
    assert tcp_input.oow_rate_limited(sk, "TCPACKSkippedSeq")


Segment = tuple[int, int, int, int, int]


@given(
    st.lists(
        st.tuples(
            st.integers(-3000, 90_000),
            st.integers(-5, 5),
            st.sampled_from([ACK, ACK | PSH, ACK | FIN, ACK | URG, SYN, SYN | ACK, 0, FIN]),
            st.integers(0, 2000),
            st.integers(0, 3_000_000_000),
        ),
        max_size=30,
    ),
    st.sampled_from(["linux-7", "linux-6", "linux-5.10", "linux-2.4"]),
)
def test_no_segment_whatever_raises_and_memory_adds_up(segments: list[Segment], era: str) -> None:
    talk = Conversation(era)
    sk = talk.accepts()
    for seq, ack, flags, length, ts_val in segments:
        talk.sends(flags, seq, 1 + ack, bytes(length), options=Options(ts_val=ts_val, ts_ecr=0), urgent=seq & 0xFFFF)
        talk.passes(7 * MS)
        held = [*sk.sk_receive_queue, *sk.out_of_order_queue]
        assert sk.sk_rmem_alloc == sum(skb.truesize for skb in held)
        assert sk.copied_seq <= sk.rcv_nxt
        if sk.sk_state == TCP_ESTABLISHED:
            assert sk.rcv_wup <= sk.rcv_nxt <= sk.rcv_mwnd_seq
