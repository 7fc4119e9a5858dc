"""Urgent data: one byte, in line or not."""

from __future__ import annotations

from netemu.packet.tcp import ACK, URG
from netemu.stack.tcp_urg import TCP_URG_NOTYET, TCP_URG_READ, TCP_URG_VALID, tcp_urg
from tests.stack.receiving import receiver, segment


def test_urgent_byte_is_the_one_before_the_pointer() -> None:
    sk = receiver()
    tcp_urg(sk, segment(1, 10, ACK | URG), 10)
    assert (sk.urg_seq, sk.urg_data) == (10, TCP_URG_VALID | 10)


def test_urgent_byte_may_come_later() -> None:
    sk = receiver()
    tcp_urg(sk, segment(1, 10, ACK | URG), 15)
    assert sk.urg_data == TCP_URG_NOTYET
    tcp_urg(sk, segment(11, 10), 0)
    assert sk.urg_data == TCP_URG_VALID | 15


def test_old_pointer_is_ignored() -> None:
    sk = receiver()
    sk.rcv_nxt = sk.copied_seq = 100
    tcp_urg(sk, segment(50, 10, ACK | URG), 5)
    assert sk.urg_data == 0


def test_second_pointer_must_be_newer() -> None:
    sk = receiver()
    tcp_urg(sk, segment(1, 10, ACK | URG), 10)
    sk.urg_data = TCP_URG_READ
    tcp_urg(sk, segment(1, 10, ACK | URG), 10)
    assert sk.urg_data == TCP_URG_READ
