"""Counting SACKed segments, where tcp_recovery asks for it and the era still has it."""

from __future__ import annotations

import pytest

from netemu.stack.sock import TCP_CA_Disorder, TCP_CA_Recovery
from netemu.stack.tcp_dupthresh import tcp_is_rack
from tests.stack.sender import established


def test_the_newest_era_knows_nothing_but_rack(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tcp_is_rack(established(monkeypatch, tcp_recovery=0).sk)
    assert tcp_is_rack(established(monkeypatch, era="linux-6").sk)
    assert not tcp_is_rack(established(monkeypatch, era="linux-6", tcp_recovery=0).sk)


def test_a_segment_is_lost_when_three_above_it_were_sacked(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-6", tcp_recovery=0)
    sk = sender.sk
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(3, 5)])
    assert sk.icsk_ca_state == TCP_CA_Disorder
    sent = sender.ack(1, [(3, 6)])
    assert sk.icsk_ca_state == TCP_CA_Recovery
    assert sent[0] == 1
    assert sk.lost_out == 2, "both segments of the hole have three above them"


def test_time_alone_loses_nothing_then(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-6", tcp_recovery=0, tcp_early_retrans=0)
    sender.write(4)
    sender.at(1200)
    sender.ack(1, [(3, 4)])
    sender.at(1290)
    assert sender.sk.lost_out == 0
    assert sender.sk.icsk_ca_state == TCP_CA_Disorder


def test_a_partial_ack_continues_the_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-6", tcp_recovery=0)
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(2, 3), (4, 8)])
    sender.at(1300)
    assert 3 in [which for _, which in sender.sent[11:]] or 3 in sender.ack(3, [(4, 9)])
