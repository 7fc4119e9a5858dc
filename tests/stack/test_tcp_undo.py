"""Taking back a reduction that was needless: by D-SACKs, by timestamps, and when it must not be."""

from __future__ import annotations

import pytest

from netemu.stack.sock import TCP_CA_CWR, TCP_INFINITE_SSTHRESH, TCP_CA_Disorder, TCP_CA_Open, TCP_CA_Recovery
from netemu.stack.tcp_undo import tcp_packet_delayed
from tests.stack.sender import Sender, established


def _recovering(monkeypatch: pytest.MonkeyPatch, **how: object) -> Sender:
    """Segment 1 was sent again at 1200 ms because 2 to 5 arrived before it."""
    sender = established(monkeypatch, **how)
    sender.write(10)
    sender.at(1200)
    assert sender.ack(1, [(2, 6)])[0] == 1
    assert sender.sk.icsk_ca_state == TCP_CA_Recovery
    return sender


def test_a_dsack_of_every_retransmission_gives_the_window_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _recovering(monkeypatch)
    sk = sender.sk
    cwnd_before = sk.prior_cwnd
    sender.at(1205)
    sender.ack(6)
    sender.at(1300)
    sender.ack(8, [(1, 2)])
    assert sender.counted("TCPDSACKUndo") == 1
    assert sk.snd_cwnd >= cwnd_before
    assert sk.snd_ssthresh == TCP_INFINITE_SSTHRESH
    assert sk.icsk_ca_state in (TCP_CA_Open, TCP_CA_Disorder)
    assert sk.undo_marker == 0


def test_an_echo_from_before_the_retransmission_ends_a_recovery_by_undo(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _recovering(monkeypatch)
    sk = sender.sk
    sender.at(1205)
    sender.ack(sk.snd_nxt // 1000, echo_ms=1100)
    assert sender.counted("TCPFullUndo") == 1
    assert sk.icsk_ca_state == TCP_CA_Open
    assert sk.snd_ssthresh == TCP_INFINITE_SSTHRESH


def test_a_partial_ack_of_the_original_waits_for_the_retransmissions(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _recovering(monkeypatch, cwnd=20)
    sk = sender.sk
    assert sk.retrans_out == 1
    sender.at(1205)
    sender.ack(6, echo_ms=1100)
    assert sender.counted("TCPTSReorder") == 1
    assert sender.counted("TCPPartialUndo") == 1, "the retransmission was acknowledged with the original"
    assert sk.icsk_ca_state in (TCP_CA_Open, TCP_CA_Disorder)


def test_a_recovery_that_repaired_a_loss_keeps_the_lower_window(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _recovering(monkeypatch)
    sk = sender.sk
    sender.at(1300)
    sender.ack(6, echo_ms=1200)
    sender.ack(sk.snd_nxt // 1000, echo_ms=1200)
    assert sk.icsk_ca_state == TCP_CA_Open
    assert sk.snd_ssthresh == 5
    assert sk.snd_cwnd == 6, "at ssthresh, and one more for the round trip that ended"
    assert sender.counted("TCPFullUndo") == 0


def test_congestion_that_was_told_cannot_be_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sk.ecn_flags = 1
    sender.write(10)
    sender.at(1200)
    sender.ack(2, flags=0x50)
    assert sk.icsk_ca_state == TCP_CA_CWR
    assert sk.undo_marker == 0
    assert sk.prior_ssthresh == 0
    ssthresh = sk.snd_ssthresh
    sender.at(1300)
    sender.ack(sk.snd_nxt // 1000)
    sender.write(3)
    sender.at(1400)
    sender.ack(sk.snd_nxt // 1000)
    assert sk.icsk_ca_state == TCP_CA_Open
    assert sk.snd_ssthresh == ssthresh


def test_without_sack_the_state_is_held_until_more_than_the_episode_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = established(monkeypatch, sack=False)
    sk = sender.sk
    sender.write(6)
    sender.at(1200)
    for _ in range(3):
        sender.ack(1)
    assert sk.icsk_ca_state == TCP_CA_Recovery
    sender.at(1300)
    sender.ack(7)
    assert sk.icsk_ca_state == TCP_CA_Recovery
    sender.write(1)
    sender.at(1400)
    sender.ack(8)
    assert sk.icsk_ca_state == TCP_CA_Open


def test_before_anything_is_sent_again_what_arrives_was_merely_late(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch).sk
    sk.retrans_stamp = 0
    assert tcp_packet_delayed(sk)
    sk.retrans_stamp = 1200
    assert not tcp_packet_delayed(sk), "no timestamp to tell by"
    sk.saw_tstamp, sk.rcv_tsecr = True, 1199
    assert tcp_packet_delayed(sk)
    sk.rcv_tsecr = 1200
    assert not tcp_packet_delayed(sk)
