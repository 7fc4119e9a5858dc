"""Counting up to the highest SACKed segment, until the path is seen to reorder."""

from __future__ import annotations

import pytest

from netemu.stack import tcp_fack
from netemu.stack.sock import TCP_CA_Disorder, TCP_CA_Recovery
from tests.stack.sender import FIRST, MSS, Sender, established


def _sender(monkeypatch: pytest.MonkeyPatch, **sysctls: bool) -> Sender:
    sender = established(monkeypatch, era="linux-3.10", cwnd=20, tcp_early_retrans=0, **sysctls)
    sender.write(60)
    sender.at(1200)
    return sender


def test_one_sack_from_behind_a_long_hole_tells_that_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _sender(monkeypatch)
    sk = sender.sk
    sent = sender.ack(1, [(6, 7)])
    assert tcp_fack.tcp_fackets_out(sk) == 6
    assert sk.icsk_ca_state == TCP_CA_Recovery
    assert sk.lost_out == 3, "of five, the last two may yet be overtaken"
    assert sent[0] == 1


def test_without_fack_it_needs_three(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _sender(monkeypatch, tcp_fack=False)
    assert 1 not in sender.ack(1, [(6, 7)])
    assert sender.sk.icsk_ca_state == TCP_CA_Disorder
    assert sender.ack(1, [(6, 9)])[0] == 1


def test_a_newer_era_counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-5.10", cwnd=20)
    assert not tcp_fack.tcp_is_fack(sender.sk)


def test_reordering_ends_it_for_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _sender(monkeypatch)
    sk = sender.sk
    sender.ack(1, [(6, 7)])
    assert tcp_fack.tcp_is_fack(sk)
    sender.ack(1, [(2, 3), (6, 7)])
    assert sk.reordering == 5, "segment 2 came after 6, and was sent once"
    assert not tcp_fack.tcp_is_fack(sk)
    assert tcp_fack.tcp_dupack_heuristics(sk) == sk.sacked_out + 1


def test_a_lost_retransmission_is_found_by_what_left_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = _sender(monkeypatch)
    sk = sender.sk
    assert sender.ack(1, [(2, 6)])[0] == 1
    new = (sk.tcp_rtx_queue.head.ack_seq - FIRST) // MSS
    for last in range(7, new + 1):
        assert 1 not in sender.ack(1, [(2, last)])
    assert sender.counted("TCPLostRetransmit") == 0
    sent = sender.ack(1, [(2, new + 1)])
    assert sender.counted("TCPLostRetransmit") == 1
    assert 1 in sent


def test_a_head_that_is_out_for_longer_than_the_rto_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-3.10", cwnd=20, tcp_early_retrans=0)
    sender.write(10)
    sk = sender.sk
    assert not tcp_fack.tcp_head_timedout(sk)
    sender.net.now_ns += (sk.icsk_rto + 2) * 4_000_000
    assert tcp_fack.tcp_head_timedout(sk)
    assert tcp_fack.tcp_time_to_recover(sk)


def test_the_last_segments_need_no_third_duplicate_when_nothing_is_left_to_send(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = established(monkeypatch, era="linux-3.10", cwnd=20, tcp_early_retrans=0, tcp_fack=False)
    sk = sender.sk
    sk.reordering = 6
    sender.write(5)
    sender.at(1200)
    sender.ack(1, [(2, 4)])
    assert sk.icsk_ca_state == TCP_CA_Disorder
    assert 1 in sender.ack(1, [(2, 5)]), "three of five came, and more will not"
