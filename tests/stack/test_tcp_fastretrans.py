"""The congestion states that unusual ACKs lead through."""

from __future__ import annotations

import pytest

from netemu.stack import tcp_fastretrans
from netemu.stack.sock import TCP_CA_CWR, TCP_CA_Disorder, TCP_CA_Loss, TCP_CA_Open, TCP_CA_Recovery
from tests.stack.sender import FIRST, MSS, established


@pytest.mark.parametrize("losses", [1, 2, 3, 5])
def test_each_lost_segment_is_sent_again_once_without_a_timeout(monkeypatch: pytest.MonkeyPatch, losses: int) -> None:
    sender = established(monkeypatch, cwnd=20)
    sk = sender.sk
    sender.write(20)
    last = (sk.snd_nxt - FIRST) // MSS
    sender.at(1200)
    for arrived in range(losses + 1, last):
        sender.at(1200 + arrived)
        sender.ack(1, [(losses + 1, arrived + 1)])
    again = sorted(which for _, which in sender.sent if which <= losses and which)
    assert again == sorted([*range(1, losses + 1)] * 2)
    end = (sk.snd_nxt - FIRST) // MSS
    for at, ack in enumerate([*range(2, losses + 1), end]):
        sender.at(1300 + at)
        sender.ack(ack, [(losses + 1, last)] if ack <= losses else [])
    assert sk.icsk_ca_state == TCP_CA_Open
    assert sender.counted("TCPTimeouts") == 0
    assert sender.counted("TCPFastRetrans") == losses
    assert sk.snd_cwnd >= sk.snd_ssthresh


def test_an_echo_of_congestion_reduces_once_a_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, cwnd=20)
    sk = sender.sk
    sk.ecn_flags = 1
    sender.write(30)
    sender.at(1200)
    sender.ack(3, flags=0x50)
    assert sk.icsk_ca_state == TCP_CA_CWR
    ssthresh = sk.snd_ssthresh
    sender.ack(5, flags=0x50)
    assert sk.snd_ssthresh == ssthresh
    assert sender.counted("TCPDeliveredCE") == 4


def test_sacks_alone_make_disorder_and_their_end_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(2, 3)])
    assert sender.sk.icsk_ca_state == TCP_CA_Disorder
    sender.ack(3)
    assert sender.sk.icsk_ca_state == TCP_CA_Open


def test_a_loss_in_cwr_starts_a_recovery_without_a_second_reduction(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, cwnd=20)
    sk = sender.sk
    sk.ecn_flags = 1
    sender.write(20)
    sender.at(1200)
    sender.ack(3, flags=0x50)
    ssthresh = sk.snd_ssthresh
    sender.ack(3, [(4, 10)])
    assert sk.icsk_ca_state == TCP_CA_Recovery
    assert sk.snd_ssthresh == ssthresh
    assert sk.prior_ssthresh == 0


def test_duplicates_beyond_what_is_outstanding_are_reordering(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, sack=False)
    sk = sender.sk
    sender.write(4)
    sk.reordering = 10
    for _ in range(5):
        tcp_fastretrans.tcp_add_reno_sack(sk, 1, False)
    assert sk.sacked_out == 3
    assert sk.reordering == 4
    assert sender.counted("TCPRenoReorder") == 2
    tcp_fastretrans.tcp_remove_reno_sacks(sk, 2, False)
    assert sk.sacked_out == 2


def test_a_smaller_path_mtu_is_no_congestion(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(5)
    cwnd = sk.snd_cwnd
    tcp_fastretrans.tcp_non_congestion_loss_retransmit(sk)
    assert sk.icsk_ca_state == TCP_CA_Loss
    assert sk.snd_cwnd == cwnd
    assert (sk.undo_marker, sk.prior_ssthresh) == (0, 0)


def test_a_new_connection_remembers_no_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch).sk
    sk.lost_out = sk.sacked_out = sk.retrans_out = sk.undo_marker = sk.total_rto = 7
    tcp_fastretrans.tcp_clear_retrans(sk)
    assert (sk.lost_out, sk.sacked_out, sk.retrans_out, sk.undo_marker, sk.total_rto) == (0, 0, 0, 0, 0)
    assert sk.undo_retrans == -1


def test_a_lost_probe_of_the_mtu_is_sent_again_in_pieces_without_a_reduction(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sender.at(1200)
    sk.mtup_probe_size = 2000
    sk.mtu_probe_seq_start, sk.mtu_probe_seq_end = FIRST + MSS, FIRST + 2 * MSS
    sk.mtup_search_high = 3000
    ssthresh = sk.snd_ssthresh
    sender.ack(1, [(2, 6)])
    assert sender.counted("TCPMTUPFail") == 1
    assert sk.mtup_search_high == 1999
    assert sk.snd_ssthresh == ssthresh
