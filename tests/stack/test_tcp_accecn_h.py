"""Accurate ECN's bits: a count of three, how a mark is told in a handshake, and what a first option is like."""

from __future__ import annotations

import pytest

from netemu.packet.ip import CE, ECT_0, ECT_1, NOT_ECT, Options
from netemu.packet.tcp import ACK, AE, CWR, ECE
from netemu.stack.tcp_accecn_h import (
    OPT_COUNTER_SEEN,
    OPT_EMPTY_SEEN,
    OPT_FAIL_RECV,
    OPT_FAIL_SEEN,
    TOLD,
    AccEcn,
    ace_flags,
    saw_opt_fail_recv,
    tcp_accecn_ace,
    tcp_accecn_option_init,
    tcp_accecn_reflector_flags,
    tcp_accecn_syn_requested,
    with_accecn,
)

FULL = bytes(range(1, 10))


@pytest.mark.parametrize("ace", range(8))
def test_the_count_goes_into_three_bits_and_back(ace: int) -> None:
    assert tcp_accecn_ace(ACK | ace_flags(ace)) == ace


@pytest.mark.parametrize("mark", [NOT_ECT, ECT_1, ECT_0, CE])
def test_a_mark_that_is_reflected_is_told(mark: int) -> None:
    assert TOLD[tcp_accecn_ace(tcp_accecn_reflector_flags(mark))] == mark


@pytest.mark.parametrize(
    ("flags", "asks"), [(0, False), (ECE | CWR, False), (AE | ECE | CWR, True), (AE, True), (ECE, True), (CWR, True)]
)
def test_any_bits_but_those_of_classic_ecn_ask_for_it(flags: int, asks: bool) -> None:
    assert tcp_accecn_syn_requested(flags) is asks


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (b"", OPT_EMPTY_SEEN),
        (FULL, OPT_COUNTER_SEEN),
        (FULL[:6], OPT_COUNTER_SEEN),
        (FULL[:3] + bytes(3) + FULL[6:], OPT_COUNTER_SEEN),  # nothing arrived marked
        (bytes(3), OPT_FAIL_SEEN),  # counters begin with one
        (FULL[:6] + bytes(3), OPT_FAIL_SEEN),
    ],
)
def test_a_first_option(value: bytes, seen: int) -> None:
    assert tcp_accecn_option_init(Options(accecn=(174, value))) == seen


def test_zeros_end_the_use_of_options() -> None:
    state = AccEcn()
    saw_opt_fail_recv(state, OPT_COUNTER_SEEN)
    assert (state.saw_opt, state.fail_mode) == (OPT_COUNTER_SEEN, 0)
    saw_opt_fail_recv(state, OPT_FAIL_SEEN)
    assert (state.saw_opt, state.fail_mode) == (OPT_FAIL_SEEN, OPT_FAIL_RECV)


def test_it_is_added_to_other_options() -> None:
    options = Options(mss=1460, ts_val=1, ts_ecr=2, sack=((3, 4),), other=((34, b"1234"),))
    assert with_accecn(options, None) == options
    added = with_accecn(options, (174, FULL))
    assert added.accecn == (174, FULL) and with_accecn(added, None) == options
