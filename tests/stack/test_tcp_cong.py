"""Choosing a control, and the growth that controls share."""

from __future__ import annotations

from errno import ENOENT
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.packet.ip import ECT_0
from netemu.stack import cong, tcp_cong
from netemu.stack.profile import Profile
from netemu.stack.sock import TCP_ESTABLISHED, TCP_CA_Loss, TcpSock
from netemu.stack.stack import LinuxStack
from netemu.stack.sysctl import Sysctl
from netemu.stack.task import KernelError


class Witness(cong.TcpCongestionOps):
    """Writes down what it is told."""

    name = "witness"
    needs_ecn = True

    def __init__(self) -> None:
        self.told: list[Any] = []

    def init(self, sk: TcpSock) -> None:
        self.told.append("init")

    def release(self, sk: TcpSock) -> None:
        self.told.append("release")

    def set_state(self, sk: TcpSock, new_state: int) -> None:
        self.told.append((sk.icsk_ca_state, new_state))

    def ssthresh(self, sk: TcpSock) -> int:
        return 2

    def cong_avoid(self, sk: TcpSock, ack: int, acked: int) -> None:
        """Never grows."""

    def undo_cwnd(self, sk: TcpSock) -> int:
        return sk.snd_cwnd


def _sock(profile: Profile | None = None, **fields: Any) -> TcpSock:
    sk = TcpSock(LinuxStack("h", profile or Profile("test"), Sysctl(), 1), 2, Witness())
    for name, value in fields.items():
        setattr(sk, name, value)
    return sk


def _witness(sk: TcpSock) -> Witness:
    assert isinstance(sk.icsk_ca_ops, Witness)
    return sk.icsk_ca_ops


def test_a_new_socket_has_the_sysctls_control() -> None:
    sk = _sock()
    sk.net.sysctl.tcp_congestion_control = "reno"
    tcp_cong.tcp_assign_congestion_control(sk)
    assert sk.icsk_ca_ops.name == "reno"


def test_a_control_that_needs_ecn_marks_what_is_sent() -> None:
    sk = _sock()
    tcp_cong.tcp_init_congestion_control(sk)
    assert sk.tos == ECT_0
    tcp_cong.tcp_set_congestion_control(sk, "reno")
    assert sk.tos == 0


def test_changing_the_control_of_a_connection_releases_the_one_and_begins_the_other() -> None:
    sk = _sock(sk_state=TCP_ESTABLISHED)
    tcp_cong.tcp_init_congestion_control(sk)
    witness = _witness(sk)
    tcp_cong.tcp_set_congestion_control(sk, "cubic")
    assert witness.told == ["init", "release"]
    assert sk.icsk_ca_ops.name == "cubic"
    assert sk.icsk_ca_priv is not None
    assert sk.icsk_ca_initialized
    before = sk.icsk_ca_priv
    tcp_cong.tcp_set_congestion_control(sk, "cubic")
    assert sk.icsk_ca_priv is before


@pytest.mark.parametrize(("older", "told"), [(True, ["release"]), (False, [])])
def test_before_it_began_a_control_is_released_only_by_older_kernels(older: bool, told: list[str]) -> None:
    sk = _sock(Profile("test", ca_releases_uninitialized=older))
    witness = _witness(sk)
    tcp_cong.tcp_set_congestion_control(sk, "reno")
    assert witness.told == told


def test_a_name_that_there_is_not_is_enoent() -> None:
    with pytest.raises(KernelError) as failure:
        tcp_cong.tcp_set_congestion_control(_sock(), "nosuch")
    assert failure.value.errno == ENOENT


def test_the_control_hears_of_a_state_before_it_holds() -> None:
    sk = _sock()
    tcp_cong.tcp_set_ca_state(sk, TCP_CA_Loss)
    assert _witness(sk).told == [(0, TCP_CA_Loss)]
    assert sk.icsk_ca_state == TCP_CA_Loss


def test_slow_start_stops_at_ssthresh_and_returns_what_is_left() -> None:
    sk = _sock(snd_cwnd=10, snd_ssthresh=15)
    assert tcp_cong.tcp_slow_start(sk, 8) == 3
    assert sk.snd_cwnd == 15


def test_slow_start_keeps_to_the_clamp() -> None:
    sk = _sock(snd_cwnd=10, snd_cwnd_clamp=12)
    assert tcp_cong.tcp_slow_start(sk, 8) == 0
    assert sk.snd_cwnd == 12


@given(st.integers(1, 50), st.lists(st.integers(1, 20), max_size=60))
def test_additive_increase_grows_by_one_per_w_acknowledged(w: int, acks: list[int]) -> None:
    sk = _sock(snd_cwnd=100)
    for acked in acks:
        tcp_cong.tcp_cong_avoid_ai(sk, w, acked)
        assert 0 <= sk.snd_cwnd_cnt < w
    assert (sk.snd_cwnd - 100) * w + sk.snd_cwnd_cnt == sum(acks)


def test_credit_from_a_larger_w_is_worth_one_segment() -> None:
    sk = _sock(snd_cwnd=10, snd_cwnd_cnt=30)
    tcp_cong.tcp_cong_avoid_ai(sk, 10, 1)
    assert (sk.snd_cwnd, sk.snd_cwnd_cnt) == (11, 1)


def test_in_slow_start_the_window_may_reach_twice_what_was_in_flight() -> None:
    assert tcp_cong.tcp_is_cwnd_limited(_sock(is_cwnd_limited=True))
    sk = _sock(snd_cwnd=19, max_packets_out=10)
    assert tcp_cong.tcp_is_cwnd_limited(sk)
    sk.snd_cwnd = 20
    assert not tcp_cong.tcp_is_cwnd_limited(sk)
    sk.snd_cwnd = sk.snd_ssthresh = 19
    assert not tcp_cong.tcp_is_cwnd_limited(sk)
