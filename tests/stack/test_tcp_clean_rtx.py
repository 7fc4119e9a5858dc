"""What leaves the retransmission queue, and what it tells of the RTT."""

from __future__ import annotations

import pytest

from netemu.stack.sock import TCP_CA_Open
from tests.stack.sender import FIRST, MSS, established


def test_acknowledged_segments_go_with_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(5)
    sender.at(1200)
    sender.ack(4)
    assert sender.outstanding == [4, 5]
    assert sk.sk_wmem_queued == 2 * (MSS + 1024)
    assert sk.delivered == 4
    sender.ack(6)
    assert (sender.outstanding, sk.sk_wmem_queued, sk.packets_out) == ([], 0, 0)


def test_the_rtt_is_of_the_earliest_segment_for_the_rto_and_the_latest_for_the_control(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(1)
    sender.at(1140)
    sender.write(1)
    srtt = sk.srtt_us >> 3
    sender.at(1260)
    sender.ack(3)
    assert srtt == 100_000
    assert sk.srtt_us >> 3 == 100_000 + (160_000 - 100_000) // 8
    assert sk.rtt_min_us == 100_000


def test_a_retransmitted_segment_gives_no_rtt_without_timestamps(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, tcp_early_retrans=0)
    sk = sender.sk
    sender.write(1)
    sender.at(1410)
    assert sender.sent[-1][1] == 1 and len(sender.sent) == 3
    srtt, backoff = sk.srtt_us, sk.icsk_backoff
    sender.at(1500)
    sender.ack(2)
    assert (sk.srtt_us, sk.icsk_backoff) == (srtt, backoff)
    sender.write(1)
    sender.at(1610)
    sender.ack(3, echo_ms=1500)
    assert sk.icsk_backoff == 0
    assert sk.srtt_us != srtt


def test_an_ack_inside_a_segment_of_one_packet_takes_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(3)
    sender.at(1200)
    sk.write_seq += 0
    head = sk.tcp_rtx_queue.head
    assert head is not None
    sk.snd_una = FIRST + MSS  # as it is
    sender.ack(1)
    assert sender.outstanding == [1, 2, 3]


def test_a_lone_runt_may_have_been_delayed_and_does_not_raise_the_minimum(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch, rtt_ms=50)
    sk = sender.sk
    sender.write(1)
    skb = sk.tcp_rtx_queue.head
    assert skb is not None
    skb.data, skb.end_seq = bytes(100), skb.seq + 100
    sk.snd_nxt = sk.write_seq = skb.end_seq
    skb.truesize = 1124
    sk.sk_wmem_queued = 1124
    sk.mss_cache = MSS + 1
    sender.at(sender.net.now_ns / 1e6 + 90)
    sk.mss_cache = 2 * MSS
    sender.check()
    assert sk.icsk_ca_state == TCP_CA_Open
    assert sk.rtt_min_us == 50_000
