"""The window that is offered: from memory, in units of its scale, never back, never silly."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netemu.stack.eras import PROFILES
from netemu.stack.sock import ICSK_ACK_NOMEM, TcpSock
from netemu.stack.tcp_window import (
    __tcp_select_window as wanted_window,
)
from netemu.stack.tcp_window import (
    tcp_max_receive_window,
    tcp_receive_window,
    tcp_select_initial_window,
    tcp_select_window,
    tcp_set_window_clamp,
    tcp_space,
    tcp_space_from_win,
    tcp_win_from_space,
)
from tests.stack.receiving import receiver


def test_first_window_of_a_default_buffer_is_what_a_guest_sends() -> None:
    sk = receiver()
    assert tcp_select_initial_window(sk, 65_536, 1460, 0, True) == (64_240, 65_535 << 7, 7)
    assert tcp_select_initial_window(sk, 65_536, 1460, 0, False) == (64_240, 65_535, 0)


@pytest.mark.parametrize(
    ("era", "mss", "segments"),
    [("linux-2.4", 1460, 4), ("linux-2.4", 2000, 3), ("linux-2.4", 8960, 2),
     ("linux-2.6", 1460, 10), ("linux-3.10", 1448, 10), ("linux-3.10", 8960, 2)],
)  # fmt: skip
def test_first_windows_were_for_a_few_segments(era: str, mss: int, segments: int) -> None:
    assert tcp_select_initial_window(receiver(PROFILES[era]), 65_536, mss, 0, True)[0] == segments * mss


def test_a_clamp_bounds_the_first_window_and_its_scale() -> None:
    sk = receiver()
    assert tcp_select_initial_window(sk, 65_536, 1448, 65_536, True) == (65_160, 65_536, 1)
    assert tcp_select_initial_window(sk, -1, 1448, 0, True)[0] == 0


def test_signed_windows_are_bounded_where_the_sysctl_asks() -> None:
    sk = receiver()
    sk.net.sysctl = replace(sk.net.sysctl, tcp_workaround_signed_windows=True)
    assert tcp_select_initial_window(sk, 65_536, 1460, 0, True)[0] == 32_767


def test_memory_is_window_by_the_measured_ratio() -> None:
    sk = receiver()
    sk.scaling_ratio = 160
    assert tcp_win_from_space(sk, 131_072) == 81_920
    assert tcp_space_from_win(sk, 81_920) == 131_072


@pytest.mark.parametrize(("scale", "window"), [(1, 500), (2, 750), (-2, 250)])
def test_memory_is_window_by_adv_win_scale_before_6_6(scale: int, window: int) -> None:
    sk = receiver(PROFILES["linux-5.10"])
    sk.net.sysctl = replace(sk.net.sysctl, tcp_adv_win_scale=scale)
    assert tcp_win_from_space(sk, 1000) == window
    assert tcp_space_from_win(sk, window) == 1000


def test_backlog_and_queues_take_from_the_space() -> None:
    sk = receiver()
    sk.sk_rmem_alloc, sk.sk_backlog_len = 10_000, 1072
    assert tcp_space(sk) == 60_000


def test_window_is_never_taken_back() -> None:
    sk = receiver()
    sk.rcv_nxt += 1000
    sk.sk_rmem_alloc = 128_000
    assert tcp_select_window(sk) == (64_000 - 1000 + 127) // 128
    assert sk.rcv_wup == sk.rcv_nxt
    assert sk.net.mib["TCPWantZeroWindowAdv"] == 1


def test_window_is_taken_back_where_the_sysctl_allows() -> None:
    sk = receiver()
    sk.net.sysctl = replace(sk.net.sysctl, tcp_shrink_window=True)
    sk.sk_rmem_alloc = 100_000
    assert tcp_select_window(sk) == (131_072 - 100_000) // 2 // 128
    assert tcp_receive_window(sk) < 64_000
    assert tcp_max_receive_window(sk) == 64_000


def test_without_memory_the_window_is_zero_at_once() -> None:
    sk = receiver()
    sk.ack_pending |= ICSK_ACK_NOMEM
    assert tcp_select_window(sk) == 0
    assert tcp_receive_window(sk) == 0
    assert tcp_max_receive_window(sk) == 64_000


def test_before_the_edge_was_remembered_only_the_window_counts() -> None:
    sk = receiver(PROFILES["linux-6"])
    sk.rcv_wnd = 1000
    assert tcp_max_receive_window(sk) == 1000


def test_little_space_is_no_space() -> None:
    sk = receiver()
    sk.rcv_wnd = 0
    sk.sk_rmem_alloc = 131_072 - 2 * 4000
    assert wanted_window(sk) == 0
    sk.sk_rmem_alloc = 131_072 - 2 * 4608
    assert wanted_window(sk) == 4608


def test_without_scaling_the_window_moves_in_segments() -> None:
    sk = receiver()
    sk.rcv_wscale, sk.rcv_wnd, sk.rcv_ssthresh = 0, 14_480, 15_000
    assert wanted_window(sk) == 14_480
    sk.rcv_ssthresh = 17_000
    assert wanted_window(sk) == 15_928


def test_zero_window_is_counted_when_it_comes_and_goes() -> None:
    sk = receiver()
    sk.rcv_nxt = 64_001
    sk.sk_rmem_alloc = 131_072
    assert tcp_select_window(sk) == 0
    sk.sk_rmem_alloc = 0
    assert tcp_select_window(sk) == 500
    assert sk.net.mib["TCPToZeroWindowAdv"] == sk.net.mib["TCPFromZeroWindowAdv"] == 1


def test_clamp_below_what_the_kernel_allows_is_raised() -> None:
    sk = receiver()
    tcp_set_window_clamp(sk, 1)
    assert sk.window_clamp == sk.rcv_ssthresh == 1152
    tcp_set_window_clamp(sk, 30_000)
    assert (sk.window_clamp, sk.rcv_ssthresh) == (30_000, 30_000)


@given(
    st.integers(0, 200_000),
    st.integers(0, 64_000),
    st.integers(0, 14),
    st.integers(0, 1 << 20),
    st.integers(1, 1 << 20),
)
def test_right_edge_never_moves_back(rmem: int, arrived: int, wscale: int, ssthresh: int, clamp: int) -> None:
    sk: TcpSock = receiver()
    sk.sk_rmem_alloc, sk.rcv_wscale, sk.rcv_ssthresh, sk.window_clamp = rmem, wscale, ssthresh, clamp
    sk.rcv_nxt += arrived
    edge = sk.rcv_wup + sk.rcv_wnd
    field = tcp_select_window(sk)
    assert 0 <= field <= 0xFFFF
    assert sk.rcv_wup + sk.rcv_wnd >= edge
    assert sk.rcv_mwnd_seq >= sk.rcv_wup + sk.rcv_wnd


def test_eras_differ_by_fields_alone() -> None:
    profile = msgspec.structs.replace(PROFILES["linux-7"], zero_window_without_memory=False)
    sk = receiver(profile)
    sk.ack_pending |= ICSK_ACK_NOMEM
    assert tcp_select_window(sk) == 500
