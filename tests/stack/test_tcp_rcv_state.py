"""Handshakes and closes, one segment at a time."""

from __future__ import annotations

import errno

import pytest

from netemu.packet.ip import NO_OPTIONS, Options
from netemu.packet.tcp import ACK, FIN, PSH, RST, SYN
from netemu.stack.sock import (
    TCP_CLOSE,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT2,
    TCP_LAST_ACK,
    TCP_SYN_RECV,
)
from tests.stack.peer import MS, Conversation, texts

SYN_ACK_OPTIONS = Options(1460, 7, True, 1, 0)


def test_passive_open_takes_over_what_the_syn_offers() -> None:
    sk = Conversation().accepts()
    assert sk.sk_state == TCP_ESTABLISHED
    assert (sk.snd_wscale, sk.sack_ok, sk.tstamp_ok, sk.tcp_header_len) == (7, True, True, 32)
    assert (sk.advmss, sk.ack_rcv_mss, sk.rcv_wnd) == (1448, 536, 65_160)


def test_syn_without_options_gets_none() -> None:
    sk = Conversation(options=NO_OPTIONS).accepts()
    assert (sk.sack_ok, sk.tstamp_ok, sk.wscale_ok, sk.rcv_wscale, sk.tcp_header_len) == (False, False, False, 0, 20)
    assert sk.mss_clamp == 536


def test_active_open_is_acknowledged_at_once() -> None:
    talk = Conversation()
    talk.connects()
    connect = talk.call_id
    echo = talk.replies[-1].tcp.options.ts_val
    options = Options(1460, 7, True, 1, echo)
    assert texts(talk.sends(SYN | ACK, 0, options=options)) == ["ACK 1:0 ack 1"]
    assert (talk.result(connect), talk.sock.sk_state) == (None, TCP_ESTABLISHED)
    assert talk.returned[connect] == (None, 0)


def test_syn_ack_without_scaling_bounds_the_window() -> None:
    talk = Conversation(options=NO_OPTIONS)
    talk.connects()
    talk.sends(SYN | ACK, 0, options=Options(1000), window=64_000)
    assert (talk.sock.rcv_wscale, talk.sock.window_clamp, talk.sock.mss_cache) == (0, 64_076, 1000)


@pytest.mark.parametrize("ack", [0, 2, 5000])
def test_ack_of_what_was_not_sent_is_reset(ack: int) -> None:
    talk = Conversation()
    talk.connects()
    (reply,) = talk.sends(SYN | ACK, 0, ack, options=NO_OPTIONS)
    assert reply.tcp.flags == RST
    assert talk.sock.sk_state != TCP_CLOSE


def test_echo_of_a_timestamp_never_sent_is_reset() -> None:
    talk = Conversation()
    talk.connects()
    (reply,) = talk.sends(SYN | ACK, 0, options=Options(1460, 7, True, 1, 12_345))
    assert reply.tcp.flags == RST
    assert talk.net.mib["PAWSActive"] == 1


def test_refused_connection() -> None:
    talk = Conversation()
    talk.connects()
    connect = talk.call_id
    assert talk.sends(RST | ACK, 0, ts=False) == []
    assert talk.result(connect) == -errno.ECONNREFUSED


def test_reset_or_ack_alone_does_not_answer_a_syn() -> None:
    talk = Conversation()
    talk.connects()
    assert talk.sends(RST, 0, ts=False) == []
    assert talk.sends(ACK, 0, ts=False) == []
    assert talk.sock.sk_state == 2


def test_crossed_syns_open_both_ends() -> None:
    talk = Conversation()
    talk.connects()
    connect = talk.call_id
    (reply,) = talk.sends(SYN, 0, options=talk.options)
    assert reply.tcp.flags == SYN | ACK
    assert talk.sock.sk_state == TCP_SYN_RECV
    talk.sends(SYN | ACK, 0, options=SYN_ACK_OPTIONS)
    assert talk.sock.sk_state == TCP_ESTABLISHED
    assert talk.returned[connect] == (None, 0)


def test_close_of_the_peer_then_ours() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.sends(FIN | ACK, 1)
    assert sk.sk_state == TCP_CLOSE_WAIT
    talk.passes(300 * MS)
    assert texts(talk.replies)[-1] == "ACK 1:0 ack 2"
    talk.call("close", talk.fd)
    assert texts(talk.replies)[-1] == "FIN|ACK 1:0 ack 2"
    assert sk.sk_state == TCP_LAST_ACK
    talk.sends(ACK, 2, 2)
    assert sk.sk_state == TCP_CLOSE


def test_close_of_ours_then_the_peers() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.call("shutdown", talk.fd, 1)
    talk.sends(ACK, 1, 2)
    assert sk.sk_state == TCP_FIN_WAIT2
    assert talk.call("recv", talk.fd, 100) is None
    recv = talk.call_id
    (reply,) = talk.sends(FIN | ACK | PSH, 1, 2, data=b"last")
    assert reply.text == "ACK 2:0 ack 6"
    assert talk.result(recv) == b"last"
    assert texts(talk.sends(FIN | ACK, 5, 2)) == ["ACK 2:0 ack 6"]


def test_simultaneous_close() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.call("shutdown", talk.fd, 1)
    assert texts(talk.sends(FIN | ACK, 1)) == ["ACK 2:0 ack 2"]
    assert sk.sk_state == TCP_CLOSING
    talk.sends(ACK, 2, 2)
    assert texts(talk.sends(FIN | ACK, 1, 2)) == ["ACK 2:0 ack 2"]


def test_data_after_a_close_that_reads_no_more_is_reset() -> None:
    talk = Conversation()
    talk.accepts()
    talk.call("close", talk.fd)
    talk.sends(ACK, 1, 2)
    (reply,) = talk.sends(ACK, 1, 2, data=b"late")
    assert reply.tcp.flags & RST
    assert talk.net.mib["TCPAbortOnData"] >= 0


def test_data_after_shutdown_of_both_directions_resets_the_connection() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.call("shutdown", talk.fd, 2)
    (reply,) = talk.sends(ACK, 1, 2, data=b"late")
    assert reply.tcp.flags & RST
    assert talk.net.mib["TCPAbortOnData"] == 1
    assert sk.sk_state == TCP_CLOSE


@pytest.mark.parametrize(("flags", "answer"), [(ACK, RST), (RST, None), (SYN | FIN, None), (0, None)])
def test_listener_refuses_what_opens_nothing(flags: int, answer: int | None) -> None:
    talk = Conversation()
    listener = talk.call("socket", 2, 1)
    talk.call("bind", listener, ("0.0.0.0", talk.local))
    talk.call("listen", listener, 5)
    replies = talk.sends(flags, 0, options=talk.options)
    assert [reply.tcp.flags for reply in replies] == ([] if answer is None else [answer])
