"""What is not acceptable, and how it is answered: RFC 5961, PAWS, the window, and their limits."""

from __future__ import annotations

import pytest

from netemu.packet.ip import Options
from netemu.packet.tcp import ACK, RST, SYN
from netemu.stack import tcp_validate
from netemu.stack.sock import TCP_CLOSE
from tests.stack.peer import MS, Conversation, texts
from tests.stack.receiving import receiver, segment


@pytest.mark.parametrize(
    ("value", "signed"), [(0, 0), (1, 1), (-1, -1), (0x80000000, -0x80000000), (0x7FFFFFFF, 0x7FFFFFFF)]
)
def test_differences_are_of_32_bits(value: int, signed: int) -> None:
    assert tcp_validate.signed32(value) == signed
    assert tcp_validate.signed32(value + (1 << 32)) == signed


def test_reset_at_the_next_byte_ends_the_connection() -> None:
    talk = Conversation()
    sk = talk.accepts()
    assert talk.sends(RST, 1) == []
    assert (sk.sk_state, sk.sk_err) == (TCP_CLOSE, 104)


def test_reset_elsewhere_in_the_window_is_challenged_once_in_half_a_second() -> None:
    talk = Conversation()
    sk = talk.accepts()
    assert texts(talk.sends(RST, 100)) == ["ACK 1:0 ack 1"]
    assert talk.sends(RST, 200) == []
    talk.passes(600 * MS)
    assert texts(talk.sends(RST, 300)) == ["ACK 1:0 ack 1"]
    assert (talk.net.mib["TCPChallengeACK"], talk.net.mib["TCPACKSkippedChallenge"]) == (2, 1)
    assert sk.sk_state != TCP_CLOSE


def test_reset_outside_the_window_is_dropped() -> None:
    talk = Conversation()
    talk.accepts()
    assert talk.sends(RST, 1_000_000) == []


def test_reset_at_the_end_of_the_highest_block_counts() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.sends(ACK, 1001, data=bytes(1000))
    talk.sends(RST, 2001)
    assert sk.sk_state == TCP_CLOSE


def test_syn_is_challenged() -> None:
    talk = Conversation()
    talk.accepts()
    assert texts(talk.sends(SYN, 100)) == ["ACK 1:0 ack 1"]
    assert talk.net.mib["TCPSYNChallenge"] == 1


def test_challenges_of_a_host_are_limited_where_the_sysctl_asks() -> None:
    sk = receiver()
    sk.net.sysctl.tcp_challenge_ack_limit = 10
    allowed = sum(tcp_validate.tcp_input.tcp_challenge_ack_allowed(sk) for _ in range(100))
    assert 5 <= allowed < 15


def test_old_data_is_answered_with_a_duplicate_block() -> None:
    talk = Conversation()
    talk.accepts()
    talk.sends(ACK, 1, data=bytes(1000))
    talk.sends(ACK, 1001, data=bytes(1000))
    assert texts(talk.sends(ACK, 1, data=bytes(500))) == ["ACK 1:0 ack 2001 <1-501>"]


def test_data_past_the_window_is_answered_unless_nothing_is_queued() -> None:
    talk = Conversation()
    sk = talk.accepts()
    edge = sk.rcv_mwnd_seq - sk.rcv_nxt
    assert texts(talk.sends(ACK, 1 + edge, data=bytes(100))) == ["ACK 1:0 ack 1"]
    assert talk.net.mib["BeyondWindow"] == 1


def test_pure_ack_past_the_window_is_answered_once_in_half_a_second() -> None:
    talk = Conversation()
    talk.accepts()
    assert texts(talk.sends(ACK, 1_000_000)) == ["ACK 1:0 ack 1"]
    assert talk.sends(ACK, 1_000_000) == []
    assert talk.net.mib["TCPACKSkippedSeq"] == 1


def test_old_timestamp_is_refused_and_answered() -> None:
    talk = Conversation()
    talk.accepts()
    talk.sends(ACK, 1, data=bytes(10), ts_val=1000)
    assert texts(talk.sends(ACK, 11, data=bytes(10), ts_val=500)) == ["ACK 1:0 ack 11"]
    assert talk.net.mib["PAWSEstab"] == 1


def test_old_ack_with_an_old_timestamp_is_not_answered() -> None:
    talk = Conversation()
    talk.accepts()
    talk.sends(ACK, 1, data=bytes(10), ts_val=1000)
    assert talk.sends(ACK, 1, ts_val=500) == []
    assert talk.net.mib["PAWSOldAck"] == 1
    talk = Conversation("linux-6")
    talk.accepts()
    talk.sends(ACK, 1, data=bytes(10), ts_val=1000)
    assert len(talk.sends(ACK, 1, ts_val=500)) == 1


def test_overtaken_duplicate_ack_is_taken_in_spite_of_its_timestamp() -> None:
    talk = Conversation()
    talk.accepts()
    talk.sends(ACK, 1, data=bytes(10), ts_val=1000)
    talk.sends(ACK, 11, ts_val=1000)
    assert talk.sends(ACK, 11, ts_val=990) == []
    assert talk.net.mib["PAWSEstab"] == 0


def test_reset_is_taken_in_spite_of_its_timestamp() -> None:
    talk = Conversation()
    sk = talk.accepts()
    talk.sends(ACK, 1, data=bytes(10), ts_val=1000)
    talk.sends(RST, 11, options=Options(ts_val=1, ts_ecr=0))
    assert sk.sk_state == TCP_CLOSE


def test_timestamp_of_zero_never_was() -> None:
    sk = receiver()
    sk.ts_recent, sk.rcv_tsval = 0, 0x90000000
    assert tcp_validate.tcp_paws_check(sk, 0)
    sk.ts_recent, sk.rcv_tsval = 1000, 999
    assert tcp_validate.tcp_paws_check(sk, 1)
    assert tcp_validate.tcp_paws_reject(sk, False)
    sk.net.now_ns = 61_000_000_000
    assert not tcp_validate.tcp_paws_reject(sk, True)
    sk.net.now_ns = 25 * 86_400 * 1_000_000_000
    assert tcp_validate.tcp_paws_check(sk, 0)


def test_end_of_a_segment_counts_since_6_17() -> None:
    sk = receiver()
    assert tcp_validate.tcp_sequence(sk, segment(63_990, 100)) is None
    sk.sk_receive_queue.append(segment(1, 1))
    assert tcp_validate.tcp_sequence(sk, segment(63_990, 100)) == tcp_validate.INVALID_END_SEQUENCE
    assert tcp_validate.tcp_sequence(sk, segment(70_000, 100)) == tcp_validate.INVALID_SEQUENCE
    sk.rcv_nxt = sk.rcv_wup = 1000
    assert tcp_validate.tcp_sequence(sk, segment(1, 10)) == tcp_validate.OLD_SEQUENCE
