"""The inline questions of include/net/tcp.h."""

from __future__ import annotations

from typing import Any, cast

from netemu.stack import tcp_h
from netemu.stack.profile import Profile
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import TCP_CA_CWR, TCP_CA_Loss, TCP_CA_Open, TCP_CA_Recovery, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl


def _sock(**fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test", hz=100), Sysctl(), 1), 2, cast(Any, None))
    for name, value in fields.items():
        setattr(sk, name, value)
    return sk


def test_what_left_the_network_is_not_in_flight_but_retransmissions_are() -> None:
    sk = _sock(packets_out=10, sacked_out=4, lost_out=2, retrans_out=1)
    assert tcp_h.tcp_packets_in_flight(sk) == 5


def test_ssthresh_worth_remembering_is_three_quarters_of_the_window_outside_a_reduction() -> None:
    sk = _sock(snd_cwnd=20, snd_ssthresh=7)
    for state, expected in (
        (TCP_CA_Open, 15),
        (TCP_CA_CWR, 7),
        (TCP_CA_Recovery, 7),
        (TCP_CA_Loss, 15),
    ):
        sk.icsk_ca_state = state
        assert tcp_h.tcp_current_ssthresh(sk) == expected


def test_the_rto_counts_from_when_the_first_outstanding_segment_was_sent() -> None:
    sk = _sock(icsk_rto=20, tcp_mstamp=130_000)
    assert tcp_h.tcp_rto_delta_us(sk) == 200_000
    skb = SkBuff(1, 11, 0x10, b"x" * 10)
    skb.skb_mstamp_ns = 100_000_999
    sk.tcp_rtx_queue.append(skb)
    assert tcp_h.tcp_rto_delta_us(sk) == 170_000


def test_the_highest_sack_is_known_only_while_something_is_sacked() -> None:
    sk = _sock(snd_una=5, snd_nxt=50)
    assert tcp_h.tcp_highest_sack_seq(sk) == 5
    sk.sacked_out = 1
    assert tcp_h.tcp_highest_sack_seq(sk) == 50
    sk.highest_sack = SkBuff(30, 40, 0x10)
    assert tcp_h.tcp_highest_sack_seq(sk) == 30


def test_pacing_holds_back_by_whole_jiffies() -> None:
    sk = _sock(tcp_wstamp_ns=25_000_000, tcp_clock_cache=0)
    assert tcp_h.tcp_pacing_delay_jiffies(sk) == 2
    sk.tcp_clock_cache = 30_000_000
    assert tcp_h.tcp_pacing_delay_jiffies(sk) == 0
