"""Accurate ECN: the handshake, what is counted, and which segments have the option (RFC 9768)."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.packet.ip import CE, ECT_0, ECT_1, NOT_ECT, Options
from netemu.packet.tcp import ACK, AE, CWR, ECE, SYN
from netemu.stack import tcp_accecn, tcp_ecn
from netemu.stack.cong import TcpCongestionOps
from netemu.stack.profile import Profile
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import ICSK_ACK_NOW, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_accecn_h import (
    ACE_FAIL_RECV,
    ACE_FAIL_SEND,
    OPT_COUNTER_SEEN,
    OPT_FAIL_RECV,
    OPT_FAIL_SEND,
    TCP_ECN_MODE_ACCECN,
    TCP_ECN_MODE_PENDING,
    TCP_ECN_MODE_RFC3168,
    ace_flags,
    of,
)

ASKS = SYN | AE | CWR | ECE
FIRST = (174, bytes.fromhex("000001000000000001"))


def _sock(mode: int = TCP_ECN_MODE_ACCECN, **sysctls: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test"), Sysctl(**{"tcp_ecn": 3, **sysctls}), 1), 2, TcpCongestionOps())
    sk.ecn_flags = mode
    return sk


def _segment(
    flags: int = ACK, mark: int = NOT_ECT, data: bytes = b"", accecn: tuple[int, bytes] | None = None
) -> SkBuff:
    skb = SkBuff(100, 100 + len(data), flags, data)
    skb.tos, skb.options = mark, Options(accecn=accecn)
    return skb


@pytest.mark.parametrize(
    ("sysctl", "flags", "mode"),
    [
        (3, ASKS, TCP_ECN_MODE_PENDING),
        (4, SYN | ECE | CWR, TCP_ECN_MODE_RFC3168),
        (5, SYN, 0),
    ],
)  # fmt: skip
def test_a_syn_asks_for_what_the_sysctl_says(sysctl: int, flags: int, mode: int) -> None:
    sk, syn = _sock(0, tcp_ecn=sysctl), _segment(SYN)
    tcp_ecn.tcp_ecn_send_syn(sk, syn)
    assert (syn.tcp_flags, sk.ecn_flags) == (flags, mode)


@pytest.mark.parametrize(
    ("ace", "mode"),
    [
        (0, 0),
        (1, TCP_ECN_MODE_RFC3168),
        (2, TCP_ECN_MODE_ACCECN),
        (3, TCP_ECN_MODE_ACCECN),
        (4, TCP_ECN_MODE_ACCECN),
        (6, TCP_ECN_MODE_ACCECN),
        (7, 0),  # a peer that sends back what it got
    ],
)
def test_what_a_syn_ack_agrees_on(ace: int, mode: int) -> None:
    sk = _sock(TCP_ECN_MODE_PENDING)
    tcp_ecn.tcp_ecn_rcv_synack(sk, _segment(SYN | ACK | ace_flags(ace), accecn=FIRST))
    assert sk.ecn_flags == mode
    if mode == TCP_ECN_MODE_ACCECN:
        assert (of(sk).saw_opt, of(sk).opt_demand) == (OPT_COUNTER_SEEN, 2)


@pytest.mark.parametrize(
    ("sent", "ace", "fails"),
    [(NOT_ECT, 2, False), (NOT_ECT, 6, True), (ECT_0, 4, False), (ECT_0, 6, False), (ECT_0, 2, True), (CE, 4, True)],
)
def test_a_mark_that_cannot_have_become_of_the_one_sent_is_told(sent: int, ace: int, fails: bool) -> None:
    sk = _sock(TCP_ECN_MODE_PENDING)
    of(sk).syn_ect_snt = sent
    tcp_ecn.tcp_ecn_rcv_synack(sk, _segment(SYN | ACK | ace_flags(ace), mark=CE))
    assert bool(of(sk).fail_mode & ACE_FAIL_RECV) is fails
    assert of(sk).received_ce == (not fails)
    assert tcp_accecn.may_send_ect(sk) is not fails


def test_without_fallback_each_mark_is_believed() -> None:
    sk = _sock(TCP_ECN_MODE_PENDING, tcp_ecn_fallback=False)
    tcp_ecn.tcp_ecn_rcv_synack(sk, _segment(SYN | ACK | ace_flags(6)))
    assert not of(sk).fail_mode


@pytest.mark.parametrize(("ace", "delivered", "failed"), [(2, 0, 0), (6, 1, 0), (0, 0, ACE_FAIL_RECV | OPT_FAIL_RECV)])
def test_the_third_ack_tells_of_the_syn_ack(ace: int, delivered: int, failed: int) -> None:
    sk = _sock()
    tcp_accecn.tcp_accecn_third_ack(sk, _segment(ACK | ace_flags(ace)), ECT_0 if ace == 6 else NOT_ECT)
    assert (sk.delivered_ce, of(sk).fail_mode) == (delivered, failed)


@pytest.mark.parametrize(("asks", "mode"), [(ASKS, TCP_ECN_MODE_ACCECN), (SYN | ECE | CWR, 1), (SYN, 0)])
def test_a_simultaneous_open(asks: int, mode: int) -> None:
    sk = _sock(TCP_ECN_MODE_PENDING)
    tcp_ecn.tcp_ecn_rcv_syn(sk, _segment(asks, mark=ECT_1))
    assert sk.ecn_flags == mode


def test_a_segment_has_the_count_from_five_on() -> None:
    sk = _sock()
    assert tcp_accecn.tcp_accecn_set_ace(sk, ACK) == ACK | ace_flags(5)
    of(sk).received_ce = of(sk).received_ce_pending = 4
    assert tcp_accecn.tcp_accecn_set_ace(sk, ACK) == ACK | ace_flags(1)
    assert of(sk).received_ce_pending == 0
    assert tcp_accecn.tcp_accecn_set_ace(sk, ACK | CWR) == ACK | CWR  # bits of a handshake stay


@pytest.mark.parametrize(("failed", "mark"), [(0, ECT_0), (ACE_FAIL_SEND, NOT_ECT), (ACE_FAIL_RECV, NOT_ECT)])
def test_packets_are_capable_unless_the_path_harms_the_bits(failed: int, mark: int) -> None:
    sk = _sock()
    sk.tos = ECT_0
    of(sk).fail_mode = failed
    tcp_ecn.tcp_ecn_send(sk, _segment(), ACK)
    assert sk.tos == mark


def test_packets_and_bytes_are_counted_by_their_mark() -> None:
    sk = _sock()
    state = of(sk)
    for mark, size in ((ECT_0, 100), (ECT_0, 50), (CE, 30), (ECT_1, 7), (NOT_ECT, 9)):
        tcp_accecn.tcp_ecn_received_counters(sk, _segment(mark=mark, data=bytes(size)))
    assert state.received_ecn_bytes == [0, 7, 150, 30]
    assert (state.received_ce, state.minlen) == (1, 3)


def test_a_change_of_marks_is_told_at_once_and_each_ce_soon() -> None:
    sk = _sock()
    tcp_accecn.tcp_ecn_received_counters(sk, _segment(mark=NOT_ECT, data=b"1"))
    assert (sk.ack_pending & ICSK_ACK_NOW, of(sk).opt_demand) == (0, 0)
    tcp_accecn.tcp_ecn_received_counters(sk, _segment(mark=CE, data=b"1"))
    assert (sk.ack_pending & ICSK_ACK_NOW, of(sk).opt_demand) == (ICSK_ACK_NOW, 2)
    sk.ack_pending, of(sk).opt_demand = 0, 0
    tcp_accecn.tcp_ecn_received_counters(sk, _segment(mark=CE, data=b"1"))
    assert (sk.ack_pending, of(sk).opt_demand) == (0, 2)


def test_bytes_that_go_round_their_counter_are_told_in_time() -> None:
    sk = _sock()
    state = of(sk)
    state.prev_ecnfield, state.received_ecn_bytes[ECT_0] = ECT_0, (1 << 22) - 10
    tcp_accecn.tcp_ecn_received_counters(sk, _segment(mark=ECT_0, data=bytes(9)))
    assert state.opt_demand == 0
    tcp_accecn.tcp_ecn_received_counters(sk, _segment(mark=ECT_0, data=bytes(9)))
    assert state.opt_demand == 1


@pytest.mark.parametrize(
    ("required", "room", "sacks", "saving", "found"),
    [
        (0, 40, 0, 0, (3, 12, 0)),
        (0, 28, 0, 0, (3, 12, 0)),
        (0, 11, 0, 0, (2, 8, 0)),
        (0, 7, 0, 0, (0, 4, 0)),  # one field would take eight
        (0, 4, 1, 2, (1, 4, 1)),  # its last byte stands where NOPs were
        (0, 0, 1, 2, (0, 0, 1)),
        (2, 4, 2, 0, (-1, 0, 2)),
        (2, 4, 3, 2, (3, 4, 2)),  # a SACK block makes room
    ],
)
def test_how_much_fits(required: int, room: int, sacks: int, saving: int, found: tuple[int, int, int]) -> None:
    assert tcp_accecn.tcp_options_fit_accecn(required, room, sacks, saving) == found


def test_the_option_has_counters_from_one_on_but_that_of_ce() -> None:
    assert tcp_accecn.accecn_option([0, 5, 6, 7], 3) == (174, bytes.fromhex("000006000007000007"))
    assert tcp_accecn.accecn_option([0, 5, (1 << 24) - 1, 7], 3)[1][6:] == bytes(3)
    assert tcp_accecn.accecn_option([0, 5, 6, 7], 1) == (174, bytes.fromhex("000006"))


@pytest.mark.parametrize(
    ("option", "saw", "demand", "beacon", "has"),
    [
        (2, 0, 5, 3, False),  # the peer never had one
        (2, OPT_COUNTER_SEEN, 1, 0, True),
        (2, OPT_COUNTER_SEEN, 0, 0, True),
        (1, OPT_COUNTER_SEEN, 0, 0, False),
        (1, OPT_COUNTER_SEEN, 1, 0, True),
        (1, OPT_COUNTER_SEEN, 0, 3, True),
        (0, OPT_COUNTER_SEEN, 1, 3, False),
    ],
)
def test_when_a_segment_has_it(option: int, saw: int, demand: int, beacon: int, has: bool) -> None:
    sk = _sock(tcp_ecn_option=option, tcp_ecn_option_beacon=beacon)
    sk.tcp_mstamp, sk.srtt_us = 100, 8 * 300
    of(sk).saw_opt, of(sk).opt_demand = saw, demand
    assert (tcp_accecn.established_fields(sk, 28, 0)[0] >= 0) is has


@pytest.mark.parametrize(("option", "has"), [(1, False), (2, False), (3, True)])
def test_a_path_that_eats_it_gets_it_only_where_it_is_to_persist(option: int, has: bool) -> None:
    sk = _sock(tcp_ecn_option=option)
    of(sk).saw_opt, of(sk).opt_demand, of(sk).fail_mode = OPT_COUNTER_SEEN, 1, OPT_FAIL_SEND
    assert (tcp_accecn.established_fields(sk, 28, 0)[0] >= 0) is has


def test_data_that_come_a_third_time_tell_of_a_path_that_eats_the_option() -> None:
    sk = _sock()
    sk.duplicate_sack = (100, 200)
    tcp_accecn.option_sent(sk, True)
    tcp_accecn.tcp_rcv_spurious_retrans(sk, _segment(data=b"x"))
    assert of(sk).fail_mode == OPT_FAIL_SEND
    of(sk).fail_mode = 0
    tcp_accecn.option_sent(sk, False)
    tcp_accecn.tcp_rcv_spurious_retrans(sk, _segment(data=b"x"))
    assert of(sk).fail_mode == 0
