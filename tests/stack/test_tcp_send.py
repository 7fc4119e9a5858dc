"""Segments without data: numbers, flags, and what they do to the socket."""

from __future__ import annotations

import pytest

from netemu.packet.ip import Options
from netemu.packet.tcp import ACK, ECE, FIN, PSH, RST, SYN
from netemu.stack import tcp_send
from netemu.stack.request_sock import RequestSock
from netemu.stack.sock import (
    ICSK_TIME_PROBE0,
    ICSK_TIME_RETRANS,
    SOCK_RCVBUF_LOCK,
    TCP_CLOSE,
    TCP_SYN_SENT,
)
from tests.stack.senders import HEAD, MSS, Wire, cut_off, make_sender, queued, send, wire

__all__ = ["wire"]


def test_an_ack_has_the_next_number_and_costs_none(wire: Wire) -> None:
    sk = make_sender()
    tcp_send.tcp_send_ack(sk)
    assert (wire.segments[0].seq, wire.segments[0].flags, wire.segments[0].payload) == (1001, ACK, b"")
    assert sk.snd_nxt == 1001
    sk.sk_state = TCP_CLOSE
    tcp_send.tcp_send_ack(sk)
    assert len(wire.segments) == 1


def test_a_window_that_shrank_pulls_the_number_of_an_ack_back() -> None:
    sk = make_sender()
    sk.snd_nxt, sk.snd_wnd = 1001 + 5000, 3000
    assert tcp_send.tcp_acceptable_seq(sk) == 4001
    sk.snd_wnd = 5000 - 127  # less than a unit of the scale: loss of precision
    assert tcp_send.tcp_acceptable_seq(sk) == 6001


def test_fin_rides_on_the_last_unsent_segment(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_cwnd = 1
    send(sk, bytes(MSS + 10))
    tcp_send.tcp_send_fin(sk)
    tail = sk.sk_write_queue.tail
    assert tail is not None
    assert tail.tcp_flags == ACK | PSH | FIN
    assert sk.write_seq == tail.end_seq == 1001 + MSS + 11


def test_fin_alone_is_a_segment_of_the_queue(wire: Wire) -> None:
    sk = make_sender()
    send(sk, b"x")
    tcp_send.tcp_send_fin(sk)
    assert [segment.flags for segment in wire.segments] == [ACK | PSH, ACK | FIN]
    assert wire.segments[1].seq == 1002
    assert sk.packets_out == 2
    assert queued(sk) == sk.sk_wmem_queued == 2 * HEAD + 1


def test_short_of_memory_the_fin_joins_what_was_sent_already(wire: Wire) -> None:
    sk = make_sender()
    send(sk, b"x")
    sk.net.tcp_memory_pressure = 1
    tcp_send.tcp_send_fin(sk)
    assert len(wire.segments) == 1
    assert sk.tcp_rtx_queue.tail is not None
    assert sk.tcp_rtx_queue.tail.tcp_flags & FIN
    assert sk.snd_nxt == sk.write_seq == 1003


def test_a_reset_says_where_the_stream_ended(wire: Wire) -> None:
    sk = make_sender()
    tcp_send.tcp_send_active_reset(sk)
    assert (wire.segments[0].flags, wire.segments[0].seq) == (ACK | RST, 1001)
    assert sk.net.mib["OutRsts"] == 1
    cut_off(sk)
    tcp_send.tcp_send_active_reset(sk)
    assert sk.net.mib["TCPAbortFailed"] == 1


def test_connect_sends_a_syn_and_repeats_it(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_state, sk.write_seq = TCP_SYN_SENT, 77
    sk.mss_clamp, sk.mss_cache, sk.advmss, sk.window_clamp = 536, 536, 65535, 0
    assert tcp_send.tcp_connect(sk) == 0
    syn = wire.segments[0]
    assert (syn.seq, syn.flags, syn.ack_seq) == (77, SYN, 0)
    assert syn.options.mss == 1460
    assert syn.options.window_scale == sk.rcv_wscale
    assert wire.lengths == [40]
    assert (sk.snd_una, sk.snd_nxt, sk.write_seq, sk.packets_out) == (77, 78, 78, 1)
    assert sk.icsk_pending == ICSK_TIME_RETRANS
    assert sk.icsk_rto == sk.net.profile.hz
    assert sk.sk_wmem_queued == HEAD == queued(sk)
    assert sk.net.mib["ActiveOpens"] == 1


def test_connect_without_a_route_fails() -> None:
    sk = make_sender()
    sk.sk_dst = None
    assert tcp_send.tcp_connect(sk) == -tcp_send.EHOSTUNREACH


def test_a_user_s_receive_buffer_clamps_the_first_window(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_userlocks, sk.sk_rcvbuf, sk.window_clamp = SOCK_RCVBUF_LOCK, 8192, 0
    tcp_send.tcp_connect_init(sk)
    assert sk.rcv_wnd <= 4096
    assert sk.window_clamp <= 65535


def test_the_syn_of_a_simultaneous_open_becomes_a_syn_ack(wire: Wire) -> None:
    sk = make_sender()
    sk.sk_state, sk.write_seq = TCP_SYN_SENT, 77
    assert tcp_send.tcp_send_synack(sk) == -tcp_send.EFAULT
    tcp_send.tcp_connect(sk)
    sk.rcv_nxt = 501
    assert tcp_send.tcp_send_synack(sk) == 0
    assert (wire.segments[1].flags, wire.segments[1].seq, wire.segments[1].ack_seq) == (SYN | ACK, 77, 501)


def test_a_syn_ack_offers_what_the_request_agreed_on() -> None:
    sk = make_sender()
    assert sk.sk_dst is not None
    req = RequestSock(sk.net, sk, 2, "10.0.0.1", 80, "10.0.0.2", 1025, sk.sk_dst)
    req.snt_isn, req.rcv_nxt, req.rsk_rcv_wnd, req.rcv_wscale = 900, 301, 70_000, 7
    req.ecn_ok = True
    segment, length = tcp_send.tcp_make_synack(sk, sk.sk_dst, req, tcp_send.TCP_SYNACK_NORMAL)
    assert (segment.flags, segment.seq, segment.ack_seq, segment.window) == (SYN | ACK | ECE, 900, 301, 65535)
    assert segment.options == Options(mss=1460)
    assert length == 24
    req.wscale_ok = req.tstamp_ok = req.sack_ok = True
    req.ts_recent, req.ts_off = 12, 5
    segment, length = tcp_send.tcp_make_synack(sk, sk.sk_dst, req, tcp_send.TCP_SYNACK_NORMAL)
    assert segment.options == Options(mss=1460, window_scale=7, sack_permitted=True, ts_val=1005, ts_ecr=12)
    assert length == 40
    assert req.snt_synack == 1_000_000
    segment, _ = tcp_send.tcp_make_synack(sk, sk.sk_dst, req, tcp_send.TCP_SYNACK_COOKIE, 4711)
    assert segment.options.ts_val == 4711


def test_purging_gives_all_memory_back(wire: Wire) -> None:
    sk = make_sender()
    send(sk, bytes(20 * MSS))
    tcp_send.tcp_write_queue_purge(sk)
    assert (sk.sk_wmem_queued, sk.packets_out, sk.sk_write_queue.qlen, sk.tcp_rtx_queue.qlen) == (0, 0, 0, 0)
    assert sk.net.tcp_memory_allocated == 0
    assert sk.highest_sack is None
    assert sk.tsorted_sent_queue.head is None


def test_a_probe_of_a_shut_window_is_empty_and_old(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 0
    send(sk, b"x")
    tcp_send.tcp_send_probe0(sk)
    assert (wire.segments[0].seq, wire.segments[0].flags, wire.segments[0].payload) == (1000, ACK, b"")
    assert (sk.icsk_probes_out, sk.icsk_backoff, sk.icsk_pending) == (1, 1, ICSK_TIME_PROBE0)
    assert sk.net.mib["TCPWinProbe"] == 1


def test_a_probe_of_a_narrow_window_carries_what_fits(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 0
    send(sk, bytes(1000))
    sk.snd_wnd = 300
    tcp_send.tcp_send_probe0(sk)
    assert [(len(segment.payload), segment.flags) for segment in wire.segments] == [(300, ACK | PSH)]
    assert (sk.packets_out, sk.icsk_probes_out, sk.sk_write_queue.qlen) == (1, 0, 1)


def test_urgent_data_is_probed_for_twice(wire: Wire) -> None:
    sk = make_sender()
    sk.snd_wnd = 0
    send(sk, b"x")
    sk.snd_up = 1002
    tcp_send.tcp_write_wakeup(sk, "TCPWinProbe")
    assert [segment.seq for segment in wire.segments] == [1001, 1000]


@pytest.mark.parametrize("state", [TCP_CLOSE])
def test_nothing_is_probed_in_a_closed_state(wire: Wire, state: int) -> None:
    sk = make_sender()
    sk.sk_state = state
    assert tcp_send.tcp_write_wakeup(sk, "TCPKeepAlive") == -1
    tcp_send.tcp_send_window_probe(sk)
    assert wire.segments == []


def test_a_connection_taken_over_asks_for_the_window(wire: Wire) -> None:
    sk = make_sender()
    tcp_send.tcp_send_window_probe(sk)
    assert (wire.segments[0].seq, sk.snd_wl1) == (1000, 5000)
