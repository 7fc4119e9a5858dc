"""What an ACK says of marks: a count modulo eight, and bytes that tell how often it went round."""

from __future__ import annotations

from typing import Any

import pytest

from netemu.packet.ip import CE, ECT_0, ECT_1, Options
from netemu.packet.tcp import ACK
from netemu.stack.cong import TcpCongestionOps
from netemu.stack.profile import Profile
from netemu.stack.skbuff import SkBuff
from netemu.stack.sock import ICSK_ACK_NOW, TCP_CA_Recovery, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.tcp_accecn_ack import tcp_accecn_process
from netemu.stack.tcp_accecn_h import (
    OPT_COUNTER_SEEN,
    OPT_FAIL_RECV,
    OPT_FAIL_SEEN,
    TCP_ECN_MODE_ACCECN,
    AccEcn,
    ace_flags,
    of,
)
from netemu.stack.tcp_h import FLAG_DATA_ACKED, FLAG_ECE, FLAG_SLOWPATH, FLAG_SYN_ACKED

SLOW = FLAG_SLOWPATH | FLAG_DATA_ACKED


def _sock(**fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", Profile("test"), Sysctl(), 1), 2, TcpCongestionOps())
    sk.ecn_flags, sk.mss_cache, sk.sack_ok = TCP_ECN_MODE_ACCECN, 1000, True
    sk.accecn = AccEcn()
    for name, value in fields.items():
        setattr(sk, name, value)
    return sk


def _ack(marked: int, *told: int, kind: int = 174) -> SkBuff:
    """An ACK that tells of ``marked`` packets, and whose option, if there is one, has the counters ``told``."""
    skb = SkBuff(100, 100, ACK | ace_flags((marked + 5) & 7), b"")
    skb.options = Options(accecn=(kind, b"".join(value.to_bytes(3, "big") for value in told))) if told else Options()
    return skb


def test_each_mark_counts_and_is_told_as_ece() -> None:
    sk = _sock()
    assert tcp_accecn_process(sk, _ack(2), 3, 3000, SLOW) == SLOW | FLAG_ECE
    assert tcp_accecn_process(sk, _ack(2), 3, 3000, SLOW) == SLOW
    assert tcp_accecn_process(sk, _ack(9), 7, 7000, SLOW) == SLOW | FLAG_ECE
    assert sk.delivered_ce == 9


@pytest.mark.parametrize("flag", [0, FLAG_SLOWPATH, FLAG_DATA_ACKED, SLOW | FLAG_SYN_ACKED])
def test_an_ack_without_progress_or_of_a_syn_and_one_of_the_fast_path_count_nothing(flag: int) -> None:
    sk = _sock()
    assert tcp_accecn_process(sk, _ack(2), 1, 1000, flag) == flag
    assert sk.delivered_ce == 0


@pytest.mark.parametrize(
    ("ewma", "counted"),
    [(0, 9), (2, 9), (6, 1)],  # one, or one and eight more: many packets an ACK are nothing new
)
def test_without_the_option_a_large_ack_is_taken_for_the_worse_unless_all_are_large(ewma: int, counted: int) -> None:
    sk = _sock()
    of(sk).pkts_acked_ewma = ewma << 6
    tcp_accecn_process(sk, _ack(1), 10, 10_000, SLOW)
    assert sk.delivered_ce == (counted if ewma else 1)


@pytest.mark.parametrize(
    ("ce_bytes", "counted"),
    [
        (0, 1),
        (900, 1),
        (9000, 9),
    ],
)  # fmt: skip
def test_the_bytes_tell_whether_the_count_went_round(ce_bytes: int, counted: int) -> None:
    sk = _sock()
    of(sk).saw_opt, of(sk).est_ecnfield = OPT_COUNTER_SEEN, CE
    tcp_accecn_process(sk, _ack(1, 1, ce_bytes, 1), 10, 10_000, SLOW)
    assert sk.delivered_ce == counted


@pytest.mark.parametrize(("ce_bytes", "counted"), [(20_000, 17), (10_000, 9), (500, 1)])
def test_of_an_ack_for_sixteen_and_more_the_share_of_the_bytes_tells(ce_bytes: int, counted: int) -> None:
    sk = _sock()
    of(sk).saw_opt, of(sk).est_ecnfield = OPT_COUNTER_SEEN, CE
    tcp_accecn_process(sk, _ack(1, 1, ce_bytes, 1), 20, 20_000, SLOW)
    assert sk.delivered_ce == counted


def test_in_recovery_without_sack_the_share_is_not_to_be_had() -> None:
    sk = _sock(sack_ok=False, icsk_ca_state=TCP_CA_Recovery)
    of(sk).saw_opt, of(sk).est_ecnfield = OPT_COUNTER_SEEN, CE
    tcp_accecn_process(sk, _ack(1, 1, 10_000, 1), 20, 20_000, SLOW)
    assert sk.delivered_ce == 17


@pytest.mark.parametrize(("kind", "told"), [(174, (11, 5, 21)), (172, (21, 5, 11))])
def test_both_orders_of_the_option_are_read(kind: int, told: tuple[int, ...]) -> None:
    sk = _sock()
    of(sk).saw_opt = OPT_COUNTER_SEEN
    tcp_accecn_process(sk, _ack(0, *told, kind=kind), 1, 36, SLOW)
    assert of(sk).delivered_ecn_bytes == [0, 10, 20, 5]
    assert of(sk).est_ecnfield == 0  # three marks: which the next bytes have cannot be said


def test_bytes_without_an_option_have_the_mark_of_those_before() -> None:
    sk = _sock()
    state = of(sk)
    state.saw_opt = OPT_COUNTER_SEEN
    tcp_accecn_process(sk, _ack(0, 1, 0, 101), 1, 100, SLOW)
    assert state.est_ecnfield == ECT_0
    tcp_accecn_process(sk, _ack(0), 1, 50, SLOW)
    assert (state.delivered_ecn_bytes[ECT_0], state.delivered_ecn_bytes[ECT_1]) == (150, 0)


def test_a_counter_that_runs_backwards_is_not_relied_on() -> None:
    sk = _sock()
    state = of(sk)
    state.saw_opt, state.delivered_ecn_bytes[ECT_0], state.est_ecnfield = OPT_COUNTER_SEEN, 500, ECT_0
    tcp_accecn_process(sk, _ack(0, 1, 0, 401), 1, 100, SLOW)
    assert (state.delivered_ecn_bytes[ECT_0], state.est_ecnfield) == (400, 0)


def test_a_counter_goes_round() -> None:
    sk = _sock()
    state = of(sk)
    state.saw_opt, state.delivered_ecn_bytes[ECT_0], state.est_ecnfield = OPT_COUNTER_SEEN, (1 << 24) - 2, ECT_0
    tcp_accecn_process(sk, _ack(0, 1, 0, 9), 1, 10, SLOW)
    assert state.delivered_ecn_bytes[ECT_0] == (1 << 24) + 8


def test_a_first_option_of_zeros_ends_their_use() -> None:
    sk = _sock()
    tcp_accecn_process(sk, _ack(0, 0, 0, 0), 1, 100, SLOW)
    assert (of(sk).saw_opt, of(sk).fail_mode) == (OPT_FAIL_SEEN, OPT_FAIL_RECV)
    tcp_accecn_process(sk, _ack(0, 1, 0, 101), 1, 100, SLOW)
    assert of(sk).delivered_ecn_bytes[ECT_0] != 100


def test_after_eight_megabytes_without_one_it_comes_too_late() -> None:
    sk = _sock(bytes_sent=(1 << 23) - 1)
    tcp_accecn_process(sk, _ack(0), 1, 100, SLOW)
    assert of(sk).saw_opt == OPT_FAIL_SEEN


def test_a_count_about_to_go_round_at_the_peer_is_told_at_once() -> None:
    sk = _sock()
    of(sk).received_ce_pending = 6
    tcp_accecn_process(sk, _ack(0), 1, 100, SLOW)
    assert sk.ack_pending & ICSK_ACK_NOW
