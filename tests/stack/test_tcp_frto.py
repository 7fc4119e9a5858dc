"""A timeout of Linux 2.6.24 to 3.9: it is a loss only when the ACKs after it say so (RFC 4138)."""

from __future__ import annotations

import pytest

from netemu.stack.sock import TCP_CA_CWR, TCP_CA_Disorder, TCP_CA_Loss, TCP_CA_Open
from tests.stack.sender import Sender, established


def _timed_out(monkeypatch: pytest.MonkeyPatch, **how: object) -> Sender:
    """Ten segments, 1 to 10, got no answer; the first went again, and ten more wait."""
    sender = established(monkeypatch, era="linux-2.6", **how)
    sender.write(10)
    sender.at(1450)
    assert [which for _, which in sender.sent[11:]] == [1]
    sender.write(10)
    sk = sender.sk
    assert (sk.icsk_ca_state, sk.lost_out, sk.retrans_out, sk.frto_counter) == (TCP_CA_Disorder, 0, 1, 1)
    assert len(sender.sent) == 12
    return sender


@pytest.mark.parametrize("sack", [True, False])
def test_a_needless_timeout_halves_the_window_and_sends_nothing_again(
    monkeypatch: pytest.MonkeyPatch, sack: bool
) -> None:
    sender = _timed_out(monkeypatch, sack=sack)
    sk = sender.sk
    assert sender.ack(2) == [11, 12]
    assert (sk.frto_counter, sk.icsk_ca_state == TCP_CA_Loss) == (3, False)
    ssthresh = sk.snd_ssthresh
    sender.ack(3)
    assert (sk.frto_counter, sk.icsk_ca_state, sk.snd_ssthresh) == (0, TCP_CA_CWR, ssthresh)
    assert sender.counted("TCPSpuriousRTOs") == 1
    for segment in range(4, 13):
        assert all(which > 12 for which in sender.ack(segment))
    assert (sk.snd_cwnd, sk.lost_out) == (6, 0)  # one less for every second ACK, from ten


def test_a_duplicate_before_the_first_advance_begins_the_recovery_without_sack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = _timed_out(monkeypatch, sack=False)
    sk = sender.sk
    assert sender.ack(1) == []
    assert (sk.icsk_ca_state, sk.frto_counter, sk.lost_out, sk.retrans_out, sk.snd_cwnd) == (TCP_CA_Loss, 0, 10, 1, 1)
    assert sender.ack(2) == [2, 3]


def test_with_sack_a_duplicate_waits_for_the_first_advance(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sk = sender.sk
    assert sender.ack(1, [(3, 4)]) == []
    assert (sk.frto_counter, sk.icsk_ca_state) == (1, TCP_CA_Disorder)


def test_new_data_sacked_behind_what_is_missing_begins_the_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sk = sender.sk
    assert sender.ack(2) == [11, 12]
    assert sender.ack(2, [(11, 12)]) == [2, 3, 4]
    assert (sk.icsk_ca_state, sk.frto_counter, sk.lost_out) == (TCP_CA_Loss, 0, 10)


def test_an_original_that_is_sacked_shows_that_the_timeout_was_needless(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sender.ack(2)
    sender.ack(2, [(3, 4)])
    assert (sender.sk.icsk_ca_state, sender.sk.frto_counter) == (TCP_CA_CWR, 0)


def test_an_ack_of_all_that_was_out_leaves_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sk = sender.sk
    assert sender.ack(11) == [11, 12]
    assert (sk.frto_counter, sk.icsk_ca_state, sk.lost_out) == (0, TCP_CA_Open, 0)


def test_without_new_data_the_recovery_begins_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-2.6")
    sender.write(10)
    sender.at(1450)
    assert sender.ack(2) == [2, 3]
    assert sender.sk.icsk_ca_state == TCP_CA_Loss


def test_a_second_timeout_waits_twice_as_long_and_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sk = sender.sk
    ssthresh = sk.snd_ssthresh
    sender.at(2200)
    assert [which for _, which in sender.sent[12:]] == [1]
    assert (sk.frto_counter, sk.retrans_out, sk.snd_ssthresh, sk.undo_marker) == (1, 1, ssthresh, 0)


def test_without_sack_two_segments_sent_again_rule_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch, sack=False)
    sender.ack(1)
    sender.ack(2)
    sender.at(3000)
    assert (sender.sk.icsk_ca_state, sender.sk.frto_counter) == (TCP_CA_Loss, 0)


@pytest.mark.parametrize(("era", "frto"), [("linux-2.6", 0), ("linux-2.4", 2), ("linux-3.10", 2), ("linux-7", 2)])
def test_other_eras_and_without_it_a_timeout_is_a_loss(monkeypatch: pytest.MonkeyPatch, era: str, frto: int) -> None:
    sender = established(monkeypatch, era=era, tcp_frto=frto, tcp_early_retrans=0)
    sender.write(10)
    sender.at(1450)
    assert (sender.sk.icsk_ca_state, sender.sk.frto_counter) == (TCP_CA_Loss, 0)
