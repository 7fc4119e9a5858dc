"""After a retransmission timeout: what is presumed lost, F-RTO's question, and reneging."""

from __future__ import annotations

from itertools import pairwise

import pytest

from netemu.stack import tcp_loss
from netemu.stack.sock import TCP_INFINITE_SSTHRESH, TCP_CA_Loss, TCP_CA_Open
from tests.stack.sender import Sender, established


def _timed_out(monkeypatch: pytest.MonkeyPatch, **how: object) -> Sender:
    """A sender whose ten segments got no answer: the probe, then the timeout, which is the last transmission."""
    sender = established(monkeypatch, tcp_early_retrans=0, **how)
    sender.write(10)
    sender.at(1410)
    assert [which for _, which in sender.sent[11:]] == [1]
    return sender


def test_a_timeout_loses_all_that_is_overdue_and_sends_one(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sk = sender.sk
    assert sk.icsk_ca_state == TCP_CA_Loss
    assert (sk.lost_out, sk.retrans_out, sk.snd_cwnd, sk.snd_ssthresh) == (10, 1, 1, 5)
    assert sender.counted("TCPTimeouts") == 1
    assert sk.icsk_backoff == 1


def test_what_was_sent_within_a_round_trip_is_not_lost_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, tcp_early_retrans=0)
    sender.write(5)
    sender.at(1370)
    sender.write(5)
    sender.at(1410)
    assert sender.sk.lost_out == 5


def test_timeouts_double_up_to_the_wheels_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sender.at(5000)
    times = [ms for ms, _ in sender.sent[11:]]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] == pytest.approx(620, abs=30)
    assert gaps[1] == pytest.approx(1220, abs=80)


def test_frto_sends_new_data_after_the_first_ack_and_undoes_when_originals_arrive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = _timed_out(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sender.at(1420)
    assert sender.ack(2) == [11, 12]
    assert sk.icsk_ca_state == TCP_CA_Loss
    sender.ack(3)
    assert sk.icsk_ca_state == TCP_CA_Open
    assert sender.counted("TCPSpuriousRTOs") == 1
    assert sk.lost_out == 0
    assert sk.snd_ssthresh == TCP_INFINITE_SSTHRESH
    assert sk.snd_cwnd >= 10


def test_frto_finds_the_loss_real_when_the_new_data_leave_a_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sender.write(10)
    sender.at(1420)
    assert sender.ack(2) == [11, 12]
    sender.at(1520)
    assert 2 in sender.ack(2, [(11, 12)])
    assert sender.sk.icsk_ca_state == TCP_CA_Loss
    assert not sender.sk.frto
    assert sender.counted("TCPSpuriousRTOs") == 0


def test_timestamps_tell_that_the_original_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sender.at(1420)
    sender.ack(2, echo_ms=1100)
    assert sender.sk.icsk_ca_state == TCP_CA_Open
    assert sender.counted("TCPLossUndo") == 1
    assert sender.counted("TCPSpuriousRTOs") == 0


def test_loss_ends_when_all_that_was_outstanding_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _timed_out(monkeypatch)
    sender.at(1520)
    assert sender.ack(2, echo_ms=1410) == [2, 3]
    sender.at(1620)
    sender.ack(11, echo_ms=1520)
    assert sender.sk.icsk_ca_state == TCP_CA_Open
    assert sender.counted("TCPLossUndo") == 0


def test_a_sacked_first_segment_at_a_timeout_is_reneging(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, tcp_early_retrans=0)
    sk = sender.sk
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(2, 6)])
    sender.at(1300)
    sender.ack(2, [(3, 6)])
    assert (sk.icsk_timeout - sender.net.jiffies) * 4 == 52, "half a round trip to say more, in ticks of 4 ms"
    sender.at(1400)
    assert sender.counted("TCPSACKReneging") == 1
    assert sk.sacked_out == 0
    assert sk.is_sack_reneg


def test_a_timeout_of_a_disordered_window_takes_back_a_large_reordering(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sk.reordering, sk.sacked_out, sk.icsk_ca_state = 30, 0, 1
    for skb in list(sk.tcp_rtx_queue)[1:5]:
        skb.sacked |= 1
        sk.sacked_out += 1
    sk.tcp_mstamp = 1_500_000
    tcp_loss.tcp_enter_loss(sk)
    assert sk.reordering == 3
