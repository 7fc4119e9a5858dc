"""What is lost: RACK's clock, its reordering window and timer, and NewReno's duplicates."""

from __future__ import annotations

import pytest

from netemu.stack.skbuff import TCPCB_LOST
from netemu.stack.sock import ICSK_TIME_REO_TIMEOUT, ICSK_TIME_RETRANS, TCP_CA_Disorder, TCP_CA_Open, TCP_CA_Recovery
from tests.stack.sender import established


def test_three_segments_behind_a_hole_prove_a_loss_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(10)
    sender.at(1200)
    assert sender.ack(1, [(2, 3)]) == []
    assert sender.sk.icsk_ca_state == TCP_CA_Disorder
    assert sender.ack(1, [(2, 4)]) == []
    assert sender.ack(1, [(2, 5)]) == [1]
    assert sender.sk.icsk_ca_state == TCP_CA_Recovery
    assert sender.counted("TCPSackRecovery") == 1


def test_with_fewer_segments_behind_it_the_reordering_timer_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(3)
    sender.at(1200)
    assert sender.ack(1, [(2, 3)]) == []
    assert sender.sk.icsk_pending == ICSK_TIME_REO_TIMEOUT
    # a quarter of 100 ms and the least timeout of 2 ms, in ticks of 10 ms and on the tick after it
    sender.at(1229)
    assert sender.sk.lost_out == 0
    sender.at(1245)
    assert [which for _, which in sender.sent[4:]] == [1]
    assert sender.sk.icsk_ca_state == TCP_CA_Recovery
    assert sender.sk.icsk_pending == ICSK_TIME_RETRANS


def test_reordering_that_was_seen_makes_three_segments_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(2, 4)])
    sender.ack(4)  # the late one arrived by itself
    assert sender.sk.reord_seen == 1
    assert sender.counted("TCPSACKReorder") == 1
    assert sender.sk.icsk_ca_state == TCP_CA_Open
    assert sender.ack(4, [(5, 9)]) == []
    assert sender.sk.icsk_pending == ICSK_TIME_REO_TIMEOUT


def test_a_lost_retransmission_is_found_by_what_was_sent_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, cwnd=20)
    sender.write(10)
    sender.at(1200)
    assert 1 in sender.ack(1, [(2, 8)])
    sender.at(1201)
    sender.write(10)
    new = sender.sent[-1][1]
    assert new > 10
    sender.at(1301)
    assert 1 in sender.ack(1, [(2, new + 1)])
    assert sender.counted("TCPLostRetransmit") == 1


def test_dsacks_widen_the_reordering_window_by_steps_that_recoveries_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    sender.at(1200)
    sender.ack(1, [(2, 6)])
    sk.reord_seen = 1
    sender.at(1300)
    sender.ack(6)  # the retransmission or the original
    sender.ack(6, [(1, 2)])  # both
    sender.at(1310)
    sender.ack(8)
    assert sk.rack_reo_wnd_steps == 2
    assert sk.rack_reo_wnd_persist > 0


def test_without_sack_three_duplicates_and_each_partial_ack_show_one_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, sack=False, cwnd=30)
    sender.write(10)
    sender.at(1200)
    assert sender.ack(1) == []
    assert sender.ack(1) == []
    assert sender.ack(1) == [1]
    assert sender.counted("TCPRenoRecovery") == 1
    sender.at(1300)
    assert sender.ack(4)[0] == 4
    assert sender.sk.icsk_ca_state == TCP_CA_Recovery
    head = sender.sk.tcp_rtx_queue.head
    assert head is not None and head.sacked & TCPCB_LOST
