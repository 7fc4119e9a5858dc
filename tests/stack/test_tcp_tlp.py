"""The tail loss probe: when it is sent, what it sends, and what its acknowledgement says."""

from __future__ import annotations

import pytest

from netemu.stack.sock import ICSK_TIME_LOSS_PROBE, ICSK_TIME_RETRANS, TCP_CA_Disorder, TCP_CA_Open
from tests.stack.sender import established


def test_the_probe_comes_two_round_trips_after_the_last_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(5)
    assert sender.sk.icsk_pending == ICSK_TIME_LOSS_PROBE
    sender.at(1300)
    assert len(sender.sent) == 6
    sender.at(1330)
    assert sender.sent[6:] == [(sender.sent[6][0], 5)], "the last segment again"
    assert 1302 <= sender.sent[6][0] <= 1330
    assert sender.sk.icsk_pending == ICSK_TIME_RETRANS
    assert sender.counted("TCPLossProbes") == 1


def test_a_single_segment_waits_for_a_delayed_ack_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(1)
    sender.at(1395)
    assert len(sender.sent) == 2
    sender.at(1430)
    assert len(sender.sent) == 3


def test_new_data_is_the_better_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, cwnd=5)
    sender.write(8)
    limit = sender.sent[-1][1]
    sender.at(1330)
    assert sender.sent[-1][1] == limit + 1
    assert not sender.sk.tlp_retrans


def test_one_probe_in_an_episode_then_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(5)
    sender.at(2500)
    assert sender.counted("TCPLossProbes") == 1
    assert sender.counted("TCPTimeouts") >= 1


def test_a_probe_that_repaired_a_loss_reduces_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(5)
    sender.at(1200)
    sender.ack(5)  # all but the last
    sender.at(1700)
    cwnd = sk.snd_cwnd
    assert sk.tlp_high_seq and sk.tlp_retrans
    sender.ack(6)  # the probe, or the original: unknown until something more is acknowledged
    sender.write(1)
    sender.at(1800)
    sender.ack(7)
    assert sender.counted("TCPLossProbeRecovery") == 1
    assert sk.snd_cwnd < cwnd
    assert sk.icsk_ca_state == TCP_CA_Open


def test_a_dsack_of_the_probe_says_that_nothing_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(1)
    sender.at(1430)
    assert sk.tlp_high_seq
    cwnd = sk.snd_cwnd
    sender.ack(2)
    sender.ack(2, [(1, 2)])
    assert sk.tlp_high_seq == 0
    assert sender.counted("TCPLossProbeRecovery") == 0
    assert sk.snd_cwnd >= cwnd


def test_the_acknowledged_probe_shows_what_else_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(5)
    sender.at(1330)
    sender.at(1420)
    sent = sender.ack(1, [(5, 6)])
    assert 1 in sent
    assert sender.sk.lost_out == 4
    assert sender.sk.icsk_ca_state != TCP_CA_Disorder


def test_without_sack_there_is_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, sack=False)
    sender.write(5)
    assert sender.sk.icsk_pending == ICSK_TIME_RETRANS


def test_before_4_13_two_round_trips_or_one_and_a_half_and_a_delayed_ack(monkeypatch: pytest.MonkeyPatch) -> None:
    for segments, wait_ms in ((5, 200), (1, 300)):  # for one 350 ms, but the timeout comes sooner
        sender = established(monkeypatch, era="linux-3.10")
        sender.write(segments)
        assert sender.sk.icsk_pending == ICSK_TIME_LOSS_PROBE
        hz = sender.sk.net.profile.hz
        assert abs(sender.sk.icsk_timeout - sender.sk.net.jiffies - wait_ms * hz // 1000) <= 1
    sender = established(monkeypatch, cwnd=20, era="linux-3.10")
    sender.sk.snd_wnd = 2 * sender.sk.mss_cache
    sender.write(8)  # the peer's window holds the rest back, not the sender's
    assert sender.sk.icsk_pending == ICSK_TIME_RETRANS
