"""The queueing discipline fq: it holds paced segments, and what they are charged, until their time."""

from __future__ import annotations

import struct

import pytest

from netemu.packet.tcp import ACK, RST
from netemu.stack.sch_fq import Fq
from tests.stack.peer import MS, Conversation

_SO_MAX_PACING_RATE = 47
_MSS = 1448


@pytest.fixture
def talk() -> Conversation:
    """A connection paced by fq at a segment each 1.448 ms."""
    talk = Conversation()
    talk.net.qdisc = Fq(talk.net)
    talk.accepts()
    talk.call("setsockopt", talk.fd, 1, _SO_MAX_PACING_RATE, struct.pack("=Q", 1_000_000))
    talk.sock.snd_cwnd = 40
    return talk


def test_ten_segments_leave_at_once_and_the_others_at_their_time(talk: Conversation) -> None:
    before, begin_ns = len(talk.replies), talk.now_ns
    talk.call("send", talk.fd, bytes(16 * _MSS))
    talk.passes(100 * MS)
    times = [reply.t_ns - begin_ns for reply in talk.replies[before:] if reply.tcp.payload]
    assert times[:10] == [0] * 10
    assert times[10:16] == [number * 1_448_000 for number in range(1, 7)]


def test_small_queues_bound_what_waits_and_its_memory_is_given_back(talk: Conversation) -> None:
    talk.call("send", talk.fd, bytes(30 * _MSS))
    sk = talk.sock
    assert sk.sk_pacing_fq and not sk.sk_pacing_needed
    assert 0 < sk.sk_wmem_alloc <= 3 * 2408
    assert sk.sk_write_queue.head is not None
    talk.passes(150 * MS)
    assert sk.sk_wmem_alloc == 0
    assert sk.sk_write_queue.head is None


def test_what_still_waits_is_not_sent_again(talk: Conversation) -> None:
    talk.call("send", talk.fd, bytes(12 * _MSS))
    tail = talk.sock.tcp_rtx_queue.tail
    assert tail is not None and talk.net.qdisc is not None
    assert talk.net.qdisc.holds(tail)
    talk.passes(10 * MS)
    assert not talk.net.qdisc.holds(tail)


def test_packets_of_no_socket_pass(talk: Conversation) -> None:
    talk.call("send", talk.fd, bytes(20 * _MSS))
    talk.local = 81
    (reset,) = talk.sends(ACK, 1)
    assert reset.tcp.flags == RST
