"""ECN: who asks, who agrees, what is marked, and how a mark comes back (RFC 3168)."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.packet.ip import CE, ECT_0, ECT_1, NOT_ECT
from netemu.packet.tcp import ACK, CWR, ECE, SYN
from netemu.stack import tcp_ack_snd, tcp_ecn
from netemu.stack.cong import CA_EVENT_ECN_IS_CE, CA_EVENT_ECN_NO_CE, TcpCongestionOps
from netemu.stack.profile import Profile
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import ICSK_ACK_NOW, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_ecn import TCP_ECN_DEMAND_CWR, TCP_ECN_OK, TCP_ECN_QUEUE_CWR, TCP_ECN_SEEN
from tests.forms import replace


class Marks(TcpCongestionOps):
    """Writes down the marks that it is told of."""

    name = "marks"

    def __init__(self, needs_ecn: bool) -> None:
        self.needs_ecn = needs_ecn
        self.told: list[str] = []

    def cwnd_event(self, sk: TcpSock, event: str) -> None:
        self.told.append(event)


def _sock(tcp_ecn_sysctl: int = 2, *, needs_ecn: bool = False, **fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test"), Sysctl(tcp_ecn=tcp_ecn_sysctl), 1), 2, Marks(needs_ecn))
    for name, value in fields.items():
        setattr(sk, name, value)
    return sk


def _segment(flags: int = ACK, mark: int = NOT_ECT, data: bytes = b"x", seq: int = 100) -> SkBuff:
    skb = SkBuff(seq, seq + len(data), flags, data)
    skb.tos = mark
    return skb


@pytest.fixture
def quick_acks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []
    replace(monkeypatch, tcp_ack_snd, "tcp_enter_quickack_mode", lambda sk, count: asked.append(count))
    return asked


@pytest.mark.parametrize(("sysctl", "asks"), [(0, False), (1, True), (2, False)])
def test_a_syn_asks_as_the_sysctl_says(sysctl: int, asks: bool) -> None:
    sk, syn = _sock(sysctl), _segment(SYN, data=b"")
    tcp_ecn.tcp_ecn_send_syn(sk, syn)
    assert syn.tcp_flags == SYN | (ECE | CWR if asks else 0)
    assert sk.ecn_flags == (TCP_ECN_OK if asks else 0)
    assert sk.tos == NOT_ECT


def test_a_control_that_needs_ecn_asks_and_marks_the_syn() -> None:
    sk, syn = _sock(0, needs_ecn=True), _segment(SYN, data=b"")
    tcp_ecn.tcp_ecn_send_syn(sk, syn)
    assert syn.tcp_flags == SYN | ECE | CWR
    assert sk.tos == ECT_0


def test_a_syn_that_is_sent_again_asks_no_more_unless_told_to() -> None:
    sk, syn = _sock(1), _segment(SYN | ECE | CWR)
    sk.net.sysctl.tcp_ecn_fallback = False
    tcp_ecn.tcp_ecn_clear_syn(sk, syn)
    assert syn.tcp_flags == SYN | ECE | CWR
    sk.net.sysctl.tcp_ecn_fallback = True
    tcp_ecn.tcp_ecn_clear_syn(sk, syn)
    assert syn.tcp_flags == SYN


@pytest.mark.parametrize(
    ("sysctl", "flags", "mark", "agrees"),
    [
        (2, ECE | CWR, NOT_ECT, True),
        (1, ECE | CWR, NOT_ECT, True),
        (0, ECE | CWR, NOT_ECT, False),
        (2, ECE, NOT_ECT, False),
        (2, 0, NOT_ECT, False),
        (2, ECE | CWR, ECT_0, False),
        (2, ECE | CWR, CE, False),
    ],
)
def test_a_listener_agrees_with_an_unmarked_syn_that_asks(sysctl: int, flags: int, mark: int, agrees: bool) -> None:
    assert tcp_ecn.tcp_ecn_create_request(_sock(sysctl), _segment(SYN | flags, mark, b"")) is agrees
    assert tcp_ecn.tcp_ecn_make_synack(agrees, SYN | ACK) == SYN | ACK | (ECE if agrees else 0)


def test_a_listener_whose_control_needs_ecn_agrees_with_a_marked_syn() -> None:
    assert tcp_ecn.tcp_ecn_create_request(_sock(0, needs_ecn=True), _segment(SYN | ECE | CWR, ECT_0, b""))


@pytest.mark.parametrize(("flags", "agreed"), [(ECE, True), (ECE | CWR, False), (0, False), (CWR, False)])
def test_only_ece_alone_agrees_in_a_synack(flags: int, agreed: bool) -> None:
    sk = _sock(1, ecn_flags=TCP_ECN_OK)
    tcp_ecn.tcp_ecn_rcv_synack(sk, _segment(SYN | ACK | flags))
    assert sk.ecn_flags == (TCP_ECN_OK if agreed else 0)
    crossed = _sock(1, ecn_flags=TCP_ECN_OK)
    tcp_ecn.tcp_ecn_rcv_syn(crossed, _segment(SYN | flags))
    assert crossed.ecn_flags == (TCP_ECN_OK if flags == ECE | CWR else 0)


def test_the_child_of_a_request_has_what_was_agreed() -> None:
    sk = _sock(ecn_flags=TCP_ECN_QUEUE_CWR)
    tcp_ecn.tcp_ecn_openreq_child(sk, True)
    assert sk.ecn_flags == TCP_ECN_OK
    tcp_ecn.tcp_ecn_openreq_child(sk, False)
    assert sk.ecn_flags == 0


def test_a_simultaneous_open_answers_as_agreed() -> None:
    for ecn_flags, expected in ((TCP_ECN_OK, SYN | ACK | ECE), (0, SYN | ACK)):
        skb = _segment(SYN | ACK | ECE | CWR)
        tcp_ecn.tcp_ecn_send_synack(_sock(1, ecn_flags=ecn_flags), skb)
        assert skb.tcp_flags == expected


def test_new_data_is_marked_and_nothing_else() -> None:
    sk = _sock(ecn_flags=TCP_ECN_OK, snd_nxt=100)
    for skb, mark in (
        (_segment(seq=100), ECT_0),
        (_segment(seq=50), NOT_ECT),
        (_segment(seq=100, data=b""), NOT_ECT),
    ):
        assert tcp_ecn.tcp_ecn_send(sk, skb, ACK) == ACK
        assert sk.tos & 3 == mark
    plain = _sock(snd_nxt=100)
    assert tcp_ecn.tcp_ecn_send(plain, _segment(), ACK) == ACK
    assert plain.tos == NOT_ECT


def test_a_control_that_needs_ecn_marks_all() -> None:
    sk = _sock(needs_ecn=True, ecn_flags=TCP_ECN_OK, snd_nxt=100, tos=ECT_0)
    tcp_ecn.tcp_ecn_send(sk, _segment(seq=50), ACK)
    assert sk.tos == ECT_0


def test_cwr_goes_once_with_the_first_new_data_after_a_reduction() -> None:
    sk = _sock(ecn_flags=TCP_ECN_OK, snd_nxt=100)
    tcp_ecn.tcp_ecn_queue_cwr(sk)
    assert tcp_ecn.tcp_ecn_send(sk, _segment(seq=50), ACK) == ACK
    assert tcp_ecn.tcp_ecn_send(sk, _segment(), ACK) == ACK | CWR
    assert tcp_ecn.tcp_ecn_send(sk, _segment(), ACK) == ACK
    tcp_ecn.tcp_ecn_queue_cwr(sk)
    tcp_ecn.tcp_ecn_withdraw_cwr(sk)
    assert tcp_ecn.tcp_ecn_send(sk, _segment(), ACK) == ACK
    without = _sock()
    tcp_ecn.tcp_ecn_queue_cwr(without)
    assert without.ecn_flags == 0


def test_ce_is_echoed_until_cwr(quick_acks: list[int]) -> None:
    sk = _sock(ecn_flags=TCP_ECN_OK, snd_nxt=100)
    tcp_ecn.tcp_data_ecn_check(sk, _segment(mark=CE))
    tcp_ecn.tcp_data_ecn_check(sk, _segment(mark=CE))
    assert sk.ecn_flags == TCP_ECN_OK | TCP_ECN_DEMAND_CWR | TCP_ECN_SEEN
    assert quick_acks == [2]
    assert tcp_ecn.tcp_ecn_send(sk, _segment(data=b""), ACK) == ACK | ECE
    tcp_ecn.tcp_ecn_accept_cwr(sk, _segment(ACK | CWR))
    assert tcp_ecn.tcp_ecn_send(sk, _segment(data=b""), ACK) == ACK
    assert sk.ack_pending & ICSK_ACK_NOW


def test_cwr_without_data_is_not_answered_at_once() -> None:
    sk = _sock(ecn_flags=TCP_ECN_OK | TCP_ECN_DEMAND_CWR)
    tcp_ecn.tcp_ecn_accept_cwr(sk, _segment(ACK | CWR, data=b""))
    assert (sk.ecn_flags, sk.ack_pending) == (TCP_ECN_OK, 0)


def test_unmarked_data_after_marked_is_likely_sent_again(quick_acks: list[int]) -> None:
    sk = _sock(ecn_flags=TCP_ECN_OK)
    tcp_ecn.tcp_data_ecn_check(sk, _segment(mark=NOT_ECT))
    assert not quick_acks
    tcp_ecn.tcp_data_ecn_check(sk, _segment(mark=ECT_1))
    tcp_ecn.tcp_data_ecn_check(sk, _segment(mark=NOT_ECT))
    assert quick_acks == [2]
    without = _sock()
    tcp_ecn.tcp_data_ecn_check(without, _segment(mark=CE))
    assert without.ecn_flags == 0


def test_a_control_that_needs_ecn_hears_of_every_mark(quick_acks: list[int]) -> None:
    sk = _sock(needs_ecn=True, ecn_flags=TCP_ECN_OK)
    for mark in (CE, ECT_0, NOT_ECT):
        tcp_ecn.tcp_data_ecn_check(sk, _segment(mark=mark))
    assert isinstance(sk.icsk_ca_ops, Marks)
    assert sk.icsk_ca_ops.told == [CA_EVENT_ECN_IS_CE, CA_EVENT_ECN_NO_CE]


def test_an_echo_counts_only_where_ecn_was_agreed() -> None:
    assert tcp_ecn.tcp_ecn_rcv_ecn_echo(_sock(ecn_flags=TCP_ECN_OK), _segment(ACK | ECE))
    assert not tcp_ecn.tcp_ecn_rcv_ecn_echo(_sock(ecn_flags=TCP_ECN_OK), _segment(ACK))
    assert not tcp_ecn.tcp_ecn_rcv_ecn_echo(_sock(), _segment(ACK | ECE))
