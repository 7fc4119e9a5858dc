"""Rate halving: a segment leaves for every second one delivered, and the window stays near what is in flight."""

from __future__ import annotations

import pytest

from netemu.stack import tcp_cwnd_down
from netemu.stack.sock import TCP_CA_Open, TCP_CA_Recovery
from netemu.stack.tcp_h import FLAG_DATA, FLAG_DATA_SACKED, tcp_packets_in_flight
from tests.stack.sender import FIRST, MSS, established


def test_the_window_falls_by_one_for_every_second_ack_to_half_of_ssthresh(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch, era="linux-2.6").sk
    sk.snd_cwnd, sk.packets_out, sk.snd_ssthresh = 20, 20, 10
    windows = []
    for _ in range(40):
        tcp_cwnd_down.tcp_cwnd_down(sk, FLAG_DATA_SACKED)
        windows.append(sk.snd_cwnd)
    assert windows[:6] == [20, 19, 19, 18, 18, 17]
    assert windows[-1] == 5, "reno's limit is half of ssthresh: what is not reached when no ACKs are left"


def test_an_ack_without_progress_changes_nothing_but_a_duplicate_without_sack(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch, era="linux-2.6").sk
    sk.snd_cwnd, sk.packets_out, sk.snd_ssthresh = 20, 20, 10
    tcp_cwnd_down.tcp_cwnd_down(sk, FLAG_DATA)
    assert (sk.snd_cwnd, sk.snd_cwnd_cnt) == (20, 0)
    sk.sack_ok = False
    tcp_cwnd_down.tcp_cwnd_down(sk, 0)
    assert (sk.snd_cwnd, sk.snd_cwnd_cnt) == (20, 1)


def test_a_burst_of_losses_empties_the_network_and_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-2.6", cwnd=20)
    sk = sender.sk
    sender.write(60)
    sender.at(1200)
    for last in range(12, 21):
        sent = sender.ack(1, [(11, last)])
        if sk.icsk_ca_state == TCP_CA_Recovery:
            assert len(sent) <= 1
            assert sk.snd_cwnd <= tcp_packets_in_flight(sk) + 1
    assert sk.icsk_ca_state == TCP_CA_Recovery
    assert sk.snd_cwnd < 12, "PRR would not go below ssthresh's half way there"


def test_on_the_wire_every_second_ack_of_a_recovery_lets_a_segment_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-2.6", cwnd=20)
    sender.write(60)
    sender.at(1200)
    sent = [sender.ack(1, [(2, last)]) for last in range(3, 21)]
    assert sender.sk.icsk_ca_state == TCP_CA_Recovery
    after = [len(segments) for segments in sent if segments]
    assert all(count == 1 for count in after)
    assert 7 <= len(after) <= 11, "half of the 18 ACKs, the fast retransmit among them"


def test_the_end_is_at_ssthresh_and_no_higher(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, era="linux-2.6", cwnd=20)
    sk = sender.sk
    sender.write(60)
    sender.at(1200)
    for last in range(3, 21):
        sender.ack(1, [(2, last)])
    sender.at(1300)
    sender.ack((sk.snd_nxt - FIRST) // MSS)
    assert sk.icsk_ca_state == TCP_CA_Open
    assert sk.snd_cwnd <= sk.snd_ssthresh


def test_outside_open_a_window_is_no_burst_above_what_is_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    sk = established(monkeypatch, era="linux-3.10").sk
    sk.snd_cwnd, sk.packets_out, sk.sacked_out, sk.reordering = 50, 10, 4, 3
    tcp_cwnd_down.tcp_moderate_cwnd(sk)
    assert sk.snd_cwnd == 6 + 3
