"""Who was sent first: copies made by the network told from repetitions, and packets that cross their own ACK."""

from __future__ import annotations

from pathlib import Path

from tests.trace.build import ACK, SYN, Talk, one

MSS = 1428


def six() -> Talk:
    """A conversation over IPv6, where no identification tells the order; 20 ms of round trip."""
    talk = Talk(client="fd00::1", server="fd00::2")
    talk.handshake()
    return talk


def test_the_same_bytes_in_the_same_tick_are_a_copy_where_the_round_trip_is_longer(tmp_path: Path) -> None:
    talk = Talk(client="fd00::1", server="fd00::2")  # captured at the server
    talk.say(0, "a", 0, 0, flags=SYN)
    talk.say(0.1, "b", 0, 1, flags=SYN | ACK)
    talk.say(20, "a", 1, 1)
    talk.say(30, "a", 1, 1, MSS)
    talk.say(30.1, "a", 1, 1, MSS)
    talk.say(30.2, "b", 1, 1 + MSS)
    talk.say(30.3, "a", 1, 1, MSS)
    row = one(talk.analyse(tmp_path))
    assert (row["a_retransmitted_segments"], row["a_unique_payload_bytes"]) == (0, MSS)
    assert talk.analyse(tmp_path).packets["network_duplicate"].sum() == 2


def test_a_later_tick_is_a_repetition(tmp_path: Path) -> None:
    talk = six()
    talk.say(30, "a", 1, 1, MSS)
    talk.say(260, "a", 1, 1, MSS)
    assert one(talk.analyse(tmp_path))["a_retransmitted_segments"] == 1


def test_a_packet_captured_behind_the_ack_of_it_is_new(tmp_path: Path) -> None:
    talk = six()
    talk.say(30, "a", 1, 1, MSS)
    talk.say(50, "b", 1, 1 + 2 * MSS)
    talk.say(50.1, "a", 1 + MSS, 1, MSS, ACK)
    talk.say(60, "a", 1 + 2 * MSS, 1, MSS)
    analysis = talk.analyse(tmp_path)
    row = one(analysis)
    assert (row["a_retransmitted_segments"], row["a_unique_payload_bytes"]) == (0, 3 * MSS)
    assert analysis.warnings == []


def test_a_packet_long_after_the_ack_of_it_was_sent_again(tmp_path: Path) -> None:
    talk = six()
    talk.say(30, "a", 1, 1, MSS)
    talk.say(50, "b", 1, 1 + 2 * MSS)
    talk.say(400, "a", 1 + MSS, 1, MSS, ACK)
    assert one(talk.analyse(tmp_path))["a_retransmitted_segments"] == 1
