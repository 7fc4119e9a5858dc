"""Proportional rate reduction."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.stack import tcp_prr
from netemu.stack.profile import Profile
from netemu.stack.sock import TCP_CA_CWR, TCP_CA_Open, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_h import FLAG_SND_UNA_ADVANCED
from tests.stack.sender import established


def _sock(**fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test", hz=100), Sysctl(), 1), 2, cast(Any, None))
    for name, value in fields.items():
        setattr(sk, name, value)
    return sk


def test_above_ssthresh_segments_leave_in_proportion_to_deliveries() -> None:
    sk = _sock(snd_ssthresh=5, prior_cwnd=10, packets_out=10, sacked_out=1)
    sent = 0
    for _ in range(4):
        tcp_prr.tcp_cwnd_reduction(sk, 1, 0, 0)
        may = sk.snd_cwnd - (sk.packets_out - sk.sacked_out)
        sent += may
        sk.prr_out += may
        sk.packets_out += may
        sk.sacked_out += 1
    assert sent == 2


def test_the_first_segment_leaves_whatever_the_arithmetic_says() -> None:
    sk = _sock(snd_ssthresh=2, prior_cwnd=100, packets_out=100, lost_out=1, sacked_out=3)
    tcp_prr.tcp_cwnd_reduction(sk, 1, 1, 0)
    assert sk.snd_cwnd == 97


def test_below_ssthresh_progress_without_losses_lets_one_more_out() -> None:
    for flag, lost, more in ((0, 0, 1), (FLAG_SND_UNA_ADVANCED, 0, 2), (FLAG_SND_UNA_ADVANCED, 1, 1)):
        sk = _sock(snd_ssthresh=10, prior_cwnd=20, packets_out=4, prr_out=1, prr_delivered=1)
        tcp_prr.tcp_cwnd_reduction(sk, 1, lost, flag)
        assert sk.snd_cwnd == 4 + more


def test_an_ack_that_delivers_nothing_changes_nothing() -> None:
    sk = _sock(snd_ssthresh=5, prior_cwnd=10, packets_out=10, snd_cwnd=7)
    tcp_prr.tcp_cwnd_reduction(sk, 0, 0, 0)
    assert sk.snd_cwnd == 7


@given(
    st.integers(2, 100),
    st.integers(0, 200),
    st.integers(1, 20),
    st.tuples(st.integers(2, 100), st.integers(0, 50), st.integers(0, 50)),
    st.booleans(),
)
def test_the_window_never_lets_ssthresh_be_exceeded_by_more_than_the_fast_retransmit(
    ssthresh: int, in_flight: int, delivered: int, counts: tuple[int, int, int], advanced: bool
) -> None:
    prior, prr_delivered, prr_out = counts
    sk = _sock(
        snd_ssthresh=ssthresh, prior_cwnd=prior, packets_out=in_flight, prr_delivered=prr_delivered, prr_out=prr_out
    )
    tcp_prr.tcp_cwnd_reduction(sk, delivered, 0, FLAG_SND_UNA_ADVANCED if advanced else 0)
    assert sk.snd_cwnd >= in_flight
    if in_flight <= ssthresh:
        assert sk.snd_cwnd <= max(ssthresh, in_flight + 1)


def test_cwr_ends_with_the_window_at_ssthresh(monkeypatch: pytest.MonkeyPatch) -> None:
    sender = established(monkeypatch)
    sk = sender.sk
    sender.write(10)
    tcp_prr.tcp_enter_cwr(sk)
    assert (sk.icsk_ca_state, sk.snd_ssthresh, sk.undo_marker) == (TCP_CA_CWR, 5, 0)
    tcp_prr.tcp_enter_cwr(sk)
    assert sk.snd_ssthresh == 5, "one reduction at a time"
    sender.at(1200)
    sender.ack(sk.snd_nxt // 1000)
    assert sk.icsk_ca_state == TCP_CA_CWR, "held until the peer must have seen CWR"
    sender.write(1)
    sender.at(1300)
    sender.ack(sk.snd_nxt // 1000)
    assert sk.icsk_ca_state == TCP_CA_Open
